"""Named texts, and spans in them."""

from __future__ import annotations

import bisect
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

SPEC, LAYER_FILE, ONNX_FILE, CAFFE_FILE, KERAS_ARCHIVE = (".net", ".cfg", ".onnx", ".prototxt", ".keras")
KERAS_FILES = (KERAS_ARCHIVE, ".h5", ".hdf5")
SPEC_ENDINGS = (SPEC, LAYER_FILE, ONNX_FILE, CAFFE_FILE, *KERAS_FILES)
"""The endings of files with networks: specs, layer files of cuda-convnet and networks of Darknet, ONNX models, networks
of Caffe, and models of Keras."""
MODEL_FILES = (ONNX_FILE, *KERAS_FILES)
"""The endings of those that are not text."""

STDIN = "<stdin>"
"""The name of standard input in messages."""

_NEWLINE = re.compile(r"\r\n|\r|\n")


def names_network(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name has one of these endings, in small letters or capitals."""
    return os.fspath(path).lower().endswith(SPEC_ENDINGS)


@dataclass(frozen=True)
class Source:
    """A named text, without a byte order mark. Lines may end in LF, CRLF or CR."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of each line's first character."""
        return [0, *(m.end() for m in _NEWLINE.finditer(self.text))]

    @property
    def newline(self) -> str:
        """The line ending of the first line, to be used for added lines too; LF if there is only one line."""
        end = _NEWLINE.search(self.text)
        return end[0] if end else "\n"

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset, both from 1."""
        line = bisect.bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a line (from 1) without its line ending."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@dataclass(frozen=True)
class ModelFile(Source):
    """An ONNX model, or one of Keras that is not JSON. It is not text, so its text is empty; the name is the path at
    which its importer reads it."""


class Span(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a source.

    It is a named tuple, because a file has very many spans and creating one must be fast.
    """

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of another of the same source."""
        return Span(self.source, self.start, other.end)

    def contains(self, other: Span) -> bool:
        return self.source is other.source and self.start <= other.start and other.end <= self.end

    def touches(self, other: Span) -> bool:
        """Whether two spans have characters in common, or one begins where the other ends."""
        return self.source is other.source and self.start <= other.end and other.start <= self.end
