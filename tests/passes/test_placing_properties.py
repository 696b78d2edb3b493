"""What holds of every network on every number of devices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import netspec
from netspec.ir.graph import Graph
from netspec.ir.ops import Input
from netspec.passes.placing import SPLITS, ArrangementError, Placed, Sharding, SplitWord, arrange, local_graph, place


@st.composite
def networks(draw: st.DrawFn) -> Graph:
    """Chains with branches: what layers read, where they lie and in how many groups is drawn."""
    groups = draw(st.sampled_from((1, 2, 4)))
    lines = [
        "net drawn",
        *([f"gpus {groups}"] if groups > 1 else []),
        "[image] input 4x6x6",
        "[l0] conv filters=8 kernel=1",
    ]
    for i in range(1, draw(st.integers(2, 6))):
        kind = draw(
            st.sampled_from(("conv filters=8 kernel=1", "relu", "lrn size=3 k=1 alpha=0.1 beta=0.5", "dropout"))
        )
        keys = []
        if kind.startswith("conv") and draw(st.booleans()):
            keys.append(f"inputs=l{draw(st.integers(0, i - 1))}")
        if kind.startswith(("conv", "lrn")) and draw(st.booleans()):
            keys.append("reads=all")
        if groups > 1 and kind.startswith("conv") and draw(st.booleans()):
            keys.append(f"gpu={draw(st.sampled_from((*range(groups), 'all')))}")
        lines.append(f"[l{i}] {kind} {' '.join(keys)}")
    lines += [
        "[fc] fc outputs=8",
        f"[scores] fc outputs={draw(st.sampled_from((4, 8) if groups == 4 else (4, 6, 8)))} reads=all",
    ]
    if draw(st.booleans()):
        lines.append("[prob] softmax")
    return netspec.loads("\n".join(lines)).graph


def placed_of(graph: Graph, devices: int, split: SplitWord) -> Placed | None:
    try:
        return place(graph, arrange(graph, devices, split))
    except ArrangementError:
        return None


CASES = st.tuples(networks(), st.sampled_from((1, 2, 3, 4, 8)), st.sampled_from(tuple(SPLITS)))


@given(CASES)
def test_shares_divide_what_they_are_shares_of(case: tuple[Graph, int, SplitWord]) -> None:
    placed = placed_of(*case)
    for name, layer in placed.layers.items() if placed else ():
        assert placed is not None
        assert placed.graph.layers[name].output.channels % layer.sharding.channels == 0
        for parameter in placed.graph.parameters_of(name):
            assert parameter.shape[0] % placed.sharding_of(parameter).channels == 0


@given(CASES)
def test_what_lies_on_the_devices_is_all_of_them(case: tuple[Graph, int, SplitWord]) -> None:
    placed = placed_of(*case)
    for layer in placed.layers.values() if placed else ():
        assert placed is not None
        arrangement, sharding = placed.arrangement, layer.sharding
        assert sharding.batch in (1, arrangement.replicas)
        assert sharding.channels in (1, arrangement.groups, arrangement.devices)
        assert sharding.owner is None or (sharding.channels == 1 and sharding.owner < arrangement.groups)


@given(CASES)
def test_every_layer_can_be_computed_from_what_arrives(case: tuple[Graph, int, SplitWord]) -> None:
    """The operations' own shape rules, on what each place reads, make the shares that it is said to hold."""
    placed = placed_of(*case)
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
def test_a_transfer_brings_what_is_there_to_where_the_reader_is(case: tuple[Graph, int, SplitWord]) -> None:
    placed = placed_of(*case)
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
    placed = place(graph, arrange(graph, 1, split))
    assert placed.transfers == ()
    assert {layer.sharding for layer in placed.layers.values()} == {Sharding()}


@given(networks(), st.integers(1, 8))
def test_by_batch_any_number_of_devices_will_do(graph: Graph, devices: int) -> None:
    placed = place(graph, arrange(graph, devices, "batch"))
    assert placed.transfers == ()
