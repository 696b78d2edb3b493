"""How a process joins and leaves its world. Calls of CUDA are only recorded, since there is no device."""

from __future__ import annotations

import atexit
from typing import Any

import pytest
import torch
import torch.distributed as dist

from netspec.train.errors import RequestError
from netspec.train.processes import world


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of the calls of CUDA, torch.distributed and atexit by the second of two processes."""
    recorded: list[Any] = []
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: recorded.append(("device", device)))
    monkeypatch.setattr(dist, "init_process_group", lambda backend, timeout: recorded.append(("join", backend)))
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: recorded.append("leave"))
    monkeypatch.setattr(atexit, "register", recorded.append)
    return recorded


def test_process_takes_its_own_device_before_it_joins(calls: list[Any]) -> None:
    """NCCL transfers tensors on GPUs, gloo the values on which the processes agree."""
    with world.join_world("cuda", 2) as joined:
        assert (joined.rank, joined.size, joined.is_main) == (1, 2, False)
        assert calls == [("device", 1), ("join", "cpu:gloo,cuda:nccl")]
    assert calls[2:] == ["leave"]


def test_process_ends_at_once_after_an_error_on_cuda(calls: list[Any]) -> None:
    """NCCL would wait for the other processes, and they for this one, so that the error would never be reported."""
    with pytest.raises(ValueError, match="mine"), world.join_world("cuda", 2):
        raise ValueError("mine")
    assert calls[2:] == [world._end_at_once]


def test_process_leaves_after_an_error_on_the_cpu(calls: list[Any]) -> None:
    with pytest.raises(ValueError, match="mine"), world.join_world("cpu", 2):
        raise ValueError("mine")
    assert calls == [("join", "gloo"), "leave"]


def test_more_processes_than_devices_is_an_error(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(RequestError, match="process 1 of this machine has no CUDA device: it has 1"):
        world.join_world("cuda", 2).__enter__()
    assert calls == []
