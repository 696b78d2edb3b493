"""All that a network and its solver state about training: keys of the input, train and augment lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic
from netspec.importers.caffe.learning.multipliers import some_biases_decay
from netspec.importers.caffe.learning.preparation import PREPARED, Preparation, batch_size, preparation
from netspec.importers.caffe.learning.solver import Solved, train_line
from netspec.importers.caffe.learning.substitutes import substitute
from netspec.importers.caffe.net.layers import WITH_FILLERS, Layer, Network
from netspec.importers.caffe.net.network import all_layers
from netspec.importers.caffe.net.phases import TEST, TRAIN, state_of
from netspec.importers.caffe.net.types import TYPES
from netspec.importers.caffe.schema.record import Entry, Record
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.settings import Aspect
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Training:
    """What stands on a spec's input, train and augment lines, comments, warnings, and what a spec cannot express
    or Caffe rejects.

    ``bias_decays``: the train line has a decay of biases. ``stated`` is what the files state of a spec.
    """

    input_keys: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    comments: tuple[str, ...] = ()
    substitutes: tuple[Diagnostic, ...] = ()
    bias_decays: bool = False
    stated: frozenset[Aspect] = frozenset()
    of_data: tuple[Inexpressible | Rejected, ...] = ()
    of_solver: tuple[Inexpressible, ...] = ()


def training_of(network: Network, data: Layer, shape: Shape, solver: Record | None) -> Training:
    """Return what a network says about training, with its solver if there is one.

    ``data`` is the layer that reads the images, and ``shape`` theirs.
    """
    problems: tuple[Inexpressible | Rejected, ...] = ()
    prepared, stated = Preparation(), frozenset[Aspect]()
    if data.type in PREPARED:
        stated |= {"preparation"}
        try:
            prepared = preparation(data.record, _in_tests(network, data), shape)
        except (Inexpressible, Rejected) as reason:
            problems = (reason,)
    batch = batch_size(data.record) if network.phase == TRAIN else None
    decays = solver is not None and solver.real("weight_decay") > 0
    bias_decays = decays and some_biases_decay(layer.record for layer in network.layers)
    solved = Solved({} if batch is None else {"batch": str(batch)})
    if solver is not None:
        solved = train_line(solver, batch, bias_decays=bias_decays)
        stated |= {"training"}
    in_training = network.phase == TRAIN
    settings = {"train": solved.train, "augment": prepared.augment if in_training else {}}
    substitutes = (*_of_another_version(data), *(prepared.assumed if in_training else ()), *solved.substitutes)
    return Training(
        prepared.input_keys, settings, _comments(network), substitutes, bias_decays, stated, problems, solved.problems
    )


def _of_another_version(data: Layer) -> tuple[Diagnostic, ...]:
    """Return the warning that a layer of another version of Caffe says how images are prepared, if it does."""
    if data.type in TYPES or not data.record.has("transform_param"):
        return ()
    message = f"{data.name}: BVLC's Caffe has no layers {data.type}: what it does with images is not in the spec"
    note = "range=, mean=, std= and order= of the input state it, and a line augment crops and mirrors"
    return (substitute(message, data.record.place("transform_param"), note),)


def _comments(network: Network) -> tuple[str, ...]:
    """Explain the numbers that Caffe's xavier becomes."""
    fillers = (layer.record.message(name).message("weight_filler") for layer in network.layers for name in WITH_FILLERS)
    if any(filler.text("type") == "xavier" and filler.text("variance_norm") != "AVERAGE" for filler in fillers):
        return ("Weights with the filler xavier are uniform between -sqrt(3 / fan_in) and sqrt(3 / fan_in) in Caffe.",)
    return ()


def with_state(network: Record, solver: Record) -> Record:
    """Return a network with the level and the stages that its solver trains it with (``InitTrainNet``)."""
    if not solver.has("train_state"):
        return network
    own, more = network.message("state"), solver.message("train_state")
    entries = {**own.entries, **{name: more.entries[name] for name in ("level",) if more.has(name)}}
    if stages := (*own.entries.get("stage", ()), *more.entries.get("stage", ())):
        entries["stage"] = stages
    state = own.with_entries(entries)
    return network.with_entries({**network.entries, "state": (Entry(state, state.span),)})


def _in_tests(network: Network, data: Layer) -> Record | None:
    """Return the layer that reads the images of the tests, if it is another one."""
    if network.phase != TRAIN:
        return None
    training, tests = (state_of(network.record, phase) for phase in (TRAIN, TEST))
    for layer in all_layers(network.record, Findings(network.record.span.source)):
        if tests.has(layer) and not training.has(layer) and layer.texts("top")[:1] == list(data.tops[:1]):
            return layer if layer.text("type") in PREPARED else None
    return None
