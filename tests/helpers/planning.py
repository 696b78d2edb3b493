"""What docs/devices.md shows of ``netspec plan``."""

from __future__ import annotations

from processes import netspec

_PLAN = ("plan", "specs/alexnet.net", "--gpus")


def two() -> str:
    """The paper's two GPUs."""
    return _shown(*_PLAN, "2")


def fits() -> str:
    """The largest batches that fit into its GPUs' memory, of two and of one."""
    return "".join(_shown(*_PLAN, gpus, "--memory", "3GB", only="largest batch") for gpus in ("2", "1"))


def times() -> str:
    """Times by arithmetic."""
    return _shown(*_PLAN, "1,2,4,8,64", "--link", "25GB/s", "--flops", "400T")


def _shown(*words: str, only: str = "") -> str:
    """A command with what it prints, or with those of its lines that have ``only`` in them."""
    done = netspec(*words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    lines = [line for line in done.stdout.splitlines() if only in line]
    filtered = f" | grep '{only}'" if only else ""
    return "".join(f"{line}\n" for line in ("```", f"$ netspec {' '.join(words)}{filtered}", *lines, "```"))
