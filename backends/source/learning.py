"""Initial values, learning rates and schedules, as rows and constants of the program."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from netspec.formatting import format_count
from netspec.ir import rules
from netspec.ir.constraint import BOUNDS, Constraint, incoming
from netspec.ir.distribution import Bilinear, Constant, Distribution, Normal, Uniform
from netspec.ir.graph import Graph, Parameter
from netspec.ir.rules import decay_in_gradient, momentum_of
from netspec.ir.schedules import Inverse, OneCycle, Plateau, Restarts, Schedule, Sigmoid, Step, Steps, Warmup, noise_of
from netspec.keys.schedules import word_of
from netspec.passes.optimiser_state import adapts
from netspec.passes.torch_names import state_keys

from .text import call, fill_lines, number, string

_WORDS: dict[type[rules.UpdateRule], str] = {
    rules.Sgd: "SGD",
    rules.Adam: "Adam",
    rules.RmsProp: "RMSProp",
    rules.AdaGrad: "AdaGrad",
    rules.AdaDelta: "AdaDelta",
    rules.Lars: "LARS",
    rules.Lamb: "LAMB",
}
"""The names of the generated classes; that of Adam with decoupled weight decay is ``AdamW``."""

_NUMBERS = ("beta1", "beta2", "rho", "trust", "eps")
"""The numbers of update rules that are constants of the program."""

_RATE_FACTOR = "rate_factor"
"""The function of the train line's schedule; those of others have a number behind it, unlike a layer's variable."""

COMPUTED_NAMES = frozenset(
    {*_WORDS.values(), "AdamW", *map(str.upper, _NUMBERS), "LR", "MOMENTUM", "DECAY", _RATE_FACTOR}
)
"""The names at module level that the templates take from variables."""


def parameter_variables(graph: Graph, *, trains: bool) -> dict[str, Any]:
    """Return the template variables of the parameters, which a program that ``trains`` has rates for.

    ``parameters``:
        How many numbers they have together, as text.
    ``rows``, ``renamed``, ``constraints``, ``tables``, ``super_eps``, ``updates``:
        See the functions that return them.
    ``interpolates``, ``over_parts``:
        Whether any is initially that of an interpolation, and whether any constraint is one of parts.
    ``still``:
        The keys of those that are not trained.
    """
    parameters = graph.parameters.values()
    return {
        "parameters": format_count(sum(p.size for p in parameters)),
        "rows": _parameter_rows(graph, trains),
        "renamed": _renamed_rows(graph),
        "interpolates": any(isinstance(p.distribution, Bilinear) for p in parameters),
        "constraints": _constraint_rows(graph),
        "over_parts": any(p.constraint.parts > 1 for p in parameters),
        "tables": _table_rows(graph),
        "super_eps": _super_eps_rows(graph),
        "updates": _update_rows(graph) if graph.train.accumulate > 1 else [],
        "still": parameter_keys(graph, (p for p in parameters if not p.lr)),
    }


def _parameter_rows(graph: Graph, trains: bool) -> list[str]:
    """Return a row per parameter: ``"conv1.weight": ("normal", (0.0, 0.01), LR, MOMENTUM, DECAY),``. The momentum, the
    number before the last, is left out if the update rule has none; a program that does not train has no rates."""
    keys, common, has_momentum = state_keys(graph), common_rates(graph), _has_momentum(graph)
    rows = []
    for p in graph.parameters.values():
        own = {"LR": p.lr, **({"MOMENTUM": p.momentum} if has_momentum else {}), "DECAY": p.decay}
        rates = [_times(value, name, common.get(name, 0.0)) for name, value in own.items()] if trains else []
        rows.append(f"{string(keys[p.key])}: ({', '.join([_distribution(p.distribution), *rates])}),")
    return rows


def common_rates(graph: Graph) -> dict[str, float]:
    """Return the numbers of the train line that parameters have, by the names of the program's constants."""
    train, parameters = graph.train, graph.parameters.values()
    momentum, decay = momentum_of(train.rule), train.weight_decay
    common = {"LR": train.lr}
    if momentum and any(p.momentum == momentum for p in parameters):
        common["MOMENTUM"] = momentum
    if decay and any(p.decay == decay for p in parameters):
        common["DECAY"] = decay
    return common


def _times(value: float, name: str, constant: float) -> str:
    """Return a number, as a constant or a whole multiple of it if it is one."""
    ratio = value / constant if constant else 0.0
    times = round(ratio) if math.isfinite(ratio) else 0
    if not times or times * constant != value:
        return number(value)
    return name if times == 1 else f"{times} * {name}"


