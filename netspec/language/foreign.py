"""Recognise files of other tools, so that they are reported as one mistake instead of many syntax errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

from netspec.diagnostics import Diagnostic
from netspec.source import Source, Span

_LINE = re.MULTILINE
_MAX_EXAMINED = 2**18
"""The characters of a text that are examined."""
_NOT_READ = "which netspec does not read"
_ACCEPTED = (
    "it reads specs, [conv1] conv filters=96 kernel=11 stride=4, models of Keras (.keras, .h5, .json), those that "
    "PyTorch exported as ONNX (.onnx), networks of Caffe (.prototxt) and Darknet (.cfg), and layer files of "
    "cuda-convnet (.cfg)"
)
_WORDS = "netspec explain foreign-file has the words of other tools beside those of a spec"


@dataclass(frozen=True, slots=True)
class Format:
    """Another tool's file format. A text has it if ``mark`` is found in it and, unless it is ``None``, ``also`` is
    found after that. The diagnostic points at the group ``here`` of ``mark``, says ``what`` of the file, and has
    ``notes``."""

    name: str
    mark: re.Pattern[str]
    also: re.Pattern[str] | None = None
    what: str = _NOT_READ
    notes: tuple[str, ...] = (_ACCEPTED, _WORDS)


def _format(name: str, mark: str, also: str | None = None, what: str = _NOT_READ, note: str = "") -> Format:
    """Return a format. In its patterns ``^`` and ``$`` are the ends of a line."""
    notes = (note,) if note else (_ACCEPTED, _WORDS)
    return Format(name, re.compile(mark, _LINE), also if also is None else re.compile(also, _LINE), what, notes)


_BLANK = r"\A(?:[ \t\r]*(?:#[^\n]*)?\n)*"
"""The blank lines and comments at the start of a file."""
_IN_BRACKETS = r"\[[^\]\n]+\][ \t\r]*"
_HEADER = rf"{_IN_BRACKETS}$"
"""A section's name alone on its line."""
_KEY = r"^[A-Za-z][\w.-]*[ \t]*[=:]"

_DARKNETS_LAYER = (
    r"^\[(?:convolutional|deconvolutional|connected|local|maxpool|avgpool|crop|route|shortcut|softmax|rnn|gru|lstm|crnn"
    r"|yolo|region|detection)\][ \t\r]*$"
)
_TOML = _format("TOML", r"^(?P<here>\[\[[\w. -]+\]\])[ \t\r]*$")

_WITH_TYPES = (
    _format(
        "a network of Darknet",
        r"^(?P<here>\[(?:net|network)\])[ \t\r]*$",
        _DARKNETS_LAYER,
        what="whose name does not end in .cfg",
        note="with the ending .cfg every command reads it, and netspec import converts it to a spec",
    ),
    _format(
        "a network of Darknet",
        r"^(?P<here>\[(?:convolutional|connected)\])[ \t\r]*$",
        _DARKNETS_LAYER,
        what="whose first section is not [net]",
        note="[net] states the size of the images, height=224, width=224 and channels=3",
    ),
    _TOML,
)
"""Formats with sections, and lines ``type=`` in some of them."""

_CAFFE = "a network of Caffe"

