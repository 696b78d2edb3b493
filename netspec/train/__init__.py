"""Training: data, augmentation, the optimiser and its schedules, the loop, and the folder that a run leaves.

``run.train`` is the way in. Everything here may import torch.
"""
