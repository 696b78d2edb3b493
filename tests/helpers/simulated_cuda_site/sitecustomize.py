"""Simulates CUDA devices (``simulated_cuda``) in Python processes that have this folder in ``PYTHONPATH``.

The environment variable ``SIMULATED_CUDA_DEVICES`` is the number of devices. Collectives run on gloo instead of NCCL,
after the checks that NCCL would make. At its end, a process writes the exchanges it made to a file named by its rank in
the folder ``EXCHANGED``.
"""

import atexit
import json
import os
import sys
from pathlib import Path

if "SIMULATED_CUDA_DEVICES" in os.environ:
    sys.path.append(str(Path(__file__).parents[1]))

    import torch.distributed as dist
    from simulated_cuda import simulate_cuda

    device = (simulation := simulate_cuda(int(os.environ["SIMULATED_CUDA_DEVICES"]))).__enter__()
    initialise = dist.init_process_group

    def init_process_group(backend: str, **options: object) -> None:
        assert "nccl" in backend and device.current == int(os.environ["LOCAL_RANK"]), "the device is chosen before"
        initialise("cpu:gloo,cuda:gloo", **options)

    def leave() -> None:
        if "RANK" in os.environ:
            text = json.dumps(device.exchanges)
            Path(os.environ["EXCHANGED"], os.environ["RANK"]).write_text(text)

    dist.init_process_group, dist.is_nccl_available = init_process_group, lambda: True
    atexit.register(leave)
