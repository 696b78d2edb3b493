"""The spec that a network of Caffe becomes, and its mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec import backend
from netspec.diagnostics import Diagnostic, SpecError
from netspec.importers.caffe import translate
from netspec.ir.shape import Shape
from netspec.net import Net, load_source
from netspec.source import Source

Array = NDArray[np.float64]
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


def values(text: str, blobs: dict[str, list[Array]], x: Array) -> Array:
    """Return what the spec of a network computes, with the blobs of a file of weights."""
    network = net(text)
    arrays: dict[str, Array] = {}
    for key, (name, place) in translate(Source(NAME, text)).blobs.items():
        factor = blobs[name][2] if ".running" in key else 1.0
        arrays[key] = blobs[name][place] / factor
    reference: Any = backend.load("reference")
    result: Array = reference.run(network.graph, arrays, x, statistics=arrays).output
    return result
