"""Open and decode files, recognise layer files, and find the specs in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from itertools import islice, takewhile
from pathlib import Path

from netspec.diagnostics import CannotFind, CannotOpen, Diagnostic, OutsideFolder, SpecError
from netspec.diagnostics.model import first_line_span, source_error
from netspec.diagnostics.nearest import nearest
from netspec.formatting import format_count
from netspec.language.bases import Folder
from netspec.source import (
    CAFFE_FILE,
    KERAS_FILES,
    LAYER_FILE,
    MODEL_FILES,
    ONNX_FILE,
    SPEC,
    ModelFile,
    Source,
    Span,
    names_network,
)

MAX_FILE_BYTES = 4 * 2**20
"""In bytes. AlexNet's spec has fewer than 3,000."""

_TEXT_OF_BYTES = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]*")
"""Text in some 8-bit encoding: it has no control characters except white space."""

_MARKS = ((b"\xff\xfe\0\0", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
"""Byte order marks, which some editors write at the start of a file."""

_MODEL = re.compile(rb"\x08[\x01-\x1f]\x12")
"""The first bytes of most ONNX models: the version of the format, and the length of the name of its producer."""

_CAFFE_START = re.compile(r"(?:\s|#[^\n]*\n)*(?:name|input|layers?|state|force_backward)\s*[:{]")
_CAFFE_LAYER = re.compile(r"^\s*layers?\s*:?\s*\{", re.MULTILINE)
_DARKNET_START = re.compile(r"(?:\s|[#;][^\n]*\n)*\[\s*(?:net|network)\s*\][ \t\r]*(?:[#;][^\n]*)?(?:\n|$)([^\[]*)")
_TYPE = re.compile(r"^[ \t]*type\s*[=:]", re.MULTILINE | re.IGNORECASE)
_EDGE = re.compile(r"^\s*edge\s*\{", re.MULTILINE)
"""What the networks of another program have that are otherwise like Caffe's."""

_KERAS_START = re.compile(
    r"\s*\{\s*\"(?:module\"\s*:\s*\"keras|class_name\"\s*:\s*\"(?:Sequential|Functional|Model)\")"
)

_SAVED_MODEL = "saved_model.pb"
"""The file in a folder that TensorFlow saves a model in."""
_DOS_END = b"\x1a"

_ARCHIVES = (
    (b"PK\x03\x04", "a zip archive, as torch.save writes"),
    (b"\x89HDF", "HDF5, as Keras writes"),
    *((bytes((0x80, protocol)), "a pickle, as cuda-convnet writes") for protocol in range(2, 6)),
)
"""The first bytes of files of weights."""
_SAFETENSORS = re.compile(rb".{8}\{\s*\"", re.DOTALL)
"""The first bytes of a file of safetensors: the length of its header, which is JSON."""

MAX_FILES = 500
"""The most files of a folder that are considered when looking for a name or for variants."""


def read_source(path: str | os.PathLike[str]) -> Source:
    """Read a spec's text. Of a ``ModelFile``, only whether it can be opened is found out here.

    Raises
    ------
    CannotOpen
        The file does not exist, is a folder, or cannot be read.
    SpecError
        The file is not text (``not-text``), or is far too large for a spec (``too-large-file``).
    """
    try:
        with Path(path).open("rb") as file:
            if os.fspath(path).lower().endswith(MODEL_FILES):
                return ModelFile(os.fspath(path), "")
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise cannot_open(path, error) from None
    return decode(data, os.fspath(path))


def read_named(path: str | os.PathLike[str]) -> Source:
    """Read a file that the user has named. If it cannot be opened, the error suggests the file that may be meant."""
    try:
        return read_source(path)
    except CannotOpen as missing:
        raise with_suggestion(missing, path) from None


def cannot_open(path: str | os.PathLike[str], error: OSError) -> CannotOpen:
    """Return the error for a file that cannot be opened."""
    if not os.fspath(path):
        return CannotOpen("cannot open '': this is no file's name")
    kind = CannotFind if isinstance(error, FileNotFoundError) else CannotOpen
    message = f"cannot open {os.fspath(path)}: {error.strerror or error}"
    with suppress(OSError):  # the name may be too long
        if Path(path, _SAVED_MODEL).is_file():
            message += "; it is a SavedModel of TensorFlow: save the model of Keras as a file, m.keras or m.h5"
    return _caused(kind(message), error.errno, os.fspath(path))


def with_suggestion(error: CannotOpen, path: str | os.PathLike[str]) -> CannotOpen:
    """Return the error with a suggestion of the file that is most likely meant, if there is one."""
    suggestion = _suggestion(Path(path)) if os.fspath(path) else None
    if suggestion in (None, Path(path)):
        return error
    return _caused(type(error)(f"{error}; did you mean {suggestion}?"), error.errno, error.filename)


def _caused(error: CannotOpen, errno: int | None, filename: str | None) -> CannotOpen:
    error.errno, error.filename = errno, filename
    return error


def _suggestion(path: Path) -> Path | str | None:
    """Return the file that is most likely meant by a path that cannot be opened, ``None`` if none suggests itself.

    For a folder, perhaps that of a run, this is its spec, or a pattern for its specs. For a path that does not exist,
    it is a spec in the same folder with the same or a similar name.
    """
    with suppress(OSError):
        if path.is_dir():
            specs = [p for p in islice(path.iterdir(), MAX_FILES) if p.suffix == SPEC and p.is_file()]
            pattern = f"one of its specs, {path / f'*{SPEC}'}" if specs else None
            return next((p for p in specs if p.stem == "spec" or len(specs) == 1), pattern)
        if not path.exists():
            specs = sorted(p for p in islice(path.parent.iterdir(), MAX_FILES) if names_network(p))
            stems = {p.name.removesuffix(p.suffix): p for p in reversed(specs)}
            stem = path.name.removesuffix(path.suffix) if names_network(path) else path.name
            return stems.get(nearest(stem, stems) or "")
    return None


def decode(data: bytes, name: str) -> Source:
    """Decode a file's bytes. Raises ``SpecError`` with ``not-text`` or ``too-large-file``.

    Specs are UTF-8. Layer files and networks of Caffe are older and may be in any 8-bit encoding. One that is not UTF-8
    is decoded as Latin-1, which is right for its keys and names in all encodings that were in use. The character with
    which DOS programs ended a text is removed.
    """
    if len(data) > MAX_FILE_BYTES:
        message = f"this file is larger than {format_count(MAX_FILE_BYTES)} bytes: too large for a spec"
        raise source_error("too-large-file", Source(name, ""), message, _about_weights(data))
    data = data.removesuffix(_DOS_END)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if name.lower().endswith((LAYER_FILE, CAFFE_FILE)) and _TEXT_OF_BYTES.fullmatch(data):
            return Source(name, data.decode("latin-1"))
        place = len(data) - len(error.object) + error.start  # error.start does not count a byte order mark
        message = f"this file is not text: byte {place + 1} is 0x{data[place]:02x}, which is not UTF-8"
        raise _not_text(message, data, name, place) from None
    if "\0" in text:
        raise _not_text("this file is not text: it has zero bytes", data, name, data.index(0))
    return Source(name, text)


def _about_weights(data: bytes) -> tuple[str, ...]:
    """Return a note on a file that has weights."""
    found = next((word for mark, word in _ARCHIVES if data.startswith(mark)), None)
    kind = found or ("a file of safetensors" if _SAFETENSORS.match(data) else None)
    return (f"it is {kind}: weights, not a spec of a network",) if kind else ()


def _not_text(message: str, data: bytes, name: str, place: int) -> SpecError:
    """Return the error for a file whose byte at ``place`` is not UTF-8.

    The diagnostic points at the byte if the file may be text in another encoding, else at the file as a whole.
    """
    encoding = next((word for mark, word in _MARKS if data.startswith(mark)), None)
    span, notes = first_line_span(Source(name, "")), tuple[str, ...]()
    if weights := _about_weights(data):
        notes = weights
    elif _MODEL.match(data):
        notes = (f"it begins as an ONNX model does, whose name must end with {ONNX_FILE}",)
    elif _TEXT_OF_BYTES.fullmatch(data):
        span = Span(Source(name, data.decode("ascii", "replace")), place, place + 1)
        notes = ("text in another encoding must be converted: iconv -f LATIN1 -t UTF-8 does it for Latin-1",)
    elif encoding:
        notes = (f"it begins as {encoding} does: iconv -f {encoding} -t UTF-8 converts it",)
    return SpecError((Diagnostic("not-text", message, (span,), notes),))


def is_layer_file(source: Source) -> bool:
    """Whether a text is a layer file of cuda-convnet: by the ending of its name, which networks of Darknet have too,
    or, if it has no ending of a network's file, by its first section (``begins_as_layer_file``)."""
    if names_network(source.name):
        return source.name.lower().endswith(LAYER_FILE) and not is_darknet_file(source)
    return begins_as_layer_file(source)


def is_darknet_file(source: Source) -> bool:
    """Whether a text is a network of Darknet: its first section is ``[net]``, and without the line ``type=`` that the
    sections of a layer file have. Its name ends as theirs, or has no ending of a network's file."""
    if names_network(source.name) and not source.name.lower().endswith(LAYER_FILE):
        return False
    start = _DARKNET_START.match(source.text)
    return start is not None and not _TYPE.search(start[1])


def is_caffe_file(source: Source) -> bool:
    """Whether a text is a network of Caffe: by the ending of its name, or, if it has no ending of a network's file, by
    its first field and its layers."""
    if names_network(source.name):
        return source.name.lower().endswith(CAFFE_FILE)
    return bool(_CAFFE_START.match(source.text) and _CAFFE_LAYER.search(source.text) and not _EDGE.search(source.text))


def is_keras_file(source: Source) -> bool:
    """Whether a file is a model of Keras: by the ending of its name, or a text by how JSON of Keras begins, and if its
    name ends with ``.json``, by the field of a class."""
    if isinstance(source, ModelFile):
        return source.name.lower().endswith(KERAS_FILES)
    if source.name.lower().endswith(".json") and source.text.lstrip().startswith("{"):
        return '"class_name"' in source.text
    return not names_network(source.name) and _KERAS_START.match(source.text) is not None


def begins_as_layer_file(source: Source) -> bool:
    """Whether a text begins like a layer file: a section's name alone on a line, and a ``type`` among its keys."""
    lines = (line for line in source.text.splitlines() if line.strip() and line[0] not in "#;")
    if not re.fullmatch(r"\[[^\]]+\]\s*", next(lines, "")):
        return False
    keys = takewhile(lambda line: line[0] != "[", lines)
    return any(re.match(r"type\s*[=:]", key, re.IGNORECASE) for key in keys)


def open_folder(folder: Path | None, read: Callable[[Path], Source] | None = None) -> Folder:
    """Return access to the specs of a folder. ``read`` replaces reading from the disk.

    Reading a link to a file outside the folder raises ``OutsideFolder``, because a spec from an unknown source must not
    read anything outside its folder.
    """
    if folder is None:
        return Folder()

    def read_beside(name: str) -> Source:
        path = folder / name
        if Path(os.path.realpath(path)).parent != Path(os.path.realpath(folder)):
            raise OutsideFolder(f"{name} is outside its folder")
        return read(path) if read else read_source(path)

    def names() -> list[str]:
        with suppress(OSError):
            return [path.name for path in sorted(folder.glob("*.net"))[:MAX_FILES]]
        return []

    return Folder(read_beside, names)
