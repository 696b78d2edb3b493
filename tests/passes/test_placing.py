"""The sharding of every layer, and the transfers between devices: AlexNet, branches, layers with explicit groups."""

from __future__ import annotations

import pytest
from networks import ENLARGING
from places import SPECS

import netspec
from netspec.ir.graph import Graph
from netspec.ir.ops import Concat, Conv, Deconv, Linear, Local, Lrn, Op, PRelu, Reshape, Shuffle, Slice
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.window import TransposedWindow, Window
from netspec.passes.placing import ArrangementError, Placed, Sharding, SplitWord, arrange, local_graph, place_on_devices
from netspec.passes.placing.arrangement import require_equal_parts
from netspec.passes.placing.shares import reading, share_of

CONVS = ("conv1", "norm1", "pool1", "conv2", "norm2", "pool2", "conv3", "conv4", "conv5", "pool5")
HIDDEN = ("fc6", "drop6", "fc7", "drop7")

RESHAPED = """
gpus 2
[image] input 3x4x4
[yuv] colourspace to=yuv
[wide] conv filters=8 kernel=1
[shaped] reshape size=16x4x2
[fc] fc outputs=30 reads=all
[last] fc outputs=2 gpu=0
"""
TOWERS = """
net towers
gpus 4
[image] input 3x8x8
[a] conv filters=4 kernel=3 gpu=0 inputs=image
[b] conv filters=4 kernel=3 gpu=1 inputs=image
[c] conv filters=4 kernel=3 gpu=2 inputs=image
[d] conv filters=4 kernel=3 gpu=3 inputs=image
[joined] concat inputs=a,b,c,d
[own] conv filters=8 kernel=3
[across] lrn size=5 k=2 alpha=1e-4 beta=0.75 reads=all
[f] fc outputs=8
[last] fc outputs=4 gpu=2
[prob] softmax
"""


def alexnet() -> Graph:
    return netspec.load(SPECS / "alexnet.net").graph


def placed_on(graph: Graph, devices: int, split: SplitWord | None = None) -> Placed:
    return place_on_devices(graph, arrange(graph, devices, split))


def sharding(placed: Placed, *names: str) -> set[Sharding]:
    return {placed.layers[name].sharding for name in names}


def transfers_of(placed: Placed) -> list[tuple[str, str, Sharding, Sharding, bool]]:
    return [(t.value, t.reader, t.source, t.target, t.partial) for t in placed.transfers]


@pytest.mark.parametrize(("devices", "rows"), [(2, 1), (4, 2), (8, 4)])
def test_alexnet_split_by_groups(devices: int, rows: int) -> None:
    placed = placed_on(alexnet(), devices)
    split, whole, one = Sharding(rows, 2), Sharding(rows), Sharding(rows, owner=0)
    assert (placed.arrangement.groups, placed.arrangement.replicas) == (2, rows)
    assert sharding(placed, *CONVS, *HIDDEN) == {split}
    assert sharding(placed, "fc8", "prob") == {one}
    assert transfers_of(placed) == [
        ("pool2", "conv3", split, whole, True),
        ("pool5", "fc6", split, whole, True),
        ("drop6", "fc7", split, whole, True),
        ("drop7", "fc8", split, one, False),
    ]


@pytest.mark.parametrize("devices", [2, 3, 4])
def test_alexnet_split_by_batch_needs_no_transfers(devices: int) -> None:
    placed = placed_on(alexnet(), devices, "batch")
    assert sharding(placed, *placed.graph.layers) == {Sharding(devices)}
    assert transfers_of(placed) == []


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_alexnet_split_hybrid(devices: int) -> None:
    placed = placed_on(alexnet(), devices, "hybrid")
    batch, feature = Sharding(devices), Sharding(1, devices)
    assert sharding(placed, "image", *CONVS, "prob") == {batch}
    assert sharding(placed, *HIDDEN, "fc8") == {feature}
    assert transfers_of(placed) == [
        ("pool5", "fc6", batch, Sharding(), True),
        ("drop6", "fc7", feature, Sharding(), True),
        ("drop7", "fc8", feature, Sharding(), True),
        ("fc8", "loss", feature, batch, False),
    ]


def test_hybrid_layer_with_indivisible_features_is_split_by_batch() -> None:
    """1000 classes cannot be divided among 16 devices."""
    placed = placed_on(alexnet(), 16, "hybrid")
    assert sharding(placed, "fc7") == {Sharding(1, 16)}
    assert sharding(placed, "fc8") == {Sharding(16)}
    assert ("drop7", "fc8", Sharding(1, 16), Sharding(16), False) in transfers_of(placed)


