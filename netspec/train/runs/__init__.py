"""A run's folder: what is written into it, and a training that goes on from it."""
