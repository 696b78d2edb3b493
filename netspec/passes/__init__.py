"""Analyses of a checked graph that several rooms share: padding as frameworks express it, the layers that the scores
need, the names in a PyTorch module, limits on training, placement on several devices, and optimising passes. None of
them imports torch."""