@pytest.mark.parametrize("split", ["groups", "batch", "hybrid"])
def test_one_device_holds_everything(split: SplitWord) -> None:
    placed = placed_on(alexnet(), 1, split)
    assert sharding(placed, *placed.graph.layers) == {Sharding()}
    assert transfers_of(placed) == []


def test_default_split_is_groups_or_else_batch() -> None:
    assert arrange(alexnet(), 2).split == "groups"
    assert arrange(netspec.load(SPECS / "lenet.net").graph, 2).split == "batch"


def test_layers_with_explicit_groups() -> None:
    placed = placed_on(netspec.loads(TOWERS).graph, 4)
    assert [placed.layers[name].sharding.owner for name in "abcd"] == [0, 1, 2, 3]
    assert sharding(placed, "joined", "own", "f") == {Sharding(1, 4)}
    assert sharding(placed, "across") == {Sharding()}
    assert sharding(placed, "last", "prob") == {Sharding(owner=2)}
    transfers = {
        (value, reader): (source, target, partial) for value, reader, source, target, partial in transfers_of(placed)
    }
    assert not any(reader == "joined" for _, reader in transfers)
    assert transfers["own", "across"] == (Sharding(1, 4), Sharding(), False)
    assert transfers["across", "f"] == (Sharding(), Sharding(1, 4), False)
    assert transfers["f", "last"] == (Sharding(1, 4), Sharding(owner=2), False)


def test_four_groups_fold_onto_two_devices() -> None:
    placed = placed_on(netspec.loads(TOWERS).graph, 2)
    assert [placed.layers[name].sharding.owner for name in "abcd"] == [0, 0, 1, 1]
    assert [placed.on(1, name) for name in "abcd"] == [False, False, True, True]
    assert sharding(placed, "joined", "own", "f") == {Sharding(1, 2)}
    assert placed.layers["last"].sharding == Sharding(owner=1)
    assert not any(reader == "joined" for _, reader, *_ in transfers_of(placed))


def test_concat_joins_the_inputs_of_its_own_device() -> None:
    placed = placed_on(netspec.loads(TOWERS).graph, 2)
    for where, names in ((0, ("a", "b")), (1, ("c", "d"))):
        local = local_graph(placed, placed.graph.layers["joined"], where)
        assert local.nodes["joined"].inputs == names
        assert str(local.nodes["joined"].output) == "8x6x6"


@pytest.mark.parametrize(
    "joined",
    [
        "concat inputs=d,c,b,a gpu=all",  # in another order than the groups'
        "concat inputs=a,b gpu=all",  # on two of the four groups
        "concat inputs=a,a,b,b,c,c,d,d gpu=all",
    ],
)
def test_concat_of_whole_layers_is_shared_if_each_device_has_its_share(joined: str) -> None:
    """Otherwise all devices have all of it, and each of its readers takes its share."""
    placed = placed_on(netspec.loads(TOWERS.replace("concat inputs=a,b,c,d", joined)).graph, 4)
    in_order = "a,a,b,b" in joined
    assert placed.layers["joined"].sharding == (Sharding(1, 4) if in_order else Sharding())
    assert {name: t.target for name, t in placed.layers["joined"].transfers.items()} == (
        {} if in_order else dict.fromkeys(placed.graph.layers["joined"].inputs, Sharding())
    )
    assert sharding(placed, "own") == {Sharding(1, 4)}


def test_eight_devices_hold_each_of_four_groups_twice() -> None:
    placed = placed_on(netspec.loads(TOWERS).graph, 8)
    assert placed.layers["c"].sharding == Sharding(2, owner=2)
    assert [device for device in range(8) if placed.on(device, "c")] == [2, 6]


def test_each_reader_gets_the_sharding_that_it_needs() -> None:
    graph = netspec.loads(
        "net n\ngpus 2\n[image] input 3x8x8\n[a] conv filters=4 kernel=3\n[own] conv filters=4 kernel=1\n"
        "[all] conv filters=4 kernel=1 reads=all inputs=a\n[both] sum inputs=own,all\n[one] fc outputs=3 gpu=1"
    ).graph
    assert transfers_of(placed_on(graph, 2)) == [
        ("a", "all", Sharding(1, 2), Sharding(), True),
        ("both", "one", Sharding(1, 2), Sharding(owner=1), False),
    ]