def _has_momentum(graph: Graph) -> bool:
    """Whether the program's update has a momentum: with sgd and lars, and with rmsprop if a parameter has one."""
    return isinstance(graph.train.rule, rules.Sgd | rules.Lars) or any(p.momentum for p in graph.parameters.values())


def rule_variables(graph: Graph) -> dict[str, Any]:
    """Return the template variables of the update rule.

    ``template``, ``word``, ``numbers``:
        The name of its template, that of the generated class, and the rule itself.
    ``constants``:
        The values of the program's constants, as text, by name. ``EPS`` is the one of the two that is not 0.
    ``momentum``, ``mixed``:
        Whether it has one, and whether that of some parameters is 0.
    ``decay_in_gradient``:
        Whether the weight decay is added to the gradient before anything else.
    ``in_root``:
        Whether ``EPS`` is added in the root.
    ``adapted``:
        The keys of the parameters with a trust ratio; ``None`` if the rule has none.
    """
    rule = graph.train.rule
    constants = {name.upper(): number(getattr(rule, name)) for name in _NUMBERS if hasattr(rule, name)}
    in_root = rule.eps_in_root if isinstance(rule, rules.RmsProp | rules.AdaGrad) else 0.0
    adapted = parameter_keys(graph, (p for p in graph.parameters.values() if adapts(rule, p)))
    return {
        "template": f"{type(rule).__name__.lower()}.j2",
        "word": "AdamW" if isinstance(rule, rules.Adam) and rule.decoupled else _WORDS[type(rule)],
        "numbers": rule,
        "constants": constants | ({"EPS": number(in_root)} if in_root else {}),
        "momentum": _has_momentum(graph),
        "mixed": not all(p.momentum for p in graph.parameters.values()),
        "decay_in_gradient": decay_in_gradient(rule),
        "in_root": bool(in_root),
        "adapted": adapted if isinstance(rule, rules.Lars | rules.Lamb) else None,
    }


def parameter_keys(graph: Graph, parameters: Iterable[Parameter]) -> list[str]:
    """Return the string literals of parameters' keys in the ``state_dict``, such as ``"bn.weight"``."""
    keys = state_keys(graph)
    return [string(keys[p.key]) for p in parameters]


def _constraint_rows(graph: Graph) -> list[str]:
    """Return a row per constrained parameter that is trained: ``"conv2.weight": ((1, 2, 3), dict(max_norm=3.0)),``."""
    keys = state_keys(graph)
    constrained = (p for p in graph.parameters.values() if p.constraint and p.lr)
    return [
        f"{string(keys[p.key])}: ({incoming(p.shape)}, {call('dict', **_bounds(p.constraint))})," for p in constrained
    ]


def _table_rows(graph: Graph) -> list[str]:
    """Return rows per weight with a connection table: ``"c3.weight": (``, a tuple of channels per filter, ``),``."""
    keys = state_keys(graph)
    rows = []
    for p in graph.parameters.values():
        if p.table is not None:
            rows += [
                f"{string(keys[p.key])}: (",
                *(f"    {line}" for line in fill_lines(map(_row, p.table.rows))),
                "),",
            ]
    return rows


def _row(channels: tuple[int, ...]) -> str:
    return f"{channels},"


def _update_rows(graph: Graph) -> list[str]:
    """Return a row per parameter that is updated more often than once per batch: ``"fc6.weight": 1,``."""
    keys = state_keys(graph)
    return [f"{string(keys[p.key])}: {p.update_every}," for p in graph.parameters.values() if p.update_every]


def _super_eps_rows(graph: Graph) -> list[str]:
    """Return a row per trained parameter whose gradient is normalised by running means: ``"fc6.weight": 1.0,``."""
    keys = state_keys(graph)
    normalised = ((p, p.super_eps) for p in graph.parameters.values() if p.super_eps is not None and p.lr)
    return [f"{string(keys[p.key])}: {number(super_eps)}," for p, super_eps in normalised]


def _bounds(constraint: Constraint) -> dict[str, str | None]:
    bounds = ((name, getattr(constraint, name)) for name in BOUNDS)
    parts = {"parts": str(constraint.parts)} if constraint.parts > 1 else {}
    return {name: None if bound is None else number(bound) for name, bound in bounds} | parts


def _renamed_rows(graph: Graph) -> list[str]:
    """Return a row per parameter whose key in the ``state_dict`` differs: ``"train_.weight": "train.weight",``."""
    keys = state_keys(graph)
    return [f"{string(key)}: {string(spec_key)}," for spec_key, key in keys.items() if key != spec_key]


