"""Checkpoints: loaded without executing code, the last two kept, and never incomplete."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from netspec.train.runs import checkpoint

WRITER = """
import sys, torch
from pathlib import Path
from netspec.train.runs import checkpoint

folder = Path(sys.argv[1])
step = 0
while True:
    step += 1
    checkpoint.save(folder, step, {"weights": {"w": torch.full((500_000,), float(step))}})
    print(step, flush=True)
"""


def test_saved_state_is_loaded_unchanged(tmp_path: Path) -> None:
    state = {
        "weights": {"a.weight": torch.randn(3)},
        "watch": {"best": None, "cuts": 1},
        "spec": "net x",
        "n": [1, 2.5],
    }
    path = checkpoint.save(tmp_path, 7, state)
    loaded = checkpoint.load(path)
    assert torch.equal(loaded["weights"]["a.weight"], state["weights"]["a.weight"])  # type: ignore[index]
    assert (loaded["step"], loaded["watch"], loaded["spec"]) == (7, {"best": None, "cuts": 1}, "net x")


def test_file_that_would_run_code_is_rejected(tmp_path: Path) -> None:
    torch.save({"x": Path("x")}, tmp_path / "step-000000001.pt")
    with pytest.raises(Exception, match="weights_only"):
        checkpoint.load(tmp_path / "step-000000001.pt")


def test_only_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".step-000000001.pt.99999.part").write_text("half")
    for step in (0, 5, 10, 2000):
        checkpoint.save(tmp_path, step, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000010.pt", "step-000002000.pt"]
    assert [path.name for path in checkpoint.list_checkpoints(tmp_path)] == ["step-000000010.pt", "step-000002000.pt"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("write failed")])
def test_failed_save_leaves_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    checkpoint.save(tmp_path, 1, {"x": 1})

    def fail(state: Any, file: Any) -> None:
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match=r"No space|write failed"):
        checkpoint.save(tmp_path, 2, {"x": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001.pt"]


@pytest.mark.ci  # a process that imports torch
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_checkpoints_survive_a_kill_at_any_time(tmp_path: Path) -> None:
    """Stop a process that only saves checkpoints, at several moments. The newest checkpoint is always readable, and no
    older than the last one that the process reported."""
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for round_ in range(6):
            reported = int(writer.stdout.readline())
            writer.send_signal(signal.SIGSTOP)  # like a kill, since nothing more is written
            time.sleep(0.001 * round_)
            newest = checkpoint.list_checkpoints(tmp_path)[-1]
            state = checkpoint.load(newest)
            assert state["step"] >= reported
            assert state["weights"]["w"].unique().tolist() == [float(state["step"])]
            writer.send_signal(signal.SIGCONT)
            time.sleep(0.0007 * (round_ + 1))
        writer.kill()
    states = [checkpoint.load(path) for path in checkpoint.list_checkpoints(tmp_path)]
    assert [len(state["weights"]["w"].unique()) for state in states] == [1] * len(states)
    assert len(states) in (1, 2, 3)  # three if it was killed after a rename and before removing the oldest
    checkpoint.save(tmp_path, 10**6, {})
    assert list(tmp_path.glob(".*.part")) == []
