"""Data sources: each yields labelled uint8 images that all have the same size."""
