"""The folder that is packed into: whose it is, and that one process at a time writes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from netspec.train.data.sources.shards import FORMAT, MANIFEST, as_json
from netspec.train.errors import RequestError
from netspec.train.files import write_beside
from netspec.train.locking import Taken, only_process

KEPT = ".packing"
"""What is known of the shards that are finished, until all are."""


@dataclass(frozen=True, slots=True)
class State:
    """A folder that may be packed into: already ``complete``, or with a folder ``kept`` for what is known so far."""

    complete: bool
    kept: Path


@contextmanager
def claim(root: Path, out: Path, fingerprint: str) -> Iterator[State]:
    """Make ``out`` or find it again, and hold it alone meanwhile. What was ``kept`` is removed when it is complete.

    Raises
    ------
    RequestError
        It is a file, holds something else or a pack of another source, lies in the source, or is being written.
    OSError
        It cannot be made or read.
    """
    inside = out.resolve()
    if root.resolve() in (inside, *inside.parents):
        raise RequestError(f"{out} lies in {root}: the pack would be taken for images", "name a folder outside it")
    if out.exists() and not out.is_dir():
        raise RequestError(f"-o {out} is a file", "name a folder")
    if (out / MANIFEST).exists():
        _same(_source(out / MANIFEST), fingerprint, f"{out} is a pack of")
        shutil.rmtree(out / KEPT, ignore_errors=True)  # of a process killed between its last two steps
        yield State(True, out / KEPT)
        return
    kept = out / KEPT
    if out.exists() and not (kept / MANIFEST).exists() and any(_others(out)):
        raise RequestError(f"-o {out} is a folder with something in it", "name a new folder")
    kept.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(only_process(kept / "lock"))
        except Taken as taken:
            raise RequestError(f"another process is packing into {out}") from taken
        if (kept / MANIFEST).exists():
            _same(_source(kept / MANIFEST), fingerprint, f"{out} holds an unfinished pack of")
        else:
            write_beside(kept / MANIFEST, as_json({"format": FORMAT, "source": {"sha256": fingerprint}}))
        yield State(False, kept)
    if (out / MANIFEST).exists():
        shutil.rmtree(kept, ignore_errors=True)  # now that its lock is let go of: Windows removes no file that is open


def _others(out: Path) -> Iterator[Path]:
    """What is in a folder beside one that a killed process had only just made."""
    return (entry for entry in out.iterdir() if entry.name != KEPT)


def _source(manifest: Path) -> str | None:
    """The source's fingerprint; ``None`` where the file is none of netspec's."""
    try:
        found = json.loads(manifest.read_bytes())
        return str(found["source"]["sha256"]) if found["format"] == FORMAT else None
    except (ValueError, TypeError, KeyError):
        return None


def _same(found: str | None, fingerprint: str, what: str) -> None:
    if found != fingerprint:
        raise RequestError(
            f"{what} another source",
            "its files, their classes or sizes differ, or it has another --size; name a new folder",
        )
