"""Check the counts that a layer claims (units, weights, connections) against the computed ones."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check.arithmetic import count_arithmetic
from netspec.check.claims import Stated
from netspec.check.lower import Lowered
from netspec.check.report import Findings
from netspec.formatting import format_count, plural
from netspec.ir.shape import Shape


def refute_counts(
    findings: Findings,
    stated: Stated,
    lowered: Lowered,
    name: str,
    shapes: tuple[Shape, ...],
    alternative: Lowered | None = None,
) -> None:
    """Report the claimed counts that hold neither for the layer with any of ``shapes`` nor for ``alternative``.

    ``shapes`` are the shapes that the layer may have: the computed one and, if it was refuted, the claimed one.
    ``alternative`` is the layer as it would be if refuted claims above it were wrong.

    With a shape other than the computed one, the layer would have other keys and an unknown number of weights and
    connections. These counts are then left to ``notes_on_counts``.
    """
    if not stated.counts:
        return
    computed = computed_counts(lowered, lowered.value.shape)
    alternative_counts = computed_counts(alternative, alternative.value.shape) if alternative is not None else computed
    units = {shape.units for shape in shapes}
    for key, number in stated.counts.items():
        if number == alternative_counts[key]:
            continue
        wrong = number not in units if key == "units" else number != computed[key] and len(shapes) == 1
        if wrong:
            own_keys = {p.key for p in lowered.parameters}
            is_shared = key == "weights" and not own_keys.issuperset(weight.key for weight in lowered.weights)
            shared_note = ("its weights are another layer's, and are counted there",)
            with_biases = tuple(_with_biases(key, number - computed[key], lowered))
            findings.add(
                "claim-refuted",
                f"{name} has {format_count(computed[key])} {key}, not {format_count(number)}",
                stated.pairs[key].span,
                notes=shared_note if is_shared else (*count_arithmetic(key, lowered.steps), *with_biases),
                layer=name,
            )


def _with_biases(key: str, excess: int, lowered: Lowered) -> Iterator[str]:
    """Yield a note if a claimed count includes the biases, as in LeNet-5's paper and others."""
    computed = computed_counts(lowered, lowered.value.shape)[key]
    biases = sum(p.size for p in lowered.parameters if p.role == "bias")
    units = lowered.value.shape.units
    if biases and key == "weights" and excess == biases:
        total = format_count(computed + excess)
        yield (
            f"{format_count(computed)} weights + {plural(biases, 'bias')} = {total}; biases are not counted as weights"
        )
    if biases and key == "connections" and excess == units:
        total = format_count(computed + excess)
        yield (
            f"{format_count(computed)} + {format_count(units)} units' biases = {total}; biases are not counted as "
            "connections"
        )


def notes_on_counts(stated: Stated, lowered: Lowered, shape: Shape) -> Iterator[str]:
    """Yield a note for each claimed number of weights or connections that is wrong with both the computed shape and
    ``shape``, the refuted one."""
    computed, refuted = computed_counts(lowered, lowered.value.shape), computed_counts(lowered, shape)
    for key, number in stated.counts.items():
        if key != "units" and number not in (computed[key], refuted[key]):
            yield f"{key}={number} is wrong too: the layer has {format_count(computed[key])} {key}"


def computed_counts(lowered: Lowered, shape: Shape) -> dict[str, int]:
    """Return the counts that a layer may claim, by name, if its output shape were ``shape``."""
    computed, steps = lowered.value.shape, lowered.steps
    return {
        "units": shape.units,
        "connections": sum(s.op.connections(s.reads, shape if s.output == computed else s.output) for s in steps),
        "weights": sum(p.size for p in lowered.parameters if p.role == "weight"),
    }