_TOOLS = (
    _format(
        "a pointer of Git LFS",
        r"\A(?P<here>version https://git-lfs\.\S+)",
        what="in place of a file",
        note="git lfs pull fetches the file itself",
    ),
    _format(
        "a web page",
        r"\A\s*(?P<here><(?i:!DOCTYPE html|html|head|body|script)\b[^>\r\n]*)",
        note="a page that shows a file is not the file: download the file itself, which GitHub calls raw",
    ),
    _format("XML", r"\A\s*(?P<here><[?A-Za-z][^\r\n]*)"),
    _format("a model of the convnet of TorontoDeepLearning (pbtxt)", r"^[ \t]*(?P<here>edge[ \t]*\{)"),
    _format(
        _CAFFE,
        r"(?:^|[ \t])(?P<here>layers?[ \t]*\{|layers?(?=\s*\{))",
        what="whose name does not end in .prototxt",
        note="with the ending .prototxt every command reads it, and netspec import converts it to a spec",
    ),
    _format("a network of Caffe2 (pbtxt)", r"^[ \t]*(?P<here>op[ \t]*\{)"),
    _format("a graph of TensorFlow (pbtxt)", r"^[ \t]*(?P<here>node[ \t]*\{)", r"^[ \t]*op[ \t]*:"),
    _format("an ONNX model as text", r"^[ \t]*(?P<here>ir_version[ \t]*:)"),
    _format("an ONNX model as text", r"^(?P<here>graph [\w.-]+ \()"),
    _format("a solver of Caffe (prototxt)", r"^[ \t]*(?P<here>(?:base_lr|lr_policy|solver_mode)[ \t]*:)"),
    _format("a network of cxxnet", r"^(?P<here>netconfig[ \t]*=[ \t]*start)"),
    _format("a network of ncnn (param)", r"\A(?P<here>7767517)\s"),
    _format("a configuration of CNTK", r"(?P<here>BrainScriptNetworkBuilder|SimpleNetworkBuilder|NDLNetworkBuilder)"),
    _format("a printed PyTorch module", r"^(?P<here>\w+\()[ \t\r]*$", r"^[ \t]+\(\w+\): \w+\("),
    _format("a graph as PyTorch prints it", r"^(?P<here>graph[ \t]*\()"),
    _format(
        "a table of layers as Keras, torchsummary or torchinfo print it",
        r"(?P<here>Layer \(type(?::depth-idx)?\))[^\n]*Output Shape",
    ),
    _format("a printed Torch7 module", r"^(?P<here>nn\.\w+[ \t]*\{)"),
    _format("a program in Lua, as Torch7 has", r"^[ \t]*(?P<here>require[ \t(]+[\"'][^\"'\n]+[\"']|local[ \t]+\w+)"),
    _format("a network of ConvNetJS (JavaScript)", r"^[^\n#]*?(?P<here>layer_defs\b|convnetjs\.\w+)"),
    _format("a program in JavaScript", r"^[ \t]*(?P<here>(?:var|let|const)[ \t]+\w+[ \t]*=)"),
    _format(
        "a program in Python",
        r"^(?P<here>(?:import|from)[ \t]+[\w.]+)",
        r"^[ \t]*(?:class|def|from|import)[ \t]|\bnn\.|\blayers\.|\bmodel\.|^\w+ = ",
    ),
    _format("a program in Python", r"^[ \t]*(?P<here>(?:class|def)[ \t]+\w+)[^\n]*:[ \t\r]*$"),
    _format("a model of Pylearn2 or neon (YAML)", r"^[^\n#]*?(?P<here>!obj:[\w.]+)"),
    _format(
        "a model of Keras as JSON",
        r"\A\s*(?P<here>\{\s*\"(?:class_name|module)\"\s*:\s*\"\w+\")",
        what="whose name does not end in .json",
        note="with the ending .json every command reads it, and netspec import converts it to a spec",
    ),
    _format("JSON", r"\A\s*(?P<here>\{(?=\s*\")|\[(?=\s*(?:[{\"]|\[\s*[\d\"{-])))"),
    _format("YAML", _BLANK + r"(?P<here>---|[\w-]+:)[ \t\r]*$"),
)

_WITH_SECTIONS = (
    _format(
        "a layer file of cuda-convnet",
        rf"{_BLANK}(?P<here>\[[^\]\n]+\])[ \t\r]*\n(?:(?!\[)[^\n]*\n)*?(?i:type)[ \t]*[=:]",
        what="whose name ends in .cfg",
        note="netspec import writes it as a spec",
    ),
    _format(
        "a parameter file of cuda-convnet",
        r"^(?P<here>(?i:epsW))[ \t]*[=:]",
        what="which is read beside its layer file",
        note="netspec import layers.cfg --params layer-params.cfg",
    ),
    _format("a file of sections with lines key=value (INI)", rf"{_BLANK}(?P<here>{_HEADER})(?=\s*{_KEY})"),
)
"""Formats with sections that are read, or refused, as layer files if their name ends in .cfg."""

_GENERAL = (
    _format(
        "YAML", _BLANK + r"(?P<here>[\w-]+:)(?=[ \t]+[^\n=({]+$)", r"^[\w-]+:(?=\s)[^\n=({]*$|^[ \t]*-[ \t]+[^\n=({]*$"
    ),
    _format("a script", r"\A(?P<here>#![^\r\n]*)"),
    _format("a program", r"^(?P<here>[^\n#;]*[^\n#;\s];)[ \t\r]*$", r"^[^\n#;]*[^\n#;\s];[ \t\r]*$"),
    _format("a program", r"^(?P<here>\w+(?:\[[^\]\n]*\])? (?:=|<-) [\w.]+\()", r"\)"),
    _format("a program", r"^(?P<here>\w+ = [\[{])", r"^[ \t]*[\]}]|^\w+ = "),
)
"""Formats that an attempt at a spec may be taken for."""

