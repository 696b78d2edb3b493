"""Training: data, augmentation, the optimiser and its schedules, the training loop, and the run folder.

The entry point is ``run.train``. Modules of this package may import torch.
"""
