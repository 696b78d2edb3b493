"""Masks that a dense network gives images, and testing it on those that images have."""
