"""Write lines as the text of a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.importers.cuda_convnet.spec.defaults import defaults_of, implied_value
from netspec.importers.cuda_convnet.spec.lines import Line
from netspec.importers.identifiers import identifier, untaken
from netspec.importers.spec.text import pairs
from netspec.ir.shape import Shape
from netspec.language.formatter import formatted
from netspec.source import Source


@dataclass(frozen=True, slots=True)
class WrittenSpec:
    """A spec's text, and its layers' names by the names of the lines."""

    text: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a spec other than the layers' lines.

    ``gpus`` is 0 for a spec without a ``gpus`` line, ``shape`` is that of the input, and ``train`` and ``augment`` are
    the keys of these lines. ``head`` and ``tail`` are comments at the beginning and at the end. ``usual`` are the
    learning keys of layers without their own.
    """

    name: str
    gpus: int
    shape: Shape
    train: Mapping[str, str]
    augment: Mapping[str, str]
    head: Sequence[str]
    tail: Sequence[str]
    usual: Mapping[str, str]


def write_spec(lines: Sequence[Line], layout: Layout) -> WrittenSpec:
    """Return the text of a spec."""
    names = _names(lines)
    common = defaults_of(lines, layout.usual)
    text = [*_comments(layout.head), f"net {identifier(layout.name)} rounding=up"]
    if layout.gpus:
        text.append(f"gpus {layout.gpus}")
    text += [pairs(f"default {type_}", keys) for type_, keys in common.items()]
    text.append("")
    above: Line | None = None
    gpus = {line.name: line.gpu for line in lines}
    for line in lines:
        text += _comments(line.comments)
        # Without gpu=, a concat of values on several GPUs would be split, and a sum of them an error.
        deciding = line.inputs if line.type in ("sum", "max") else line.inputs[:1]
        implied = {gpus[name] for name in deciding} == {line.gpu}
        omit_gpu = implied and line.type not in ("input", "concat")
        shown = replace(line, gpu=()) if omit_gpu else line
        text.append(_line(shown, names, layout, common.get(line.type, {}), above))
        above = line
    settings = [pairs(word, keys) for word, keys in (("train", layout.train), ("augment", layout.augment)) if keys]
    text += ["", *settings] if settings else []
    if layout.tail:
        text += ["", *_comments(layout.tail)]
    joined = "\n".join(text) + "\n"
    return WrittenSpec(formatted(Source("", joined)), names)


def _names(lines: Sequence[Line]) -> dict[str, str]:
    """Return a unique name in the spec for every line."""
    names: dict[str, str] = {}
    taken = {line.name for line in lines if identifier(line.name) == line.name}
    for line in lines:
        word = identifier(line.name)
        if word != line.name:
            word = untaken(word, taken)
            taken.add(word)
        names[line.name] = word
    return names


def _line(line: Line, names: Mapping[str, str], layout: Layout, common: Mapping[str, str], above: Line | None) -> str:
    head = f"[{names[line.name]}] {line.type}"
    if line.type == "input":
        return f"{head} {layout.shape} range=255 mean=image"
    keys = {key: value for key, value in line.keys.items() if common.get(key) != value}
    keys |= {
        key: implied
        for key, default in common.items()
        if key not in line.keys and (implied := implied_value(line, key, layout.usual)) and implied != default
    }
    if "weights" in keys:
        keys["weights"] = names[keys["weights"]]
    if above is None or line.inputs != (above.name,):
        keys["inputs"] = ",".join(names[name] for name in line.inputs)
    if line.gpu:
        keys["gpu"] = ",".join(map(str, line.gpu))
    return pairs(head, keys)


def _comments(lines: Sequence[str]) -> list[str]:
    return [f"# {line.strip()}".rstrip() if line.strip() else "#" for line in lines]
