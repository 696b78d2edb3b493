"""Weights by their names: read from files and runs, in every layout, and written."""
