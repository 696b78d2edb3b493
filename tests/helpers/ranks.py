"""Running a function in several processes that are connected by gloo, as in a distributed training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import warm


def call_on_ranks(processes: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call ``function(*arguments)`` in each process of a torch.distributed group, and return the results by rank.

    The function must be defined at the top of a module, and must return tensors, numbers, strings, or lists and
    dictionaries of these.
    """
    method = "forkserver" if warm.HERE else "spawn"
    if warm.HERE:
        warm.serve()
    with TemporaryDirectory() as folder:
        mp.start_processes(
            _member, (processes, folder, function, arguments), processes, daemon=True, start_method=method
        )
        return [torch.load(Path(folder, f"{rank}.pt"), weights_only=True) for rank in range(processes)]


def _member(rank: int, size: int, folder: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=Path(folder, "meeting").as_uri(), rank=rank, world_size=size)
    try:
        torch.save(function(*arguments), Path(folder, f"{rank}.pt"))
        dist.barrier()
    finally:
        dist.destroy_process_group()
