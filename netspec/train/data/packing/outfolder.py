"""The output folder of a pack: checks that it belongs to the source, and locks it for one process at a time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from netspec.train.data.sources.shards import FORMAT, MANIFEST, as_json
from netspec.train.errors import RequestError
from netspec.train.files import write_atomically
from netspec.train.locking import LockHeld, exclusive_lock

FACTS = ".packing"
"""The subfolder with facts about finished shards, which exists until the pack is complete."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of an output folder: whether its pack is ``complete``, and the folder ``facts`` with facts about its
    finished shards."""

    complete: bool
    facts: Path


@contextmanager
def claim(root: Path, out: Path, fingerprint: str) -> Iterator[State]:
    """Create or reopen the output folder, and hold its lock meanwhile. Its ``facts`` folder is deleted once the pack is
    complete.

    Raises
    ------
    RequestError
        ``out`` is a file, contains other files or a pack of another source, is inside the source, is locked by another
        process, or cannot be created.
    OSError
        ``out`` cannot be read.
    """
    inside = out.resolve()
    if root.resolve() in (inside, *inside.parents):
        raise RequestError(f"{out} lies in {root}: the pack would be taken for images", "name a folder outside it")
    if out.exists() and not out.is_dir():
        raise RequestError(f"-o {out} is a file", "name a folder")
    if (out / MANIFEST).exists():
        _need_same_source(out / MANIFEST, fingerprint, f"{out} is a pack of")
        shutil.rmtree(out / FACTS, ignore_errors=True)  # left by a process that was killed just before it did this
        yield State(complete=True, facts=out / FACTS)
        return
    facts = out / FACTS
    if out.exists() and not (facts / MANIFEST).exists() and any(_other_entries(out)):
        raise RequestError(f"-o {out} is a folder with something in it", "name a new folder")
    try:
        facts.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise RequestError(f"cannot make the folder {out}: {problem.strerror}") from problem
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(facts / "lock"))
        except LockHeld as error:
            raise RequestError(f"another process is packing into {out}") from error
        if (facts / MANIFEST).exists():
            _need_same_source(facts / MANIFEST, fingerprint, f"{out} holds an unfinished pack of")
        else:
            write_atomically(facts / MANIFEST, as_json({"format": FORMAT, "source": {"sha256": fingerprint}}))
        yield State(complete=False, facts=facts)
    if (out / MANIFEST).exists():
        shutil.rmtree(facts, ignore_errors=True)  # only after the lock is released: Windows does not delete open files


def _other_entries(out: Path) -> Iterator[Path]:
    """Yield the entries of a folder, except a ``facts`` folder that a killed process has left behind."""
    return (entry for entry in out.iterdir() if entry.name != FACTS)


def _fingerprint_in(manifest: Path) -> str | None:
    """Return the source's fingerprint from a manifest, or ``None`` if netspec did not write the file."""
    try:
        content = json.loads(manifest.read_bytes())
        return str(content["source"]["sha256"]) if content["format"] == FORMAT else None
    except (ValueError, TypeError, KeyError):
        return None


def _need_same_source(manifest: Path, fingerprint: str, message: str) -> None:
    if _fingerprint_in(manifest) != fingerprint:
        raise RequestError(
            f"{message} another source",
            "its files, their classes or sizes differ, or it has another --size; name a new folder",
        )
