"""Writing files atomically, and never over a file that netspec did not write."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from netspec.cli.common import fail


def require_own_file(
    path: Path, is_ours: Callable[[Path], bool], author: str = "netspec", option: str = "-o", named: str = "file"
) -> None:
    """Exit if ``path`` already exists and was not written by ``author``. ``option`` is the one that gives it, or the
    folder that it is in; ``named`` says which.

    ``is_ours`` recognises files that ``author`` wrote.
    """
    try:
        if not os.path.lexists(path):
            return
        if not path.is_file():
            fail(f"{path} already exists and is not a file")
        wrote_it = is_ours(path)
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror or error}")
    if not wrote_it:
        fail(f"{path} was not written by {author} and stays as it is; {option} names another {named}")


def write_or_fail(files: Mapping[Path, str | bytes]) -> None:
    """Write files as ``write_together`` does, and exit with a message if that fails."""
    try:
        write_together(files)
    except OSError as error:
        fail(f"cannot write {' and '.join(map(str, files))}: {error.strerror or error}")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically, via a temporary file in the same folder. Text is written as UTF-8 with LF.

    An existing file keeps its mode, and a symbolic link stays a link. Raises ``OSError`` and then changes nothing.
    """
    write_together({path: content})


def write_together(files: Mapping[Path, str | bytes]) -> None:
    """Write several files as ``write_whole`` writes one. They are renamed only after all have been written."""
    temporaries: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            target = path.resolve()
            temporaries[target] = _write_temporary(target, content)
        for target, temporary in temporaries.items():
            temporary.replace(target)
    except BaseException:
        for temporary in temporaries.values():
            with suppress(OSError):
                temporary.unlink()
        raise


def _write_temporary(target: Path, content: str | bytes) -> Path:
    """Write a temporary file in the target's folder, with the target's mode, flush it to disk and return its path."""
    handle, name = mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_mode(target))
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    return Path(name)


def _mode(path: Path) -> int:
    """Return the mode of the file at ``path``, or the default for new files (``mkstemp`` creates private ones)."""
    if path.exists():
        return path.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
