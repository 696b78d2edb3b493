"""Trained networks, tested and asked about pictures."""
