"""Triton kernels. Importing them requires Triton, which comes with PyTorch's builds for GPUs."""
