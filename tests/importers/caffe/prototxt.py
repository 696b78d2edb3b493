"""Caffe's files for the tests: layers as text, and the spec that a network becomes."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagnostics import Diagnostic, SpecError
from netspec.importers.caffe import translate
from netspec.ir.shape import Shape
from netspec.net import Net, load_source
from netspec.source import Source

NAME = "a.prototxt"


def message(**fields: object) -> str:
    """Return the fields of a message: strings in quotes, words as they are if they are in capitals, dicts in braces."""
    parts = []
    for name, value in fields.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, dict):
                parts.append(f"{name} {{ {message(**item)} }}")
            elif isinstance(item, str) and not item.isupper():
                parts.append(f'{name}: "{item}"')
            else:
                parts.append(f"{name}: {str(item).lower() if isinstance(item, bool) else item}")
    return " ".join(parts)


def layer(
    name: str, type_: str, bottom: str | Sequence[str] = (), top: str | Sequence[str] = "", **fields: object
) -> str:
    """Return a layer on a line of its own. Its top has by default its name."""
    text = f'name: "{name}" type: "{type_}" {message(bottom=bottom, top=top or name, **fields)}'
    return f"layer {{ {text} }}\n"


def images(*sizes: int, name: str = "data") -> str:
    """Return the layer with the images: channels, height, width."""
    return layer(name, "Input", input_param={"shape": {"dim": [1, *sizes]}})


def labelled(*sizes: int) -> str:
    """Return layers with images and labels, to train with."""
    dims = [{"dim": [10, *sizes]}, {"dim": [10]}]
    return layer("data", "DummyData", top=["data", "label"], dummy_data_param={"shape": dims})


def spec(text: str, shape: Shape | None = None) -> list[str]:
    """Return the lines of the spec of a network, without its head, blanks and claims, each with single spaces."""
    lines = translate(Source(NAME, text), shape).source.text.splitlines()[1:]
    return [" ".join(line.partition("->")[0].split()) for line in lines if line]


def layers(text: str, shape: Shape | None = None) -> list[str]:
    """Return the lines of the spec of a network below its input."""
    lines = spec(text, shape)
    return lines[next(i for i, line in enumerate(lines) if " input " in line) + 1 :]


def net(text: str, shape: Shape | None = None) -> Net:
    """Return the checked network."""
    return load_source(Source(NAME, text), shape)


def mistakes(text: str, shape: Shape | None = None) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a network with mistakes."""
    try:
        net(text, shape)
    except SpecError as error:
        return error.diagnostics
    raise AssertionError("the network has no mistakes")


def problems(text: str) -> list[str]:
    """Return the notes of the report on what a spec cannot express."""
    (found,) = mistakes(text)
    assert found.code == "caffe-not-expressible", found
    return list(found.notes)


def rejected(text: str) -> list[str]:
    """Return the messages about what Caffe rejects."""
    found = mistakes(text)
    assert {d.code for d in found} == {"caffe-network"}, found
    return [d.message for d in found]
