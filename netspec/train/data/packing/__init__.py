"""Surveying image folders for problems, and packing them into arrays."""
