"""Kernels in Triton. Importing one needs Triton, which PyTorch brings on machines with a GPU."""
