"""Whether a run is there, asked before anything is imported that opens it."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics.nearest import nearest
from netspec.train.errors import RequestError


def need(path: Path, what: str = "run and no checkpoint") -> None:
    """Make sure that there is something of that name. Raises ``RequestError``: "there is no `what` called ..."."""
    if not path.exists():
        raise RequestError(f"there is no {what} called {path}", *near(path))


def near(path: Path) -> list[str]:
    """A line that names what is beside a path that is not there and has nearly its name, if there is such a thing."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError:
        return []
    found = nearest(path.name, sorted(neighbours))
    return [f"did you mean {path.parent / found}?"] if found else []
