"""Check the counts that a layer claims (units, weights, parameters, connections) against the computed ones."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check.arithmetic import count_arithmetic
from netspec.check.claims import Stated
from netspec.check.lower import Lowered
from netspec.check.report import Findings
from netspec.formatting import format_count, plural
from netspec.ir.shape import Shape
from netspec.keys.counts import Count


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

    With a shape other than the computed one, the layer would have other keys and an unknown number of weights,
    parameters and connections. These counts are then left to ``notes_on_counts``.
    """
    if not stated.counts:
        return
    computed = computed_counts(lowered, lowered.value.shape)
    alternative_counts = computed_counts(alternative, alternative.value.shape) if alternative is not None else computed
    for key, count in stated.counts.items():
        if count.holds(alternative_counts[key]):
            continue
        possible = [shape.units for shape in shapes] if key == "units" else [computed[key]]
        wrong = not any(map(count.holds, possible)) and (key == "units" or len(shapes) == 1)
        if wrong:
            own_keys = {p.key for p in lowered.parameters}
            counts_weights = key in ("weights", "parameters")
            is_shared = counts_weights and not own_keys.issuperset(weight.key for weight in lowered.weights)
            shared_note = ("its weights are another layer's, and are counted there",)
            with_biases = tuple(_with_biases(key, count, lowered))
            findings.add(
                "claim-refuted",
                f"{name} has {format_count(computed[key])} {key}, not {count.shown}",
                stated.pairs[key].span,
                notes=shared_note if is_shared else (*_arithmetic(key, lowered), *with_biases),
                layer=name,
            )


def _arithmetic(key: str, lowered: Lowered) -> tuple[str, ...]:
    """Explain in numbers how a layer's count comes about."""
    if key != "parameters":
        return count_arithmetic(key, lowered.steps)
    counts = computed_counts(lowered, lowered.value.shape)
    return *count_arithmetic("weights", lowered.steps), weights_and_biases(counts["weights"], counts["parameters"])


def weights_and_biases(weights: int, parameters: int) -> str:
    """Say how parameters are composed: 150 weights + 6 biases = 156."""
    return f"{format_count(weights)} weights + {plural(parameters - weights, 'bias')} = {format_count(parameters)}"


def _with_biases(key: str, claimed: Count, lowered: Lowered) -> Iterator[str]:
    """Yield a note if a claimed count includes the biases, as in LeNet-5's paper and others."""
    counts = computed_counts(lowered, lowered.value.shape)
    biases, computed, units = counts["parameters"] - counts["weights"], counts[key], lowered.value.shape.units
    if biases and key == "weights" and claimed.holds(counts["parameters"]):
        yield f"{weights_and_biases(computed, counts['parameters'])}; biases are not counted as weights"
    if biases and key == "connections" and claimed.holds(computed + units):
        yield (
            f"{format_count(computed)} + {format_count(units)} units' biases = {format_count(computed + units)}; "
            "biases are not counted as connections"
        )


def notes_on_counts(stated: Stated, lowered: Lowered, shape: Shape) -> Iterator[str]:
    """Yield a note for each claimed count, except the units, that is wrong with both the computed shape and ``shape``,
    the refuted one."""
    computed, refuted = computed_counts(lowered, lowered.value.shape), computed_counts(lowered, shape)
    for key, count in stated.counts.items():
        if key != "units" and not count.holds(computed[key]) and not count.holds(refuted[key]):
            yield f"{key}={count} is wrong too: the layer has {format_count(computed[key])} {key}"


def computed_counts(lowered: Lowered, shape: Shape) -> dict[str, int]:
    """Return the counts that a layer may claim, by name, if its output shape were ``shape``."""
    computed, steps = lowered.value.shape, lowered.steps
    return {
        "units": shape.units,
        "connections": sum(s.op.connections(s.reads, shape if s.output == computed else s.output) for s in steps),
        "weights": sum(p.size for p in lowered.parameters if p.role == "weight"),
        "parameters": sum(p.size for p in lowered.parameters),
    }
