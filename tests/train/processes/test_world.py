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
    monkeypatch.setattr(dist, "is_nccl_available", lambda: True)
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


def test_gpus_need_nccl(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_nccl_available", lambda: False)
    with pytest.raises(RequestError, match="which this PyTorch has been built without"):
        world.join_world("cuda", 2).__enter__()
    assert calls == []


NCCL = "NCCL error in: /pytorch/torch/csrc/distributed/c10d/NCCLUtils.cpp:93, {}, NCCL version 2.28.9\n"


def test_reason_for_which_nccl_fails_is_reported() -> None:
    problem = dist.DistBackendError(
        NCCL.format("unhandled system error (run with NCCL_DEBUG=INFO for details)")
        + "ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error. \n"
        "Last error:\nError while creating shared memory segment /dev/shm/nccl-1YsMbG (size 7340384)"
    )
    error = world.communication_error(problem, 1)
    assert error is not None and error.message == "NCCL has failed"
    assert error.notes[1] == "Error while creating shared memory segment /dev/shm/nccl-1YsMbG (size 7340384)"


def test_error_that_another_process_has_caused_is_a_lost_connection() -> None:
    remote = NCCL.format("remote process exited or there was a network error")
    problems = (
        dist.DistBackendError(f"{remote}ncclRemoteError: A call failed possibly due to a network error\nLast error:\n"),
        dist.DistNetworkError("The connection was closed by the peer"),
        RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:535] Connection closed by peer"),
    )
    for problem in problems:
        error = world.communication_error(problem, 1)
        assert error is not None and error.message == "process 1 lost contact with the others: one of them has ended"
    assert world.communication_error(RuntimeError("shapes do not match"), 1) is None
