"""A loaded spec: the text, the checked graph, and every layer's numbers by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from netspec.check import Checked, check
from netspec.diagnostics import CannotOpen, Diagnostic, OutsideFolder, SpecError, in_order
from netspec.diagnostics.model import whole
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.language.bases import Folder
from netspec.language.variants import gather
from netspec.language.written import written_out
from netspec.source import LAYER_FILE, SPEC_ENDINGS, Source
from netspec.stats import LayerNumbers, Totals, layer_numbers, totals
from netspec.units import count

if TYPE_CHECKING:
    from netspec.importers.cuda_convnet import Dialect

LARGEST_FILE = 4 * 2**20
"""Bytes. AlexNet's spec has under 3,000."""

_TEXT_OF_BYTES = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]*")
"""A text in an encoding of 8 bits: no control characters but those that part lines and words."""

MOST_FILES = 500
"""How many specs of one folder are looked at, in search of a name or of variants."""

STDIN = "<stdin>"
"""What standard input is called."""


@dataclass(frozen=True)
class Net:
    """A network that has passed the checker.

    ``net["conv1"].output`` is ``Shape(96, 55, 55)``; ``net.total.connections`` the multiply-accumulates of one image's
    forward pass. ``warnings`` are the checker's.
    """

    source: Source
    graph: Graph
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def name(self) -> str:
        return self.graph.name

    @cached_property
    def layers(self) -> dict[str, LayerNumbers]:
        """Every layer's numbers by name, in file order."""
        return {numbers.name: numbers for numbers in layer_numbers(self.graph)}

    def __getitem__(self, name: str) -> LayerNumbers:
        return self.layers[name]

    @cached_property
    def total(self) -> Totals:
        """The sums over all layers."""
        return totals(self.layers.values())


def load(
    path: str | os.PathLike[str],
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    params: str | os.PathLike[str] | None = None,
    *,
    history: bool = False,
) -> Net:
    """Load and check a spec, or a layer file of cuda-convnet (``.cfg``), of which ``params`` is the parameter file;
    with ``history`` it learns as the notes in that file say that its run began. ``changes`` are keys given other
    values, ``conv1.stride=2``.

    Raises
    ------
    SpecError
        The file is no good spec; ``.diagnostics`` says why.
    CannotOpen
        The file cannot be opened.
    """
    foreign = Foreign(read_source(params), history=history) if params is not None else Foreign()
    return load_source(read_source(path), input_shape, changes, folder=Path(path).parent, foreign=foreign)


def loads(text: str, name: str = "<text>", input_shape: Shape | None = None) -> Net:
    """Load and check a spec that is given as text. Raises ``SpecError``."""
    return load_source(Source(name, text.removeprefix("\ufeff")), input_shape)


@dataclass(frozen=True, slots=True)
class Foreign:
    """How a layer file of cuda-convnet is read: with a parameter file, as a version (``None``: by its content), with
    twins on several GPUs as one layer (``merged``) or as they stand, and with the rates that the parameter file holds
    or those that, by its notes, its run began with (``history``)."""

    params: Source | None = None
    dialect: Dialect | None = None
    merged: bool = False
    history: bool = False


def load_source(
    source: Source,
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    folder: Path | None = None,
    foreign: Foreign | None = None,
) -> Net:
    """Check a source, with fixes for what is wrong. Raises ``SpecError``.

    ``folder`` is where a variant finds the file that it starts from; ``foreign`` says how a layer file is read.
    """
    if is_layer_file(source):
        return _load_layer_file(source, input_shape, changes, foreign or Foreign())

    checked = check(gather(source, beside(folder), changes), input_shape)
    found = checked.diagnostics
    if found:
        from netspec.solve import solved  # only where there is something to say

        found = solved(checked, input_shape)
    if checked.graph is None:
        raise SpecError(found)
    return Net(_whole_text(checked), checked.graph, found)


def is_layer_file(source: Source) -> bool:
    """Whether a text is a layer file of cuda-convnet: by its name, or, of one that has no ending of a spec's either, by
    its first section, which has a line to itself and a ``type``."""
    if source.name.endswith(SPEC_ENDINGS):
        return source.name.endswith(LAYER_FILE)
    lines = (line for line in source.text.splitlines() if line.strip() and line[0] not in "#;")
    if not re.fullmatch(r"\[[^\]]+\]\s*", next(lines, "")):
        return False
    keys = takewhile(lambda line: line[0] != "[", lines)
    return any(re.match(r"type\s*[=:]", key, re.IGNORECASE) for key in keys)


def import_layer_file(source: Source, input_shape: Shape | None = None, foreign: Foreign | None = None) -> Net:
    """A layer file of cuda-convnet as a spec for people, whose text is the net's ``source``. Raises ``SpecError``."""
    return _load_layer_file(source, input_shape, (), foreign or Foreign(merged=True), readable=True)


def _load_layer_file(
    source: Source, input_shape: Shape | None, changes: Sequence[str], foreign: Foreign, *, readable: bool = False
) -> Net:
    from netspec.importers.cuda_convnet import translate  # only where there is such a file

    made = translate(
        source,
        params=foreign.params,
        dialect=foreign.dialect,
        shape=input_shape,
        merged=foreign.merged,
        readable=readable,
        history=foreign.history,
    )
    if made.source is None:
        raise SpecError(in_order(made.diagnostics))
    checked = check(gather(made.source, Folder(), changes))
    # What no layer of a spec reads may have been read by a cost that is left out, or that a spec needs not to say.
    said = [
        made.placed(d) if d.span.source is made.source else d for d in checked.diagnostics if d.code != "unread-layer"
    ]
    found = in_order((*made.diagnostics, *said))
    if checked.graph is None:
        raise SpecError(found)
    return Net(_whole_text(checked), checked.graph, found)


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


def _whole_text(checked: Checked) -> Source:
    """The spec as one file: what was read, or, of a variant, what it comes to."""
    texts = checked.texts
    if not texts.bases and not texts.changes:
        return texts.root
    from netspec.language.formatter import formatted  # only variants are written anew

    name = texts.root.name
    return Source(name, formatted(Source(name, written_out(checked.file))))


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
        raise CannotOpen(f"cannot open {os.fspath(path)}: {error.strerror or error}") from None
    return decode(data, os.fspath(path))


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
        message = f"this file is not text: byte {error.start + 1} is 0x{data[error.start]:02x}, which is not UTF-8"
        raise _unreadable("not-text", message, name) from None
    if "\0" in text:
        raise _unreadable("not-text", "this file is not text: it has zero bytes", name)
    return Source(name, text)


def _unreadable(code: str, message: str, name: str) -> SpecError:
    return SpecError((Diagnostic(code, message, (whole(Source(name, "")),)),))
