"""Plots of trained networks: kernels, activations, confusion matrices."""
