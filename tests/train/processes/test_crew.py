"""How a process joins and leaves its crew. There is no CUDA device here: what would be asked of one is looked at."""

from __future__ import annotations

import atexit
from typing import Any

import pytest
import torch
import torch.distributed as dist

from netspec.train.errors import RequestError
from netspec.train.processes import crew


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is asked of CUDA, of torch.distributed and of Python's end, by the second of two processes."""
    asked: list[Any] = []
    for key, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(("device", device)))
    monkeypatch.setattr(dist, "init_process_group", lambda backend, timeout: asked.append(("join", backend)))
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: asked.append("leave"))
    monkeypatch.setattr(atexit, "register", asked.append)
    return asked


def test_each_takes_the_device_of_its_number_before_it_joins(calls: list[Any]) -> None:
    """NCCL carries what is on GPUs, gloo what the processes agree on."""
    with crew.join_crew("cuda") as found:
        assert (found.rank, found.size, found.leads) == (1, 2, False)
        assert calls == [("device", 1), ("join", "cpu:gloo,cuda:nccl")]
    assert calls[2:] == ["leave"]


def test_after_an_error_on_cuda_nobody_is_waited_for(calls: list[Any]) -> None:
    """NCCL would wait for the others, and they for this one: nobody would learn of the error."""
    with pytest.raises(ValueError, match="mine"), crew.join_crew("cuda"):
        raise ValueError("mine")
    assert calls[2:] == [crew._end_at_once]


def test_after_an_error_on_the_cpu_it_leaves(calls: list[Any]) -> None:
    with pytest.raises(ValueError, match="mine"), crew.join_crew("cpu"):
        raise ValueError("mine")
    assert calls == [("join", "gloo"), "leave"]


def test_more_processes_than_devices(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(RequestError, match="process 1 of this machine has no CUDA device: it has 1"):
        crew.join_crew("cuda").__enter__()
    assert calls == []
