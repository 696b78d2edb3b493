"""Functions run in several processes that are connected by gloo, as trainings are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import warm


def together(processes: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """``function(*arguments)`` in so many processes of one torch.distributed; what each returns, by rank.

    The function is one of a module's own; it returns tensors, numbers, strings, and lists and dictionaries of them.
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
