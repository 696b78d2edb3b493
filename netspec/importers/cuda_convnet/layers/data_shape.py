"""Guess the shape of the data, which layer files do not contain: the likeliest one for which the file has no errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import prod

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic
from netspec.importers.cuda_convnet.layers.definition import define
from netspec.importers.cuda_convnet.layers.kinds import inputs_of
from netspec.importers.cuda_convnet.layers.model import Definition, Dialect
from netspec.importers.cuda_convnet.layers.spatial import windows
from netspec.importers.cuda_convnet.options import MAX_NUMBER, OLD_NAMES
from netspec.importers.cuda_convnet.reading import Config, Section
from netspec.ir.shape import Shape

_USUAL_SIDES = (224, 227, 256, 32, 24, 28, 48, 64, 96, 128)
_SMALL_SIDES = (32, 24, 28, 48, 64, 96, 128, 224, 227, 256)
_DIGIT_SIDES = (28, *(side for side in _SMALL_SIDES if side != 28))
_FEW_CLASSES = 100
_LONG_STRIDE = 3
"""A first layer with at least this stride is only found in networks for large images."""
_MAX_SIDE = 256
_NOTED = re.compile(r"--input ([0-9]{1,9}(?:x[0-9]{1,9})*)(?![0-9x])")
_WINDOW = ("size", "stride", "start")
_MAX_SECTIONS = 200
"""Files with more sections are only tried with the usual sizes."""


def noted_shape(config: Config, dialect: Dialect) -> Shape | None:
    """Return the shape in the first comment that contains ``--input 3x24x24``.

    Layer files written by netspec have such a comment, which names it. Others may be about something else: their shape
    counts only if the file has no errors with it.
    """
    noted = next((match for comment in config.comments if (match := _NOTED.search(comment.text))), None)
    sides = tuple(map(int, noted[1].split("x"))) if noted else ()
    if noted is None or len(sides) not in (1, 3) or not 0 < prod(sides) <= MAX_NUMBER:
        return None
    shape = Shape(*sides)
    is_ours = "netspec" in noted.string[: noted.start()]
    return shape if is_ours or not _try(config, dialect, shape)[0] else None


def likely_shape(config: Config, dialect: Dialect) -> Shape:
    """Return the likeliest shape of the data.

    This is the first usual shape for which the file has no errors but those that it has for all shapes, preferably one
    for which pools with an explicit ``outputsX`` have as many windows as fit, and a pool that a softmax reads has one;
    otherwise the smallest such square, if there is one; otherwise the first usual shape.
    """
    first = _first_reader(config)
    channels = _number(first, "channels", 2**20) or 3
    usual = [Shape(channels, side, side) for side in _usual_sides(config, first, channels)]
    trials: list[tuple[set[tuple[int, str]], Shape]] = []
    for shape in usual:
        diagnostics, definition = _try(config, dialect, shape)
        if not diagnostics and _fits(definition):
            return shape
        trials.append((_places(diagnostics), shape))
    # Errors that occur with every size do not depend on the size.
    common_errors = set.intersection(*(errors for errors, _ in trials))
    valid = next((shape for errors, shape in trials if errors == common_errors), None)
    if valid is not None or len(config.sections) > _MAX_SECTIONS:
        return valid or usual[0]
    squares = (Shape(channels, side, side) for side in range(1, _MAX_SIDE + 1))
    return next((shape for shape in squares if _places(_try(config, dialect, shape)[0]) <= common_errors), usual[0])


def _fits(definition: Definition) -> bool:
    """Whether every pool has as many windows as it takes to cover its image, and one if a softmax reads it."""
    scores = {name for layer in definition.layers.values() if layer.type == "softmax" for name in layer.inputs}
    return all(
        layer.values["places"] == windows(layer.reads[0].side, *(layer.values[key] for key in _WINDOW))
        and (layer.values["places"] == 1 or layer.name not in scores)
        for layer in definition.layers.values()
        if layer.type == "pool" and layer.reads[0] is not None
    )


def warn_of_assumed_shape(shape: Shape, definition: Definition, findings: Findings) -> None:
    """Warn that the shape of the data is an assumption."""
    layers = definition.layers.values()
    first = next((layer for layer in layers if layer.type == "data"), next(iter(layers)))
    other = _USUAL_SIDES[0] if shape[1] != _USUAL_SIDES[0] else _USUAL_SIDES[1]
    findings.warn(
        "cfg-input-shape",
        f"the file does not state the shape of its data; {shape} is assumed",
        first.options.section.span,
        notes=(f"--input sets another one: --input {Shape(shape[0], other, other)}",),
        layer=first.name,
    )


def _try(config: Config, dialect: Dialect, shape: Shape) -> tuple[list[Diagnostic], Definition]:
    """Return the errors of a file and its layers, if its data have this shape."""
    trial = Findings(config.source)
    definition = define(config, dialect, shape.units, trial)
    return [d for d in trial.all if d.severity == "error"], definition


def _places(errors: Iterable[Diagnostic]) -> set[tuple[int, str]]:
    """Return the place and the message of each error."""
    return {(error.span.start, error.message) for error in errors}


def _usual_sides(config: Config, first: Section | None, channels: int) -> tuple[int, ...]:
    """Return the usual sizes, likeliest first.

    Images are probably small if there are few classes or layers of type ``local``, and digits if they also have a
    single channel.
    """
    keys = ("outputs", OLD_NAMES["outputs"].lower())
    counts = [count for section in config.sections.values() for key in keys if (count := _number(section, key, 2**30))]
    few_classes = bool(counts) and counts[-1] < _FEW_CLASSES
    unshared = any(section.text("type") == "local" for section in config.sections.values())
    if not (few_classes or unshared) or _number(first, "stride", 2**20) >= _LONG_STRIDE:
        return _USUAL_SIDES
    return _DIGIT_SIDES if channels == 1 else _SMALL_SIDES


def _first_reader(config: Config) -> Section | None:
    """Return the first section that reads data as maps and therefore states their number of channels."""
    data = {name for name, section in config.sections.items() if section.text("type") == "data"}
    readers = (s for s in config.sections.values() if "channels" in s.options and not data.isdisjoint(inputs_of(s)))
    return next(readers, None)


def _number(section: Section | None, key: str, most: int) -> int:
    """Return a key's number for the first input, or 0 if it is missing, invalid or larger than ``most``."""
    text = section.text(key).split(",")[0].strip() if section is not None else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most else 0
