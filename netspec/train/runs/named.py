"""Checking that a named path exists, without importing anything slow."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics.nearest import nearest
from netspec.train.errors import RequestError


def require_path(path: Path, what: str = "run or checkpoint") -> None:
    """Raise ``RequestError`` ("there is no `what` called ...") if a path does not exist."""
    if not path.exists():
        raise RequestError(f"there is no {what} called {path}", *suggestion(path))


def suggestion(path: Path) -> list[str]:
    """Return a "did you mean" line for a path that does not exist, if its folder has an entry with a similar name."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError:
        return []
    similar = nearest(path.name, sorted(neighbours))
    return [f"did you mean {path.parent / similar}?"] if similar else []
