"""The settings that most layers have in common: the usual learning keys, and when weights are updated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from netspec.formatting import format_count, format_literal
from netspec.importers.cuda_convnet.layers.model import Definition
from netspec.importers.cuda_convnet.learning.passes import Updates, passes, updates
from netspec.importers.cuda_convnet.learning.rates import Rates
from netspec.importers.cuda_convnet.learning.replay import commonest
from netspec.importers.cuda_convnet.learning.schedules import CONSTANT
from netspec.importers.cuda_convnet.options import MAX_NUMBER


def owners(rates: Mapping[str, Rates], definition: Definition) -> list[Rates]:
    """Return the rates of layers that have weights of their own."""
    return [r for name, r in rates.items() if not all(definition.layers[name].shared)]


def usual_keys(rates: Mapping[str, Rates], definition: Definition) -> dict[str, str]:
    """Return the most common learning settings, which the train line states for all layers.

    ``bias_schedule`` is included if it differs from ``schedule``.
    """
    owning = owners(rates, definition)
    lr = commonest([rate for r in owning for rate in r.lr if rate])  # ignoring weights that do not learn
    momentum = commonest([value for r in owning for value in r.momentum])
    decay = commonest([value for r in owning if "super_eps" not in r.constraints for value in r.decay])
    schedule, bias_schedule = _schedules(rates, definition)
    keys = {
        "lr": format_literal(lr or 0.0),
        "schedule": schedule,
        "momentum": format_literal(momentum or 0.0),
        "decay": format_literal(decay or 0.0),
    }
    return keys | ({"bias_schedule": bias_schedule} if bias_schedule != schedule else {})


def _schedules(rates: Mapping[str, Rates], definition: Definition) -> tuple[str, str]:
    """Return the schedule of most learning weights, and that of most layers with learning biases."""
    weights: Counter[str] = Counter()
    biases: Counter[str] = Counter()
    for name, r in rates.items():
        layer = definition.layers[name]
        for (rows, columns), rate, schedule in zip(layer.weights, r.lr, r.schedules, strict=True):
            weights[schedule.text] += rows * columns if rate else 0
        if r.bias_lr and layer.biases:
            biases[r.bias_schedule.text] += 1
    of_weights = weights.most_common(1)[0][0] if weights else CONSTANT.text
    return of_weights, biases.most_common(1)[0][0] if biases else of_weights


def possible_updates(rates: Mapping[str, Rates], definition: Definition, batch: int) -> Updates:
    """Return when the layers are updated. If a spec cannot express it, this is once per batch, with a warning.

    ``batch`` is the number of images in a batch of the original.
    """
    periods = {name: r.period for name, r in rates.items() if r.period and r.learns}
    result, parts = updates(definition, periods), passes(definition)
    images = result.batches * batch
    if images > MAX_NUMBER:
        message = (
            f"all layers are updated together only after {format_count(images)} images, and a spec's batch has at most "
        )
        message += f"{format_count(MAX_NUMBER)}; it is updated once per batch"
    elif result.every and batch % parts:
        message = f"a batch of {batch} images does not have {parts} equal parts; its weights are updated once per batch"
    else:
        return result
    for name, passes_per_update in periods.items():
        if passes_per_update != parts:
            options = rates[name].options
            options.warn("cfg-left-out", message, "updatePeriod" if options.has("updatePeriod") else "epsW")
    return Updates()