def test_transfers_from_one_owner_to_another_and_to_all() -> None:
    graph = netspec.loads(
        "net n\ngpus 2\n[image] input 8\n[a] fc outputs=4 gpu=0\n[b] fc outputs=4 gpu=1\n[c] fc outputs=4 gpu=all"
    ).graph
    assert transfers_of(placed_on(graph, 2))[1:3] == [
        ("a", "b", Sharding(owner=0), Sharding(owner=1), False),
        ("b", "c", Sharding(owner=1), Sharding(), True),
    ]


@pytest.mark.parametrize("devices", [2, 4])
@pytest.mark.parametrize("split", ["groups", "batch", "hybrid"])
def test_layers_with_shared_weights_have_the_same_sharding(devices: int, split: SplitWord) -> None:
    graph = netspec.loads(
        "net n\ngpus 2\n[image] input 8\n[a] fc outputs=8 bias=none\n[b] fc outputs=8 weights=a inputs=image\n"
        "[c] fc outputs=4 inputs=b reads=all"
    ).graph
    placed = placed_on(graph, devices, split)
    assert placed.layers["a"].sharding == placed.layers["b"].sharding


def test_shardings_in_words() -> None:
    assert str(Sharding(1, 2)) == "the whole batch, 1/2 of the channels"
    assert (str(Sharding(2)), str(Sharding(owner=1))) == ("1/2 of the batch", "the whole batch, on device 1")
    assert str(Sharding(2, owner=1)) == "1/2 of the batch, on device 1 of each row"


def test_hybrid_layers_split_by_batch() -> None:
    """Convolutions are, also of weights of others; and what reads a layer split by batch beside one by feature."""
    convolutions = (
        "[image] input 4x6x6\n[a] conv filters=4 kernel=3 pad=1\n[b] conv filters=4 kernel=3 pad=1 weights=a\n"
    )
    assert sharding(placed_on(netspec.loads(convolutions).graph, 2, "hybrid"), "a", "b") == {Sharding(2)}
    joined = "[image] input 8\n[r] relu\n[f] fc outputs=8 inputs=image\n[s] sum inputs=f,r\n[g] fc outputs=2\n"
    placed = placed_on(netspec.loads(joined).graph, 2, "hybrid")
    assert [placed.layers[name].sharding for name in "rfs"] == [Sharding(2), Sharding(1, 2), Sharding(2)]


def test_norm_over_all_parts_keeps_weights_whole() -> None:
    text = "[image] input 8\n[a] fc outputs=8 parts=4 fixed_norm=1 norm_over={}\n[b] fc outputs=8 parts=4 weights=a\n"
    for norm_over, sharding in (("parts", Sharding(2)), ("unit", Sharding(1, 2))):
        layers = placed_on(netspec.loads(text.format(norm_over)).graph, 2, "hybrid").layers
        assert layers["a"].sharding == layers["b"].sharding == sharding


def test_losses_read_whole_scores_of_their_share_of_the_batch() -> None:
    text = "net n\ngpus 2\n[image] input 8\n[a] fc outputs=4\n[loss] crossentropy"
    graph = netspec.loads(text).graph
    assert transfers_of(placed_on(graph, 2)) == [("a", "loss", Sharding(1, 2), Sharding(), False)]
    assert transfers_of(placed_on(graph, 2, "hybrid"))[-1] == ("a", "loss", Sharding(1, 2), Sharding(2), False)
    assert placed_on(graph, 2).scores is None


def test_split_scores_are_gathered_for_the_training_loss() -> None:
    graph = netspec.loads("net n\ngpus 2\n[image] input 8\n[a] fc outputs=4").graph
    assert transfers_of(placed_on(graph, 2)) == [("a", "loss", Sharding(1, 2), Sharding(), False)]


def test_device_count_must_match_the_groups() -> None:
    with pytest.raises(ArrangementError) as caught:
        arrange(alexnet(), 3)
    assert caught.value.message == "3 devices cannot share 2 GPU groups: 2 / 3 = 0.6667 groups a device"
    assert "--gpus 2 or --gpus 4" in caught.value.notes[0]


@pytest.mark.parametrize(
    ("groups", "devices", "fitting"),
    [(3, 2, (1, 3)), (2, 5, (4, 6)), (12, 5, (4, 6)), (12, 8, (6, 12))],
)
def test_nearest_numbers_of_devices_are_divisors_or_multiples(
    groups: int, devices: int, fitting: tuple[int, int]
) -> None:
    with pytest.raises(ArrangementError) as caught:
        arrange(netspec.loads(f"gpus {groups}\n[image] input 4\n[a] fc outputs=12").graph, devices)
    assert caught.value.notes[0].endswith(": --gpus {} or --gpus {}".format(*fitting))


