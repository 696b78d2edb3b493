"""Properties of placement that hold for every network on any number of devices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import netspec
from netspec.ir.graph import Graph
from netspec.ir.ops import Input
from netspec.passes.placing import (
    SPLITS,
    ArrangementError,
    Placed,
    Sharding,
    SplitWord,
    arrange,
    local_graph,
    place_on_devices,
)

KINDS = (
    "conv filters=8 kernel=1", "deconv filters=8 kernel=1", "relu", "lrn size=3 k=1 alpha=0.1 beta=0.5", "dropout",
    "dropout over=channels", "layernorm", "layernorm groups=2", "groupnorm groups=2", "prelu",
    "prelu shared=yes", "shuffle groups=2",
)  # fmt: skip


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """Random chains with branches: the number of groups, each layer's input, its groups and whether it reads all."""
    groups = draw(st.sampled_from((1, 2, 4)))
    lines = [
        "net drawn",
        *([f"gpus {groups}"] if groups > 1 else []),
        "[image] input 4x6x6",
        "[l0] conv filters=8 kernel=1",
    ]
    for i in range(1, draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(KINDS))
        keys = []
        if kind.startswith(("conv", "deconv")) and draw(st.booleans()):
            keys.append(f"inputs=l{draw(st.integers(0, i - 1))}")
        if kind.startswith(("conv", "deconv", "lrn")) and draw(st.booleans()):
            keys.append("reads=all")
        if groups > 1 and kind.startswith(("conv", "deconv")) and draw(st.booleans()):
            keys.append(f"gpu={draw(st.sampled_from((*range(groups), 'all')))}")
        lines.append(f"[l{i}] {kind} {' '.join(keys)}")
    if draw(st.booleans()):
        last = lines[-1][1:].partition("]")[0]
        halves = ["[left] slice channels=4 first=4", f"[right] slice channels=4 inputs={last}"]
        lines += [*halves, "[both] concat inputs=left,right"]
    lines += [
        "[fc] fc outputs=8",
        f"[scores] fc outputs={draw(st.sampled_from((4, 8) if groups == 4 else (4, 6, 8)))} reads=all",
    ]
    if draw(st.booleans()):
        lines.append("[prob] softmax")
    return netspec.loads("\n".join(lines)).graph


def placed_or_none(graph: Graph, devices: int, split: SplitWord) -> Placed | None:
    try:
        return place_on_devices(graph, arrange(graph, devices, split))
    except ArrangementError:
        return None


CASES = st.tuples(networks(), st.sampled_from((1, 2, 3, 4, 8)), st.sampled_from(tuple(SPLITS)))


@given(CASES)
def test_shares_divide_channels_evenly(case: tuple[Graph, int, SplitWord]) -> None:
    placed = placed_or_none(*case)
    for name, layer in placed.layers.items() if placed else ():
        assert placed is not None
        assert placed.graph.layers[name].output.channels % layer.sharding.channels == 0
        for parameter in placed.graph.parameters_of(name):
            assert parameter.shape[parameter.axis] % placed.sharding_of(parameter).channels == 0


@given(CASES)
def test_shares_together_cover_every_layer(case: tuple[Graph, int, SplitWord]) -> None:
    placed = placed_or_none(*case)
    for layer in placed.layers.values() if placed else ():
        assert placed is not None
        arrangement, sharding = placed.arrangement, layer.sharding
        assert sharding.batch in (1, arrangement.replicas)
        assert sharding.channels in (1, arrangement.groups, arrangement.devices)
        assert sharding.owner is None or (sharding.channels == 1 and sharding.owner < arrangement.groups)


@given(CASES)
def test_local_shapes_follow_from_local_inputs(case: tuple[Graph, int, SplitWord]) -> None:
    """The operations' shape rules, applied to the inputs of each device, give the output shares of the plan."""
    placed = placed_or_none(*case)
    if placed is None:
        return
    for layer in placed.graph.layers.values():
        for where in range(placed.arrangement.groups):
            if placed.layers[layer.name].sharding.owner not in (None, where):
                continue
            local = local_graph(placed, layer, where)
            for name in layer.nodes:
                node = local.nodes[name]
                if not isinstance(node.op, Input):
                    assert node.op.shape(local.shapes(node)) == node.output
                    shapes = [p.shape for p in node.op.params(local.shapes(node), node.output)]
                    assert shapes == [local.parameters[key].shape for key in node.params]


@given(CASES)
def test_transfers_match_the_shardings_of_value_and_reader(case: tuple[Graph, int, SplitWord]) -> None:
    placed = placed_or_none(*case)
    for transfer in placed.transfers if placed else ():
        assert placed is not None
        assert transfer.source == placed.layers[transfer.value].sharding
        assert transfer.source != transfer.target or transfer.partial
        if transfer.reader in placed.layers:
            reader = placed.layers[transfer.reader].sharding
            assert transfer.target.owner == reader.owner
            assert transfer.target.channels in (1, reader.channels)
            assert transfer.partial == (reader.channels > 1 and transfer.target.channels == 1)


@given(networks(), st.sampled_from(tuple(SPLITS)))
def test_one_device_needs_no_transfers(graph: Graph, split: SplitWord) -> None:
    placed = place_on_devices(graph, arrange(graph, 1, split))
    assert placed.transfers == ()
    assert {layer.sharding for layer in placed.layers.values()} == {Sharding()}


@given(networks(), st.integers(1, 8))
def test_split_by_batch_works_on_any_number_of_devices(graph: Graph, devices: int) -> None:
    placed = place_on_devices(graph, arrange(graph, devices, "batch"))
    assert placed.transfers == ()