def _distribution(distribution: Distribution) -> str:
    match distribution:
        case Normal(mean, std):
            return f'"normal", ({mean!r}, {std!r})'
        case Uniform(low, high):
            return f'"uniform", ({low!r}, {high!r})'
        case Constant(value):
            return f'"constant", ({value!r},)'
        case Bilinear(kernel):
            return f'"bilinear", {kernel}'


def schedule_variables(graph: Graph) -> dict[str, Any]:
    """Return the template variables of the learning rate schedule and its exceptions for single parameters.

    ``word``, ``numbers``, ``name``:
        The train line's schedule; see ``_function``.
    ``warmup``:
        The expression for the number of warm-up steps, in terms of ``data``; empty without a warm-up.
    ``place``:
        The arguments of the functions: ``epoch`` and ``progress``, and before them ``step`` if a schedule counts steps.
        ``epoch`` includes the completed share of the current one if a schedule needs it.
    ``factor``:
        The expression for the factor of learning rates, in terms of ``step``, ``total``, ``epoch``, the number of
        warm-up steps, ``rising``, and with ``divides_epochs`` that of the epoch's steps, ``per_epoch``.
    ``falls``, ``fallen``:
        The phases of the momentum, none if it does not change, and the expression for how far it has fallen.
    ``functions``, ``own``:
        The other schedules, and (key, function) of each parameter that follows one of them.
    ``own_factor``:
        Like ``factor``, for a function of ``own`` in the variable ``rate``.
    ``noise``:
        (key, standard deviation) of each parameter whose learning rate is noisy.
    ``freezes``:
        Whether any learning rate becomes 0.
    """
    main, keys = graph.train.schedule, state_keys(graph)
    warmup, warmup_factor, progress = _warmup(graph.train.warmup)
    schedules = {keys[p.key]: graph.schedule_of(p) for p in graph.parameters.values()}
    others = dict.fromkeys(schedule for schedule in schedules.values() if schedule != main)
    functions = {schedule: f"{_RATE_FACTOR}_{index}" for index, schedule in enumerate(others, 2)}
    counted = "step, " if any(map(_counts_steps, (main, *functions))) else ""
    divided = any(map(_divides_epochs, (main, *functions)))
    epoch = "epoch + (step - first) / per_epoch" if divided else "epoch"
    return {
        **_function(main, _RATE_FACTOR, counted),
        "warmup": warmup,
        "factor": warmup_factor
        + ("plateau.factor" if isinstance(main, Plateau) else f"{_RATE_FACTOR}({counted}{epoch}, {progress})"),
        "falls": main.falls
        if isinstance(main, OneCycle) and main.low_momentum is not None and _has_momentum(graph)
        else (),
        "fallen": f"momentum_fall({counted}{epoch}, {progress})",
        "functions": [_function(schedule, name, counted) for schedule, name in functions.items()],
        "own": [(string(key), functions[schedule]) for key, schedule in schedules.items() if schedule in functions],
        "own_factor": f"{warmup_factor}rate({counted}{epoch}, {progress})",
        "divides_epochs": divided,
        "noise": [(string(key), number(noise)) for key, s in schedules.items() if (noise := noise_of(s))],
        "freezes": any(isinstance(s, Steps) and s.freeze is not None for s in (main, *functions)),
    }


def _warmup(warmup: Warmup) -> tuple[str, str, str]:
    """Return the expressions for the number of warm-up steps, for what they multiply a factor with, and for the
    progress after them; the first two are empty without a warm-up."""
    if not warmup.length:
        return "", "", "step / total"
    start = warmup.start
    steps = f"{warmup.length} * data.steps" if warmup.unit == "epochs" else str(warmup.length)
    rising = f"{start!r} + (1 - {start!r}) * step / rising" if start else "(step + 1) / rising"
    return steps, f"min(1.0, {rising}) * ", "max(0, step - rising) / max(1, total - rising)"


def _function(schedule: Schedule, name: str, counted: str) -> dict[str, Any]:
    """Return the variables of a schedule's template: its word, after which the template is named, its numbers, the name
    of the generated function, its arguments (``counted`` is ``step, `` if it has the step), and its unit of time."""
    unit = "step" if _counts_steps(schedule) else "epoch"
    word = word_of(schedule)
    return {"word": word, "numbers": schedule, "name": name, "place": f"{counted}epoch, progress", "unit": unit}


def _divides_epochs(schedule: Schedule) -> bool:
    """Whether a schedule changes within epochs that it counts."""
    if isinstance(schedule, Step):
        return schedule.unit == "epochs" and bool(schedule.every % 1)
    return isinstance(schedule, Restarts) and schedule.unit == "epochs"


def _counts_steps(schedule: Schedule) -> bool:
    return isinstance(schedule, Inverse | Sigmoid) or getattr(schedule, "unit", "epochs") == "steps"
