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
from netspec.report.table import ColumnOf, Table, table_of

_DRAWN = "gaussian(standard deviation), uniform(b): from -b to b, constant(value); the seed says which numbers"


def learning_table(net: Net, style: Style = READABLE) -> Table:
    """Return the table of all weights and biases: shape, initial values, learning rate, momentum, decay, schedule.

    There is no momentum if the update rule has none. A column ``more`` lists rarer properties, if any parameter has
    some.
    """
    graph = net.graph
    parameters = graph.parameters.values()
    columns: list[ColumnOf[Parameter]] = [
        ColumnOf("parameter", lambda p: p.key, right=False),
        ColumnOf("shape", lambda p: format_sizes(p.shape), rank=2),
        ColumnOf("numbers", lambda p: style.count(p.size), rank=3),
        ColumnOf("begins as", lambda p: texts.distribution(p.distribution), right=False),
        ColumnOf("lr", lambda p: texts.number(p.lr)),
    ]
    if momentum_of(graph.train.rule) is not None:
        columns.append(ColumnOf("momentum", lambda p: texts.number(p.momentum), rank=1))
    columns += [
        ColumnOf("decay", lambda p: texts.number(p.decay)),
        ColumnOf("schedule", lambda p: texts.schedule(graph.schedule_of(p)), right=False),
    ]
    if any(map(_rare_properties, parameters)):
        columns.append(ColumnOf("more", _more, right=False))
    notes = (*_notes(graph), _rule(graph.train.rule), _DRAWN)
    return table_of(f"{net.name}: what is learnt, and how", columns, parameters, notes)


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


def _more(parameter: Parameter) -> str:
    return " ".join(f"{key}={texts.number(value)}" for key, value in _rare_properties(parameter).items())


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
