"""Check the counts that a layer claims (units, weights, connections) against the computed ones."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check.claims import Stated, count_arithmetic
from netspec.check.lower import Lowered
from netspec.check.report import Findings
from netspec.ir.shape import Shape
from netspec.units import count, plural


def refute_counts(
    findings: Findings,
    stated: Stated,
    lowered: Lowered,
    name: str,
    shapes: tuple[Shape, ...],
    second: Lowered | None = None,
) -> None:
    """Report the claimed counts that hold neither for the layer with any of ``shapes`` nor for ``second``.

    ``shapes`` are the shapes that the layer may have: the computed one and, if it was refuted, the claimed one.
    ``second`` is the layer as it would be if refuted claims above it were wrong.

    With a shape other than the computed one, the layer would have other keys and an unknown number of weights and
    connections. These counts are then left to ``also_wrong``.
    """
    if not stated.counts:
        return
    actual = _actual(lowered, lowered.value.shape)
    otherwise = _actual(second, second.value.shape) if second is not None else actual
    units = {shape.units for shape in shapes}
    for key, number in stated.counts.items():
        if number == otherwise[key]:
            continue
        wrong = number not in units if key == "units" else number != actual[key] and len(shapes) == 1
        if wrong:
            owned = {p.key for p in lowered.parameters}
            shared = key == "weights" and not owned.issuperset(weight.key for weight in lowered.weights)
            elsewhere = ("its weights are another layer's, and are counted there",)
            with_biases = tuple(_with_biases(key, number - actual[key], lowered))
            findings.add(
                "claim-refuted",
                f"{name} has {count(actual[key])} {key}, not {count(number)}",
                stated.pairs[key].span,
                notes=elsewhere if shared else (*count_arithmetic(key, lowered.steps), *with_biases),
                layer=name,
            )


def _with_biases(key: str, more: int, lowered: Lowered) -> Iterator[str]:
    """Yield a note if a claimed count includes the biases, as in LeNet-5's paper and others."""
    actual = _actual(lowered, lowered.value.shape)[key]
    biases = sum(p.size for p in lowered.parameters if p.role == "bias")
    units = lowered.value.shape.units
    if biases and key == "weights" and more == biases:
        yield f"{count(actual)} weights + {plural(biases, 'bias')} = {count(actual + more)}; a bias is no weight"
    if biases and key == "connections" and more == units:
        yield f"{count(actual)} + {count(units)} units' biases = {count(actual + more)}; a bias is no connection"


def also_wrong(stated: Stated, lowered: Lowered, shape: Shape) -> Iterator[str]:
    """Yield a note for each claimed number of weights or connections that is wrong with both the computed shape and
    ``shape``, the refuted one."""
    now, then = _actual(lowered, lowered.value.shape), _actual(lowered, shape)
    for key, number in stated.counts.items():
        if key != "units" and number not in (now[key], then[key]):
            yield f"{key}={number} does not hold either: there are {count(now[key])} {key}"


def _actual(lowered: Lowered, shape: Shape) -> dict[str, int]:
    """The counts that a layer may claim, if its output shape were ``shape``."""
    computed, steps = lowered.value.shape, lowered.steps
    return {
        "units": shape.units,
        "connections": sum(s.op.connections(s.reads, shape if s.output == computed else s.output) for s in steps),
        "weights": sum(p.size for p in lowered.parameters if p.role == "weight"),
    }
