"""A file's sections as layers with the original's sizes."""
