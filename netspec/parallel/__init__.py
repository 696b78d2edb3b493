"""Running placed graphs on torch.distributed: one process per device, NCCL on GPUs, gloo on CPUs."""