_ATTEMPT = re.compile(
    r"^[ \t]*\[[\w. -]+\][ \t]*[^\s#]"  # a layer: a name in brackets, and something after it
    r"|^[ \t]*(?:net|gpus|default|train|augment|test|drop)[ \t]+[\w-]"  # a setting
    r"|^[ \t]*(?:[\w-]+:?[ \t]+)?[a-z][\w-]*[ \t]+[\w-]+=\S"  # a layer without brackets, or without a name
    r"|^[ \t]*[\w-]+:?[ \t]+\d+x\d+x\d+",
    _LINE,
)
"""A line that somebody who writes a spec may have written, right or wrong."""

_SPEC = _format(
    "a spec",
    r"^(?P<here>\[[\w-]+\][ \t]+[a-z0-9]+)(?=[ \t]+[\w-]+=|[ \t]+\d+x|[ \t\r]*$)",
    what="whose name ends in .net",
    note="cuda-convnet's layer files have the ending .cfg",
)
_SECTION = re.compile(rf"^(?:{_IN_BRACKETS}(?:$|[#;])|(?i:type)[ \t]*[=:])", _LINE)
"""A line that somebody who writes a layer file may have written: a section's name, or a layer's type."""
_CONTENT = re.compile(r"^[ \t]*([^\s#][^\r\n]*)", _LINE)
_MIN_LINES = 3
"""The fewest lines of a text, of which none is a spec's or a layer file's, that are no attempt at one."""


def foreign_to_specs(source: Source) -> Diagnostic | None:
    """Return the diagnostic for a text with syntax errors that is another tool's file, or has no line of a spec."""
    found = _first((*_WITH_TYPES, *_TOOLS, *_WITH_SECTIONS), source)
    if found is not None or _ATTEMPT.search(source.text, 0, _MAX_EXAMINED):
        return found
    found = _first(_GENERAL, source)
    if found is not None:
        return found
    return _unlike_all("this is not a spec: none of its lines is a layer or a setting", source)


def foreign_to_layer_files(source: Source, *, has_types: bool) -> Diagnostic | None:
    """Return the diagnostic for a text read as a layer file that is another tool's file, a spec, or has no section.

    ``has_types``: some of its sections have a line ``type=``.
    """
    if has_types:
        return _first(_WITH_TYPES, source)
    found = _first((_SPEC, *_WITH_TYPES, *_TOOLS, *_GENERAL), source)
    if found is not None or _SECTION.search(source.text, 0, _MAX_EXAMINED):
        return found
    return _unlike_all("this is not a file of cuda-convnet: it has no section, [conv1] on a line of its own", source)


def foreign_to_caffe(source: Source) -> Diagnostic | None:
    """Return the diagnostic for a text with syntax errors, read as a network of Caffe, that is another tool's file."""
    spec = replace(_SPEC, notes=("networks of Caffe have the ending .prototxt",))
    others = (known for known in _TOOLS if "Caffe (" not in known.name and known.name != _CAFFE)
    return _first((spec, *_WITH_TYPES, *others, *_WITH_SECTIONS), source)


def foreign_to_darknet(source: Source) -> Diagnostic | None:
    """Return the diagnostic for a text that cannot be read as a network of Darknet and is another tool's file."""
    return _first((_TOML, *_TOOLS), source)


def _unlike_all(message: str, source: Source) -> Diagnostic | None:
    """Return the diagnostic for a text of no known format, unless it has too few lines to be sure."""
    lines = [*islice(_CONTENT.finditer(source.text, 0, _MAX_EXAMINED), _MIN_LINES)]
    if len(lines) < _MIN_LINES:
        return None
    return Diagnostic("foreign-file", message, (Span(source, *lines[0].span(1)),), (_ACCEPTED, _WORDS))


def _first(formats: Iterable[Format], source: Source) -> Diagnostic | None:
    return next((found for known in formats if (found := _found(known, source)) is not None), None)


def _found(known: Format, source: Source) -> Diagnostic | None:
    mark = known.mark.search(source.text, 0, _MAX_EXAMINED)
    if mark is None or (known.also is not None and not known.also.search(source.text, mark.end(), _MAX_EXAMINED)):
        return None
    span = Span(source, *mark.span("here"))
    return Diagnostic("foreign-file", f"this is {known.name}, {known.what}", (span,), known.notes)
