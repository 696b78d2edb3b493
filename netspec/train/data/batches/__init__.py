"""Batches of pictures on their way to the network: read ahead, shared out, varied and prepared."""
