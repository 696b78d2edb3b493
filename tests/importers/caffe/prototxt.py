"""The spec that a network of Caffe becomes, and its mistakes."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, SpecError
from netspec.importers.caffe import translate
from netspec.ir.shape import Shape
from netspec.net import Net, load_source
from netspec.source import Source

NAME = "a.prototxt"


def spec(text: str, shape: Shape | None = None) -> list[str]:
    """Return the lines of the spec of a network, without its head, blanks and claims, each with single spaces."""
    lines = translate(Source(NAME, text), shape).source.text.splitlines()[1:]
    return [" ".join(line.partition("->")[0].split()) for line in lines if line]


def layers(text: str, shape: Shape | None = None) -> list[str]:
    """Return the lines of the layers of a network's spec, without the input."""
    return [line for line in spec(text, shape) if line.startswith("[") and " input " not in line]


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
