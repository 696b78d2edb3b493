"""Training in several processes: launching them, communication, dividing the work, and verifying the result."""
