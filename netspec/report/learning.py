"""The table of parameters: initial values, learning rates and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netspec.formatting import format_sizes, plural
from netspec.ir.constraint import BOUNDS
from netspec.ir.graph import Graph, Parameter
from netspec.ir.rules import Sgd, UpdateRule, momentum_of
from netspec.keys import texts
from netspec.keys.formulas import formula, is_numbered
from netspec.net import Net
from netspec.report.style import READABLE, Style
from netspec.report.table import Column, Table

_DRAWN = "gaussian(standard deviation), uniform(b): from -b to b, constant(value); the seed says which numbers"


def learning_table(net: Net, style: Style = READABLE) -> Table:
    """Return the table of all weights and biases: shape, initial values, learning rate, momentum, decay, schedule.

    There is no momentum if the update rule has none. A column ``more`` lists rarer properties, if any parameter has
    some.
    """
    graph = net.graph
    columns = (
        Column("parameter", right=False),
        Column("shape", rank=2),
        Column("numbers", rank=3),
        Column("begins as", right=False),
        Column("lr"),
        Column("momentum", rank=1),
        Column("decay"),
        Column("schedule", right=False),
        Column("more", right=False),
    )
    rows = tuple(
        (
            p.key,
            format_sizes(p.shape),
            style.count(p.size),
            texts.distribution(p.distribution),
            *map(texts.number, (p.lr, p.momentum, p.decay)),
            texts.schedule(graph.schedule_of(p)),
            " ".join(f"{key}={texts.number(value)}" for key, value in _rare_properties(p).items()),
        )
        for p in graph.parameters.values()
    )
    notes = (*_notes(graph), _rule(graph.train.rule), _DRAWN)
    table = Table(f"{net.name}: what is learnt, and how", columns, rows, None, notes)
    if not any(row[-1] for row in rows):
        table = table.without(frozenset({"more"}))
    return table if momentum_of(graph.train.rule) is not None else table.without(frozenset({"momentum"}))


def learning_of(graph: Graph, layer: str) -> list[dict[str, Any]]:
    """Return the parameters that a layer owns, as plain data."""
    return [
        {
            "parameter": p.key,
            "shape": list(p.shape),
            "init": texts.distribution(p.distribution),
            "lr": p.lr,
            **({"momentum": p.momentum} if momentum_of(graph.train.rule) is not None else {}),
            "decay": p.decay,
            "schedule": texts.schedule(graph.schedule_of(p)),
            **_rare_properties(p),
        }
        for p in graph.parameters_of(layer)
    ]


def _rare_properties(parameter: Parameter) -> Mapping[str, float]:
    """Return the rarer properties of a parameter, by their keys in a spec: constraints, ``update_every``,
    ``super_eps``."""
    bounds = {key: getattr(parameter.constraint, key) for key in BOUNDS}
    rules = {"update_every": parameter.update_every, "super_eps": parameter.super_eps}
    return {key: value for key, value in {**bounds, **rules}.items() if value is not None}


def _rule(rule: UpdateRule) -> str:
    """Return the note on the update rule. The numbers of rules other than sgd are the same for all
    parameters, except for the momentum."""
    numbers = "" if isinstance(rule, Sgd) else f"{texts.optimizer(rule)}: "
    update = "update t, from 1," if is_numbered(rule) else "an update"
    return f"{numbers}{update} is {formula(rule)}; the schedule changes lr"


def _notes(graph: Graph) -> tuple[str, ...]:
    """Return notes on the length of the run, and on layers that share weights."""
    train = graph.train
    length = plural(train.steps or 0, "step") if train.epochs is None else plural(train.epochs, "epoch")
    run = f"{length} in batches of {plural(train.batch, 'image')}"
    run += f", warm-up {texts.warmup(train.warmup)}" if train.warmup.length else ""
    run += f", gradients limited to {texts.clip(train.clip_gradients)}" if train.clip_gradients is not None else ""
    users: dict[str, dict[str, None]] = {}
    for node in graph.nodes.values():
        for key in node.params:
            if (owner := graph.parameters[key].layer) != node.layer:
                users.setdefault(owner, {})[node.layer] = None
    shared = tuple(f"the weights of {owner} are also those of {', '.join(names)}" for owner, names in users.items())
    return (run, *shared)