@pytest.mark.parametrize(
    ("batch", "note"), [(10, "10 / 4 = 2.5: --batch 8 or --batch 12"), (3, "3 / 4 = 0.75: --batch 4")]
)
def test_batches_that_have_equal_parts(batch: int, note: str) -> None:
    with pytest.raises(ArrangementError) as caught:
        require_equal_parts(batch, 4)
    assert caught.value.notes == (note,)


def test_split_by_groups_needs_groups() -> None:
    with pytest.raises(ArrangementError, match="has no GPU groups to split over 2 devices"):
        arrange(netspec.load(SPECS / "lenet.net").graph, 2, "groups")
    assert arrange(netspec.load(SPECS / "lenet.net").graph, 1, "groups").devices == 1


@pytest.mark.parametrize(
    ("op", "share"),
    [
        (Conv(8, Window((1, 1)), groups=4), Conv(4, Window((1, 1)), groups=2)),
        (Conv(8, Window((1, 1))), Conv(4, Window((1, 1)))),  # reads all channels
        (Deconv(8, TransposedWindow((1, 1)), groups=4), Deconv(4, TransposedWindow((1, 1)), groups=2)),
        (Deconv(8, TransposedWindow((1, 1))), Deconv(4, TransposedWindow((1, 1)))),
        (Linear(8, groups=2), Linear(4)),
        (Linear(8), Linear(4)),
        (Reshape(Shape(16, 4, 2)), Reshape(Shape(8, 4, 2))),
        (Lrn(5, 1, 1, 1, groups=2), Lrn(5, 1, 1, 1)),
        (Slice(4, 8, groups=4), Slice(2, 4, groups=2)),
        (Shuffle(3, shares=4), Shuffle(3, shares=2)),
        (Concat(groups=4), Concat(groups=2)),
        (Concat(), Concat()),  # of inputs that are whole on each device
    ],
)
def test_share_of_an_operation_on_two_devices(op: Op, share: Op) -> None:
    assert share_of(op, 2) == share


@pytest.mark.parametrize(
    "op", [Conv(7, Window((1, 1))), Deconv(7, TransposedWindow((1, 1))), Local(7, Window((1, 1))), Linear(7)]
)
def test_indivisible_channels_have_no_shares(op: Op) -> None:
    assert (reading(op, 2), reading(op, 7)) == (None, "whole")


@pytest.mark.parametrize(
    ("op", "on_2_and_4"),
    [
        (Conv(8, Window((1, 1)), groups=2), ("share", None)),
        (Conv(8, Window((1, 1)), table=ConnectionTable(((0,),) * 8)), (None, None)),
        (Reshape(Shape(6, 4, 2)), ("share", None)),
        (Shuffle(3, shares=2), ("share", None)),
        (Slice(0, 4, groups=2), ("share", None)),
        (PRelu(), ("share", "share")),
        (PRelu(shared=True), (None, None)),
    ],
)
def test_what_devices_read_to_compute_a_share(op: Op, on_2_and_4: tuple[str | None, ...]) -> None:
    assert (reading(op, 2), reading(op, 4)) == on_2_and_4


def test_row_and_place_of_each_device() -> None:
    arrangement = arrange(alexnet(), 6)
    assert [(arrangement.row(d), arrangement.column(d)) for d in range(6)] == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)
    ]  # fmt: skip
    assert arrangement.devices == 6


def test_weights_of_a_transposed_convolution_are_divided_by_channels_within_groups_and_else_by_filters() -> None:
    placed = placed_on(netspec.loads(ENLARGING).graph, 2)
    for name, shape in {"first": (4, 4), "mixed": (8, 6), "deep": (6, 2), "wide": (3, 4), "own": (8, 4)}.items():
        local = local_graph(placed, placed.graph.layers[name], 1)
        assert local.parameters[f"{name}.weight"].shape[:2] == shape


def test_weight_shapes_of_alexnets_second_device() -> None:
    placed = placed_on(alexnet(), 2)
    expected = {"conv1": (48, 3), "conv2": (128, 48), "conv3": (192, 256), "conv4": (192, 192), "fc6": (2048, 9216)}
    for name, shape in expected.items():
        local = local_graph(placed, placed.graph.layers[name], 1)
        assert local.parameters[f"{name}.weight"].shape[:2] == shape


def test_reshape_is_sharded_like_its_input() -> None:
    placed = placed_on(netspec.loads(RESHAPED).graph, 2)
    assert sharding(placed, "wide", "shaped") == {Sharding(1, 2)}
    assert sharding(placed, "yuv") == {Sharding()}
