"""What more than one room works out of a checked graph: pads as frameworks take them, the layers that the scores need,
the names of a PyTorch module, what cannot be trained, and who holds what on several devices. No pass imports torch."""
