"""Writing a file whole or not at all, and never over somebody else's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from netspec.cli.common import refuse


def refuse_what_is_not_ours(
    path: Path, ours: Callable[[Path], bool], author: str = "netspec", option: str = "-o"
) -> None:
    """End the command if there is something at the path, which ``option`` names, that ``author`` did not write."""
    try:
        if not os.path.lexists(path):
            return
        if not path.is_file():
            refuse(f"{path} is there already, and is no file")
        known = ours(path)
    except OSError as error:
        refuse(f"cannot read {path}: {error.strerror or error}")
    if not known:
        refuse(f"{path} was not written by {author} and stays as it is; {option} names another file")


def write_or_refuse(files: Mapping[Path, str | bytes]) -> None:
    """Write files as ``write_together`` does, or end the command."""
    try:
        write_together(files)
    except OSError as error:
        refuse(f"cannot write {' and '.join(map(str, files))}: {error.strerror or error}")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8 with LF: beside it, flushed, then renamed. It keeps its mode; a link stays a link.

    Raises ``OSError``; then nothing has changed.
    """
    write_together({path: content})


def write_together(files: Mapping[Path, str | bytes]) -> None:
    """Write files that belong together as ``write_whole`` writes one: none takes its name before all are written."""
    beside: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            target = path.resolve()
            beside[target] = _written_beside(target, content)
        for target, made in beside.items():
            made.replace(target)
    except BaseException:
        for made in beside.values():
            with suppress(OSError):
                made.unlink()
        raise


def _written_beside(target: Path, content: str | bytes) -> Path:
    """Write a file beside the target, with the mode that the target has, and flush it to the disk."""
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
    """That of the file that is replaced, else that of any new file (``mkstemp`` makes its own for the owner only)."""
    if path.exists():
        return path.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
