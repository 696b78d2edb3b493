"""The runtime of placed graphs on torch.distributed: one process a device, NCCL on GPUs, gloo on CPUs."""
