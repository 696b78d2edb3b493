"""Recognise files of other tools, so that they are reported as one mistake instead of many syntax errors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netspec.diagnostics import Diagnostic
from netspec.source import Source, Span


@dataclass(frozen=True, slots=True)
class Format:
    """Another tool's file format. A text has it if ``mark`` is found in it and, unless it is ``None``, ``also`` is
    found after that. The diagnostic points at the group ``here`` of ``mark``."""

    name: str
    mark: re.Pattern[str]
    also: re.Pattern[str] | None = None


_LINE = re.MULTILINE
_FORMATS = (
    Format("a network of Caffe (prototxt)", re.compile(r"^[ \t]*(?P<here>layers?[ \t]*\{)", _LINE)),
    Format(
        "a network of Darknet (cfg)",
        re.compile(r"^(?P<here>\[(?:net|network)\])[ \t\r]*$", _LINE),
        re.compile(
            r"^\[(?:convolutional|connected|local|maxpool|avgpool|route|shortcut|yolo|detection)\][ \t\r]*$", _LINE
        ),
    ),
    Format(
        "a solver of Caffe (prototxt)",
        re.compile(r"^[ \t]*(?P<here>base_lr[ \t]*:)", _LINE),
    ),
    Format(
        "a printed PyTorch module",
        re.compile(r"^(?P<here>\w+\()[ \t\r]*$", _LINE),
        re.compile(r"^[ \t]+\(\w+\): \w+\(", _LINE),
    ),
    Format(
        "a table of layers as Keras, torchsummary or torchinfo print it",
        re.compile(r"(?P<here>Layer \(type(?::depth-idx)?\))[^\n]*Output Shape"),
    ),
    Format(
        "a program in Python",
        re.compile(r"^(?P<here>(?:import|from)[ \t]+[\w.]+)", _LINE),
        re.compile(r"^[ \t]*(?:class|def|from|import)[ \t]|\bnn\.|\blayers\.|\bmodel\.", _LINE),
    ),
    Format("JSON", re.compile(r"\A\s*(?P<here>\{(?=\s*\")|\[(?=\s*[\[{\"]))")),
    Format("YAML", re.compile(r"\A(?:[ \t\r]*(?:#[^\n]*)?\n)*(?P<here>---|[\w-]+:)[ \t\r]*$", _LINE)),
)


def foreign(source: Source) -> Diagnostic | None:
    """Return the diagnostic for a text that is another tool's file, ``None`` for any other text."""
    for known in _FORMATS:
        mark = known.mark.search(source.text)
        if mark is not None and (known.also is None or known.also.search(source.text, mark.end())):
            return Diagnostic(
                "foreign-file",
                f"this is {known.name}, which netspec does not read",
                (Span(source, *mark.span("here")),),
                (
                    "it reads specs, [conv1] conv filters=96 kernel=11 stride=4, and cuda-convnet's layer files (.cfg)",
                    "netspec explain foreign-file has the words of other tools beside those of a spec",
                ),
            )
    return None
