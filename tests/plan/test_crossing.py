"""The bytes that cross between devices, against arithmetic by hand: AlexNet's, and every kind of transfer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS

import netspec
from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.placing import SplitWord
from netspec.plan import Crossing, Plan, plan

PARAMETERS, CONVOLUTIONS = 60_965_224, 2_332_704 + 1_376


def alexnet() -> Graph:
    return netspec.load(SPECS / "alexnet.net").graph


def crossings_of(step: Plan, direction: str) -> dict[str, tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Return by layer the kind of its crossing, and the float32 numbers per image that each device sends, receives."""
    return {
        c.layer: (c.kind, tuple(x // 4 // step.batch for x in c.sent), tuple(x // 4 // step.batch for x in c.received))
        for c in step.crossings
        if c.direction == direction
    }


def values_of(step: Plan) -> list[Crossing]:
    """Return the crossings of values and their gradients, without those of the parameters' gradients."""
    return [c for c in step.crossings if c.direction != "gradients"]


def test_alexnet_on_two_gpus_crosses_at_four_layers() -> None:
    """Half of 256x13x13, of 256x6x6 and of 4096 both ways; the other half of 4096 only to the GPU that holds fc8."""
    step = plan(alexnet(), 2)
    sizes = {"pool2": 21_632, "pool5": 4_608, "drop6": 2_048}
    assert sizes == {"pool2": 256 * 13 * 13 // 2, "pool5": 256 * 6 * 6 // 2, "drop6": 4096 // 2}
    forward, backward = crossings_of(step, "forward"), crossings_of(step, "backward")
    assert {name: forward[name] for name in sizes} == {n: ("all-gather", (x, x), (x, x)) for n, x in sizes.items()}
    assert {name: backward[name] for name in sizes} == {n: ("reduce-scatter", (x, x), (x, x)) for n, x in sizes.items()}
    assert forward["drop7"] == ("gather", (0, 2048), (2048, 0))
    assert backward["drop7"] == ("scatter", (2048, 0), (0, 2048))
    assert not crossings_of(step, "gradients")


def test_alexnet_on_two_gpus_sends_14_5_and_15_5_mb() -> None:
    """28,288 numbers per image in both directions, and fc7's 2,048 in one; the backward pass reverses them."""
    step = plan(alexnet(), 2)
    both, one = 128 * 4 * 28_288, 128 * 4 * 2_048
    assert (both, both + one) == (14_483_456, 15_532_032)
    forward = [c for c in step.crossings if c.direction == "forward"]
    assert [sum(c.sent[d] for c in forward) for d in (0, 1)] == [both, both + one]
    assert [device.sent for device in step.devices] == [2 * both + one] * 2
    assert [device.received for device in step.devices] == [2 * both + one] * 2


def test_split_by_batch_sums_all_gradients() -> None:
    step = plan(alexnet(), 2, "batch")
    assert values_of(step) == []
    # An all-reduce on n devices sends 2 (n - 1) / n of the numbers.
    assert {device.sent for device in step.devices} == {PARAMETERS * 4}
    assert PARAMETERS * 4 == 243_860_896
    assert {device.sent for device in plan(alexnet(), 4, "batch").devices} == {PARAMETERS * 4 * 6 // 4}


def test_first_device_broadcasts_gradients_of_replicated_layers() -> None:
    """Batch normalisation has two parameters for each of the 3 channels: 24 bytes."""
    text = "gpus 2\n[image] input 3x8x8\n[bn] batchnorm\n[conv] conv filters=4 kernel=3\n[scores] fc outputs=4"
    step = plan(netspec.loads(f"net whole\n{text}\n").graph, 2)
    (only,) = [c for c in step.crossings if c.direction == "gradients"]
    assert (only.layer, only.kind, only.sent, only.received) == ("bn", "broadcast", (24, 0), (0, 24))
    assert not [c for c in step.crossings if c.reader == "bn"]  # each of them sees the whole batch
    four = [c for c in plan(netspec.loads(f"net whole\n{text}\n").graph, 4).crossings if c.direction == "gradients"]
    assert [(c.layer, c.kind) for c in four] == [
        ("scores", "all-reduce"), ("conv", "all-reduce"), ("bn", "all-reduce"), ("bn", "broadcast"),
    ]  # fmt: skip
    assert four[-1].sent == (24, 0, 24, 0)


def test_alexnet_split_hybrid_on_two_gpus() -> None:
    step = plan(alexnet(), 2, "hybrid")
    gradients = sum(c.sent[0] for c in step.crossings if c.direction == "gradients")
    assert gradients == CONVOLUTIONS * 4 == 9_336_320
    sent = {c.layer: (c.kind, c.sent) for c in step.crossings if c.direction == "forward"}
    pool5, hidden, classes = 64 * 9216 * 4, 128 * 2048 * 4, 64 * 500 * 4
    assert (pool5, hidden) == (2_359_296, 1_048_576)
    assert sent == {
        "pool5": ("all-gather", (pool5, pool5)),
        "drop6": ("all-gather", (hidden, hidden)),
        "drop7": ("all-gather", (hidden, hidden)),
        "fc8": ("all-to-all", (classes, classes)),
    }
    backward = {c.layer: (c.kind, c.sent) for c in step.crossings if c.direction == "backward"}
    kinds = {"all-gather": "reduce-scatter", "all-to-all": "all-to-all"}
    assert backward == {layer: (kinds[kind], amounts) for layer, (kind, amounts) in sent.items()}
    assert {device.sent for device in step.devices} == {gradients + 2 * (pool5 + 2 * hidden + classes)}


def test_alexnet_split_hybrid_on_four_gpus() -> None:
    """Each sends its 32 images of pool5 to the other three, and its quarter of fc6 for 128 images."""
    sent = {c.layer: c.sent[0] for c in plan(alexnet(), 4, "hybrid").crossings if c.direction == "forward"}
    assert sent["pool5"] == 3 * 32 * 9216 * 4
    assert sent["drop6"] == 3 * 128 * 1024 * 4
    assert sent["fc8"] == 3 * 32 * 250 * 4


def test_alexnet_split_by_groups_on_four_gpus() -> None:
    """Each pair exchanges values of half the batch. Gradients are summed over two rows, fc8's only on its devices."""
    step = plan(alexnet(), 4)
    assert crossings_of(step, "forward")["pool2"][1] == (21_632 // 2,) * 4
    gradients = {c.layer: c.sent for c in step.crossings if c.direction == "gradients"}
    assert gradients["fc6"] == ((37_748_736 + 4096) * 4 // 2,) * 4
    assert gradients["fc8"] == ((4_096_000 + 1000) * 4, 0) * 2


def test_bf16_halves_the_values_that_autocast_computes_in_it() -> None:
    """Under autocast norm2 and thus pool2 are float32, pool5 and the hidden layers are not; weight gradients are."""
    fp32, bf16 = (plan(alexnet(), 4, precision=p) for p in ("fp32", "bf16"))
    ratio = {a.layer: a.sent[1] / b.sent[1] for a, b in zip(values_of(fp32), values_of(bf16), strict=True) if b.sent[1]}
    assert ratio == {"pool2": 1, "pool5": 2, "drop6": 2, "drop7": 2}
    assert fp32.crossings[-1] == bf16.crossings[-1]


OWNERS = "net n\ngpus 2\n[image] input 8\n[a] fc outputs=4 gpu=0\n"


def test_owner_to_another_owner_is_a_send() -> None:
    step = plan(netspec.loads(OWNERS + "[b] fc outputs=4 gpu=1").graph, 2, batch=10)
    assert crossings_of(step, "forward")["a"] == ("send", (4, 0), (0, 4))
    assert crossings_of(step, "backward")["a"] == ("send", (0, 4), (4, 0))


def test_owner_to_all_is_a_broadcast() -> None:
    """Both devices read the whole value to compute different features, so the owner sums their gradients."""
    step = plan(netspec.loads(OWNERS + "[b] fc outputs=4 gpu=all\n[c] fc outputs=4 gpu=0").graph, 2, batch=10)
    assert crossings_of(step, "forward")["a"] == ("broadcast", (4, 0), (0, 4))
    assert crossings_of(step, "backward")["a"] == ("reduce", (0, 4), (4, 0))
    assert crossings_of(step, "forward")["b"] == ("gather", (0, 2), (2, 0))


def test_owner_to_shares_is_a_scatter() -> None:
    step = plan(netspec.loads(OWNERS + "[b] relu gpu=all\n[c] fc outputs=4 gpu=0").graph, 2, batch=10)
    assert crossings_of(step, "forward")["a"] == ("scatter", (2, 0), (0, 2))
    assert crossings_of(step, "backward")["a"] == ("gather", (0, 2), (2, 0))


def test_owner_exchanges_with_each_of_three_others() -> None:
    """Of 8 numbers the others need all for their own features of b, and return 2 of these each; 2 each for the relu."""
    text = "gpus 4\n[image] input 8\n[a] fc outputs=8 gpu=0\n[b] fc outputs=8 gpu=all\n[c] fc outputs=8 gpu=0\n"
    forward = crossings_of(plan(netspec.loads(text + "[d] relu gpu=all").graph, 4, batch=10), "forward")
    assert forward == {
        "a": ("broadcast", (24, 0, 0, 0), (0, 8, 8, 8)),
        "b": ("gather", (0, 2, 2, 2), (6, 0, 0, 0)),
        "c": ("scatter", (6, 0, 0, 0), (0, 2, 2, 2)),
        "d": ("all-gather", (6, 6, 6, 6), (6, 6, 6, 6)),
    }


def test_replicated_value_is_sliced_and_its_gradient_gathered() -> None:
    text = (
        "net n\ngpus 2\n[image] input 3x4x4\n[a] conv filters=4 kernel=1\n"
        "[across] lrn size=3 k=1 alpha=1 beta=1 reads=all\n[b] conv filters=4 kernel=1\n[c] fc outputs=4 gpu=1"
    )
    step = plan(netspec.loads(text).graph, 2, batch=10)
    forward, backward = crossings_of(step, "forward"), crossings_of(step, "backward")
    assert forward["a"] == ("all-gather", (32, 32), (32, 32))
    assert "a" not in backward  # both devices compute the whole gradient
    assert "across" not in forward
    assert backward["across"] == ("all-gather", (32, 32), (32, 32))


def test_replicated_value_read_by_one_device_has_its_gradient_broadcast() -> None:
    text = (
        "net n\ngpus 2\n[image] input 3x4x4\n[a] conv filters=4 kernel=1\n"
        "[across] lrn size=3 k=1 alpha=1 beta=1 reads=all\n[c] fc outputs=4 gpu=1"
    )
    step = plan(netspec.loads(text).graph, 2, batch=10)
    assert "across" not in crossings_of(step, "forward")
    assert crossings_of(step, "backward")["across"] == ("broadcast", (0, 64), (64, 0))


def test_replicated_value_read_by_shares_has_its_gradients_summed() -> None:
    text = (
        "net n\ngpus 2\n[image] input 3x4x4\n[a] conv filters=4 kernel=1\n"
        "[across] lrn size=3 k=1 alpha=1 beta=1 reads=all\n[b] conv filters=4 kernel=1 reads=all\n"
        "[c] fc outputs=4 gpu=1"
    )
    backward = crossings_of(plan(netspec.loads(text).graph, 2, batch=10), "backward")
    assert backward["across"] == ("all-reduce", (64, 64), (64, 64))  # 2 (2 - 1) / 2 of 4x4x4


def test_images_have_no_gradients() -> None:
    text = "net n\n[image] input 8\n[a] fc outputs=4\n[b] fc outputs=4 inputs=image"
    step = plan(netspec.loads(text + "\n[c] sum inputs=a,b").graph, 2, "hybrid", batch=10)
    (image,) = (c for c in step.crossings if c.layer == "image")
    assert (image.kind, image.direction) == ("all-gather", "forward")


def test_readers_that_need_the_same_sharding_share_one_transfer() -> None:
    text = "net n\n[image] input 8\n[a] fc outputs=4\n[b] fc outputs=4 inputs=a\n[c] fc outputs=4 inputs=a"
    step = plan(netspec.loads(text + "\n[d] sum inputs=b,c").graph, 2, "hybrid", batch=10)
    assert [(c.kind, c.direction) for c in step.crossings if c.layer == "a"] == [
        ("all-gather", "forward"),
        ("reduce-scatter", "backward"),
    ]


def test_readers_on_different_devices_have_a_transfer_each() -> None:
    text = "gpus 2\n[image] input 8\n[a] fc outputs=4\n[b] fc outputs=4 inputs=a gpu=0\n[c] fc outputs=4 inputs=a gpu=1"
    step = plan(netspec.loads(text + "\n[d] concat inputs=b,c").graph, 2, batch=10)
    assert [(c.reader, c.kind, c.sent) for c in step.crossings if c.layer == "a" and c.direction == "forward"] == [
        ("b", "gather", (0, 80)),
        ("c", "gather", (80, 0)),
    ]


def test_batch_normalisation_sums_two_numbers_per_channel() -> None:
    text = "net n\n[image] input 3x4x4\n[a] conv filters=6 kernel=1\n[bn] batchnorm\n[c] fc outputs=4"
    step = plan(netspec.loads(text).graph, 2, "batch", batch=10)
    assert [(c.direction, c.kind, c.sent) for c in values_of(step)] == [
        ("forward", "all-reduce", (48, 48)),
        ("backward", "all-reduce", (48, 48)),
    ]


def test_uneven_batch_sends_uneven_amounts() -> None:
    step = plan(netspec.loads(OWNERS + "[b] fc outputs=4 gpu=1").graph, 4, batch=5)
    sent = next(c.sent for c in step.crossings if c.layer == "a" and c.direction == "forward")
    assert sent == (3 * 16, 0, 2 * 16, 0)


@examples(40)
@given(
    st.sampled_from(("alexnet", "alexnet-2012", "alexnet-half", "cifar-quick", "lenet")),
    st.sampled_from((1, 2, 4, 8)),
    st.sampled_from(("groups", "batch", "hybrid")),
    st.sampled_from(("fp32", "bf16")),
)
def test_sent_and_received_bytes_are_equal(name: str, devices: int, split: SplitWord, precision: Precision) -> None:
    graph = netspec.load(SPECS / f"{name}.net").graph
    if graph.groups == 1 and split == "groups":
        return
    step = plan(graph, devices, split, batch=64, precision=precision)
    for crossing in step.crossings:
        assert sum(crossing.sent) == sum(crossing.received) > 0
    assert (devices == 1) == (not step.crossings)
