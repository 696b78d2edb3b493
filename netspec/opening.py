"""Files as sources: opened, decoded, told apart, and the specs beside one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from itertools import islice, takewhile
from pathlib import Path

from netspec.diagnostics import CannotOpen, Diagnostic, OutsideFolder, SpecError
from netspec.diagnostics.model import whole
from netspec.diagnostics.nearest import nearest
from netspec.language.bases import Folder
from netspec.source import LAYER_FILE, SPEC, SPEC_ENDINGS, Source, Span
from netspec.units import count

LARGEST_FILE = 4 * 2**20
"""Bytes. AlexNet's spec has under 3,000."""

_TEXT_OF_BYTES = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]*")
"""A text in an encoding of 8 bits: no control characters but those that part lines and words."""

_MARKS = ((b"\xff\xfe\0\0", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
"""The byte order marks with which some editors begin a text."""

_ARCHIVES = ((b"PK\x03\x04", "a zip archive, as torch.save writes"), (b"\x89HDF", "HDF5, as Keras writes"))
"""How files of weights begin that other tools write."""

MOST_FILES = 500
"""How many specs of one folder are looked at, in search of a name or of variants."""

STDIN = "<stdin>"
"""What standard input is called."""


def read_source(path: str | os.PathLike[str]) -> Source:
    """Read a spec's text.

    Raises
    ------
    CannotOpen
        The file is missing, a folder, or may not be read.
    SpecError
        It is no text (``not-text``) or far too large for a spec (``too-large-file``).
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise cannot_open(path, error) from None
    return decode(data, os.fspath(path))


def read_named(path: str | os.PathLike[str]) -> Source:
    """``read_source`` of what somebody has named: the complaint about what cannot be opened says what is meant."""
    try:
        return read_source(path)
    except CannotOpen as missing:
        raise with_near(missing, path) from None


def cannot_open(path: str | os.PathLike[str], error: OSError) -> CannotOpen:
    """The complaint about a file that cannot be opened."""
    return CannotOpen(f"cannot open {os.fspath(path)}: {error.strerror or error}")


def with_near(missing: CannotOpen, path: str | os.PathLike[str]) -> CannotOpen:
    """A complaint about a path, with the file that is most likely meant."""
    near = _near(Path(path))
    return missing if near is None else CannotOpen(f"{missing}; did you mean {near}?")


def _near(path: Path) -> Path | str | None:
    """What is most likely meant by a path that cannot be opened: in a folder, which may be a run's, its spec or one of
    its specs; of what is not there, a spec beside it of the same name, or nearly the same."""
    with suppress(OSError):
        if path.is_dir():
            specs = [p for p in islice(path.iterdir(), MOST_FILES) if p.suffix == SPEC and p.is_file()]
            several = f"one of its specs, {path / f'*{SPEC}'}" if specs else None
            return next((p for p in specs if p.stem == "spec" or len(specs) == 1), several)
        if not path.exists():
            beside = sorted(p for p in islice(path.parent.iterdir(), MOST_FILES) if p.suffix in SPEC_ENDINGS)
            stems = {p.name.removesuffix(p.suffix): p for p in reversed(beside)}
            wanted = path.name.removesuffix(path.suffix) if path.suffix in SPEC_ENDINGS else path.name
            return stems.get(nearest(wanted, stems) or "")
    return None


def decode(data: bytes, name: str) -> Source:
    """Bytes as a source. Raises ``SpecError`` with ``not-text`` or ``too-large-file``.

    A spec is UTF-8. Layer files are older than that habit, and their program read bytes: one that is no UTF-8 is taken
    letter by letter (Latin-1), which its keys and names are in any encoding of its day.
    """
    if len(data) > LARGEST_FILE:
        raise _unreadable(
            "too-large-file", f"this file is larger than {count(LARGEST_FILE)} bytes: it is no spec", name
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if name.endswith(LAYER_FILE) and _TEXT_OF_BYTES.fullmatch(data):
            return Source(name, data.decode("latin-1"))
        place = len(data) - len(error.object) + error.start  # a byte order mark is not counted there
        message = f"this file is not text: byte {place + 1} is 0x{data[place]:02x}, which is not UTF-8"
        raise _not_text(message, data, name, place) from None
    if "\0" in text:
        raise _not_text("this file is not text: it has zero bytes", data, name, data.index(0))
    return Source(name, text)


def _unreadable(code: str, message: str, name: str) -> SpecError:
    return SpecError((Diagnostic(code, message, (whole(Source(name, "")),)),))


def _not_text(message: str, data: bytes, name: str, place: int) -> SpecError:
    """The complaint about bytes of which that at ``place`` is no text's: where it stands, if the others are one's."""
    archive = next((word for mark, word in _ARCHIVES if data.startswith(mark)), None)
    if not archive and _TEXT_OF_BYTES.fullmatch(data):
        note = "a text in another encoding is converted: of Latin-1, by iconv -f LATIN1 -t UTF-8"
        shown = data.decode("ascii", "replace")
        return SpecError((Diagnostic("not-text", message, (Span(Source(name, shown), place, place + 1),), (note,)),))
    found = next((word for mark, word in _MARKS if data.startswith(mark)), None)
    note = f"it begins as {found} does: iconv -f {found} -t UTF-8 converts it" if found else ""
    note = f"it is {archive}: weights, and no spec of a network" if archive else note
    return SpecError((Diagnostic("not-text", message, (whole(Source(name, "")),), (note,) if note else ()),))


def is_layer_file(source: Source) -> bool:
    """Whether a text is a layer file of cuda-convnet: by its name, or, of one that has no ending of a spec's either, by
    its first section, which has a line to itself and a ``type``."""
    if source.name.endswith(SPEC_ENDINGS):
        return source.name.endswith(LAYER_FILE)
    return begins_as_layer_file(source)


def begins_as_layer_file(source: Source) -> bool:
    """Whether the first section of a text has a line to itself and a ``type``, whatever the text is called."""
    lines = (line for line in source.text.splitlines() if line.strip() and line[0] not in "#;")
    if not re.fullmatch(r"\[[^\]]+\]\s*", next(lines, "")):
        return False
    keys = takewhile(lambda line: line[0] != "[", lines)
    return any(re.match(r"type\s*[=:]", key, re.IGNORECASE) for key in keys)


def beside(folder: Path | None, read: Callable[[Path], Source] | None = None) -> Folder:
    """A folder as a spec in it sees it; ``read`` reads its files, in place of the disk.

    A link to a file elsewhere is ``OutsideFolder``: a spec that comes from somebody reads nothing but its own folder.
    """
    if folder is None:
        return Folder()

    def read_beside(name: str) -> Source:
        path = folder / name
        if Path(os.path.realpath(path)).parent != Path(os.path.realpath(folder)):
            raise OutsideFolder(f"{name} leads out of its folder")
        return read(path) if read else read_source(path)

    def names() -> list[str]:
        with suppress(OSError):
            return [path.name for path in sorted(folder.glob("*.net"))[:MOST_FILES]]
        return []

    return Folder(read_beside, names)
