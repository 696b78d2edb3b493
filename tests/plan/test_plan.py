"""Plans: the memory of each device, predicted times, the largest batch that fits, parsing of amounts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from allocations import peak_bytes
from places import SPECS

import netspec
from netspec.ir.graph import Graph
from netspec.ir.settings import Precision
from netspec.passes.fast import PLAIN, Forms
from netspec.passes.placing import SPLITS, ArrangementError, SplitWord, arrange, place_on_devices
from netspec.plan import plan
from netspec.plan.fitting import break_even, largest_batch, smallest_peak
from netspec.plan.model import forms_on_a_gpu
from netspec.plan.results import PlanRequest, plan_for
from netspec.plan.scaling import Machine, fastest, timed

MACHINE = Machine(flops=400e12, link=25e9)
PARAMETERS = 60_965_224
FC8 = 4096 * 1000 + 1000
IMAGE = 3 * 224 * 224 * 4
RECORDED = Forms(("cuda-graph",), recorded=True)


def alexnet(**train: object) -> Graph:
    graph = netspec.load(SPECS / "alexnet.net").graph
    return replace(graph, train=replace(graph.train, **train))  # type: ignore[arg-type]


def test_parameters_of_alexnet_on_two_gpus() -> None:
    """Every layer is halved, except fc8, which the first GPU holds alone."""
    halves = (PARAMETERS - FC8) // 2
    assert [device.parameters for device in plan(alexnet(), 2).devices] == [halves + FC8, halves]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("devices", [1, 2, 4])
def test_devices_hold_each_parameter_once_per_replica(split: SplitWord, devices: int) -> None:
    step = plan(alexnet(), devices, split)
    convolutions = 2_332_704 + 1_376
    copies = {
        "groups": (step.arrangement.replicas - 1) * PARAMETERS,
        "batch": (devices - 1) * PARAMETERS,
        "hybrid": (devices - 1) * convolutions,
    }
    assert sum(device.parameters for device in step.devices) == PARAMETERS + copies[split]


def test_parts_of_a_devices_memory_add_up() -> None:
    for device in plan(alexnet(), 2).devices:
        memory, standing = device.memory, device.memory.standing
        assert standing.weights == standing.gradients == standing.optimiser == 4 * device.parameters
        assert sum(share.kept for share in device.layers) == memory.activations
        peak = memory.peak
        assert peak.standing == standing.weights + standing.optimiser + memory.images
        assert peak.total == peak.standing + peak.gradients + peak.kept + peak.temporary
        assert peak.total >= standing.always + standing.gradients + memory.images
        assert peak.total >= standing.always + memory.activations


def test_quarter_of_the_batch_keeps_a_quarter_of_the_activations() -> None:
    one, four = (plan(alexnet(), devices, "batch").devices[0].memory for devices in (1, 4))
    assert one.activations == 4 * four.activations


def test_group_keeps_half_of_the_maps_and_all_that_it_receives() -> None:
    whole, half = (plan(alexnet(), devices).devices[0] for devices in (1, 2))
    kept = [{share.name: share.kept for share in device.layers} for device in (whole, half)]
    for name in ("norm1", "pool1", "conv2", "norm2", "conv4"):
        assert kept[0][name] == 2 * kept[1][name]
    received = 128 * 256 * 13 * 13 * 4
    assert kept[1]["conv3"] == kept[0]["conv3"] // 2 + received


def test_moving_average_and_running_statistics_are_counted() -> None:
    text = "net n\n[image] input 3x4x4\n[a] conv filters=6 kernel=1\n[bn] batchnorm\n[c] fc outputs=4"
    graph = netspec.loads(text).graph
    assert plan(graph, 1).devices[0].memory.standing.statistics == 2 * 6 * 4 + 8
    halves = plan(netspec.loads(text.replace("net n", "gpus 2")).graph, 2).devices
    assert [half.memory.standing.statistics for half in halves] == [2 * 3 * 4 + 8] * 2
    parameters = 18 + 6 + 12 + 96 * 4 + 4
    averaged = replace(graph, train=replace(graph.train, ema=0.99))
    assert plan(averaged, 1).devices[0].memory.standing.average == 4 * parameters + 2 * 6 * 4 + 8


def test_super_eps_needs_two_more_numbers_per_weight() -> None:
    text = "net n\ngpus 2\n[image] input 3x4x4\n[a] conv filters=6 kernel=1 super_eps=1\n[c] fc outputs=4"
    standing = plan(netspec.loads(text).graph, 1).devices[0].memory.standing
    assert (standing.weights, standing.optimiser) == (4 * (18 + 6 + 192 + 4), 4 * (18 + 6 + 192 + 4 + 2 * 18))
    half = plan(netspec.loads(text).graph, 2).devices[0].memory.standing
    assert half.optimiser == standing.optimiser // 2


@pytest.mark.parametrize(
    ("optimizer", "numbers"),
    [
        *(("sgd(nesterov=yes)", 1), ("adam", 2), ("adamw", 2), ("adagrad", 1), ("rmsprop", 1)),
        *(("rmsprop(momentum=0.9)", 2), ("rmsprop(centered=yes)", 2), ("rmsprop(momentum=0.9, centered=yes)", 3)),
        *(("adadelta", 2), ("lars", 1), ("lamb", 2)),
    ],
)
def test_numbers_that_the_optimiser_remembers(optimizer: str, numbers: int) -> None:
    text = "net n\ngpus 2\n[image] input 3x4x4\n[a] conv filters=6 kernel=1\n[c] fc outputs=4\n"
    graph = netspec.loads(f"{text}train optimizer={optimizer}").graph
    memory = plan(graph, 1).devices[0].memory
    assert memory.standing.optimiser == numbers * memory.standing.weights == numbers * 4 * (18 + 6 + 192 + 4)
    assert memory.standing.roots == (
        0 if optimizer.startswith(("sgd", "lars")) else 4 * 192
    )  # of the largest parameter
    half = plan(graph, 2).devices[0].memory.standing
    assert half.optimiser == numbers * half.weights and half.roots == memory.standing.roots // 2


def test_accumulated_batch_keeps_activations_of_one_part() -> None:
    whole, parts = plan(alexnet(), 1, batch=32), plan(alexnet(accumulate=4), 1, batch=128)
    assert parts.at_once == 32
    assert parts.devices[0].memory.activations == whole.devices[0].memory.activations
    assert parts.devices[0].memory.waiting == 96 * IMAGE and whole.devices[0].memory.waiting == 0
    assert parts.peak > whole.peak + 96 * IMAGE  # gradients of earlier parts exist from the start


@pytest.mark.parametrize(("accumulate", "batch"), [(1, 32), (4, 128)])
def test_cuda_graph_step_copies_the_whole_batch(accumulate: int, batch: int) -> None:
    graph = alexnet(accumulate=accumulate)
    plain, recorded = (plan(graph, 1, batch=batch, forms=forms) for forms in (PLAIN, RECORDED))
    assert (plain.devices[0].memory.copy, recorded.devices[0].memory.copy) == (0, batch * IMAGE)
    assert recorded.peak == plain.peak + batch * IMAGE
    assert recorded.devices[0].memory.activations == plain.devices[0].memory.activations
    several = [plan(graph, 2, split, batch=batch, forms=forms).peak for split in SPLITS for forms in (PLAIN, RECORDED)]
    assert several[::2] == several[1::2]


def test_forms_on_a_gpu_are_recorded_as_in_training() -> None:
    assert all(forms_on_a_gpu(alexnet(), precision).recorded for precision in ("fp32", "bf16"))
    assert not any(forms_on_a_gpu(alexnet(), "bf16", (off,)).recorded for off in ("cuda-graph", "all"))
    assert forms_on_a_gpu(alexnet(), "bf16", ("lrn-chain",)).recorded
    random_size = netspec.loads("[image] input 3x9x9\n[s] randomscale size=8 max_scale=1.2\n[f] fc outputs=2\n").graph
    assert not forms_on_a_gpu(random_size, "fp32").recorded


def test_cuda_graph_step_in_bf16_holds_narrowed_weights() -> None:
    """Two bytes for each of AlexNet's parameters, except the 1,376 biases of convolutions, which kernels add."""
    graph = alexnet()
    plain, recorded = (
        plan(graph, 1, batch=128, precision="bf16", forms=forms_on_a_gpu(graph, "bf16", without))
        for without in (("all",), ())
    )
    narrow = 2 * (60_965_224 - (96 + 256 + 384 + 384 + 256))
    assert recorded.devices[0].memory.standing.narrowed == narrow
    assert recorded.peak == plain.peak + narrow + 128 * IMAGE
    several = plan(graph, 2, batch=128, precision="bf16", forms=forms_on_a_gpu(graph, "bf16"))
    assert [device.memory.standing.narrowed for device in several.devices] == [0, 0]


@pytest.mark.parametrize("without", [(), ("cuda-graph",)])
def test_largest_batch_leaves_room_for_the_copy(without: tuple[str, ...]) -> None:
    limit = 3 * 10**9
    request = PlanRequest((1,), None, 128, "fp32", limit, without=without)
    fitting = plan_for(alexnet(), request).ways[0].fitting
    assert fitting is not None
    peaks = [
        plan(alexnet(), 1, batch=fitting.batch + more, forms=PLAIN if without else RECORDED).peak for more in (0, 1)
    ]
    assert peaks[0] <= limit < peaks[1]


def test_updates_within_a_batch_save_memory_and_cross_more_often() -> None:
    """fc6 and fc7 are updated after each of four parts, fc8 after every two."""
    update_every = {"fc6": 1, "fc7": 1, "fc8": 2}
    parts = alexnet(accumulate=4)
    some = {name: p._replace(update_every=update_every.get(p.layer)) for name, p in parts.parameters.items()}
    early = replace(parts, parameters=some)
    gradients = 4 * sum(math.prod(p.shape) for p in some.values() if p.layer in ("fc6", "fc7"))
    peaks = [plan(graph, 1, batch=512).peak for graph in (parts, early)]
    assert 0 < peaks[0] - peaks[1] <= gradients
    all_early = replace(parts, parameters={n: p._replace(update_every=1) for n, p in parts.parameters.items()})
    others = 96 * IMAGE
    assert plan(all_early, 1, batch=128).peak == plan(alexnet(), 1, batch=32).peak + others

    def bytes_of_gradients(graph: Graph) -> dict[str, int]:
        return {c.layer: c.size for c in plan(graph, 2, "batch", batch=512).crossings if c.direction == "gradients"}

    once = bytes_of_gradients(parts)
    times = {"fc6": 4, "fc7": 4, "fc8": 2}
    assert bytes_of_gradients(early) == {name: size * times.get(name, 1) for name, size in once.items()}


def test_batch_statistics_cross_once_per_part() -> None:
    text = "[image] input 3x4x4\n[a] conv filters=6 kernel=1\n[bn] batchnorm\n[c] fc outputs=4\ntrain accumulate={}"

    def statistics_bytes(parts: int) -> list[int]:
        step = plan(netspec.loads(text.format(parts)).graph, 2, "batch")
        return [c.size for c in step.crossings if c.layer == "bn" and c.direction != "gradients"]

    assert (statistics_bytes(1), statistics_bytes(4)) == ([2 * 6 * 4] * 2, [4 * 2 * 6 * 4] * 2)


def test_uneven_batch_gives_a_warning_and_too_small_one_an_error() -> None:
    step = plan(alexnet(), 3, "batch", batch=128)
    assert [device.images for device in step.devices] == [43, 43, 42]
    assert step.warnings == (
        "3 shares do not divide a batch of 128: 128 / 3 = 42.6667; some devices compute 43 images and the others wait "
        "with 42; even: --batch 126 or --batch 129",
    )
    assert plan(alexnet(), 2, batch=127).warnings == ()  # both groups compute the whole batch
    with pytest.raises(ArrangementError, match="4 devices cannot share a batch of 3"):
        plan(alexnet(), 4, "batch", batch=3)
    with pytest.raises(ArrangementError, match="3 shares do not divide a batch of 128"):
        plan(alexnet(), 3, "hybrid", batch=128)


def test_groups_send_less_than_data_parallel_below_batch_1040() -> None:
    """By groups a device sends 2 x 28,288 + 2,048 numbers per image in a step, by batch 60,965,224 gradients."""
    assert round(PARAMETERS / (2 * 28_288 + 2_048), 2) == 1039.94
    assert break_even(alexnet(), 2, "fp32") == 1039
    in_parts = alexnet(accumulate=8)
    assert break_even(in_parts, 2, "fp32") == 1032  # the largest multiple of 8
    assert break_even(in_parts, 4, "fp32") == 2000  # the largest multiple of 16
    # In bf16, pool2's 21,632 numbers still have 4 bytes, and the 6,656 of pool5 and drop6 have 2.
    assert break_even(alexnet(), 2, "bf16") == PARAMETERS * 4 // (2 * (4 * 21_632 + 2 * 6_656) + 2 * 2_048) == 1196
    for batch, groups_send_less in ((1039, True), (1040, False)):
        groups, rows = (plan(alexnet(), 2, split, batch=batch) for split in ("groups", "batch"))
        assert (groups.crossed < rows.crossed) is groups_send_less


def test_at_break_even_groups_send_as_much_and_not_less() -> None:
    """By groups 4 numbers of an image cross each way, by batch the gradients of 56 parameters: equal at 14 images."""
    pair = netspec.loads("gpus 2\n[image] input 8\n[a] fc outputs=4 gpu=0\n[b] fc outputs=4 gpu=1").graph
    assert break_even(pair, 2, "fp32") == 13


def test_no_break_even_if_groups_send_nothing() -> None:
    on_one = netspec.loads("gpus 2\n[image] input 4\n[a] fc outputs=4 gpu=0\n[b] fc outputs=2").graph
    assert break_even(on_one, 2, "fp32") is None


@pytest.mark.parametrize(("devices", "split"), [(1, "batch"), (2, "groups"), (2, "hybrid"), (4, "batch")])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_largest_batch_fits_and_the_next_one_does_not(devices: int, split: SplitWord, precision: Precision) -> None:
    placed = place_on_devices(alexnet(), arrange(alexnet(), devices, split))
    limit = 3 * 10**9
    batch = largest_batch(placed, limit, precision)
    step = devices if split == "hybrid" else 1
    assert batch > 100 and batch % step == 0
    assert plan(alexnet(), devices, split, batch=batch, precision=precision).peak <= limit
    assert plan(alexnet(), devices, split, batch=batch + step, precision=precision).peak > limit


def test_largest_batch_is_at_most_2_to_the_31() -> None:
    for accumulate, most in ((1, 2**31), (3, 2**31 - 2)):
        placed = place_on_devices(alexnet(accumulate=accumulate), arrange(alexnet(), 1, "batch"))
        assert largest_batch(placed, 10**18, "fp32") == most


def test_largest_hybrid_batch_is_divisible_by_the_devices() -> None:
    """With 9 images the first device has 5, as with 10, and computes half of the features of all 9."""
    graph = netspec.loads("[image] input 8\n[a] fc outputs=4096 neuron=relu\n[b] fc outputs=2").graph
    placed = place_on_devices(graph, arrange(graph, 2, "hybrid"))
    assert largest_batch(placed, plan(graph, 2, "hybrid", batch=10).peak - 1, "fp32") == 8


def test_accumulated_batch_must_divide_into_equal_parts() -> None:
    """All parts are equal, and in each part every device has at least one image."""
    parts = alexnet(accumulate=4)
    for devices, split, batch, message in (
        (1, "batch", 3, "a batch of 3 images cannot be divided into 4 equal parts"),
        (1, "batch", 10, r"a batch of 10 images cannot be divided into 4 equal parts \(accumulate=4\)"),
        (4, "batch", 12, "4 devices cannot share a batch of 12 in 4 parts"),
        (
            2,
            "hybrid",
            12,
            "and 2 shares do not divide a batch of 12 in 4 parts: 3 / 2 = 1.5",
        ),
    ):
        with pytest.raises(ArrangementError, match=message):
            plan(parts, devices, split, batch=batch)  # type: ignore[arg-type]
    (warning,) = plan(parts, 2, "batch", batch=12).warnings
    assert warning.endswith("some devices compute 2 images and the others wait with 1; even: --batch 8 or --batch 16")
    placed = place_on_devices(parts, arrange(parts, 4, "batch"))
    least = smallest_peak(placed, "fp32")
    assert least == plan(parts, 4, "batch", batch=16).peak
    assert (largest_batch(placed, least, "fp32"), largest_batch(placed, least - 1, "fp32")) == (16, 0)


def test_largest_batch_is_zero_if_the_weights_do_not_fit() -> None:
    placed = place_on_devices(alexnet(), arrange(alexnet(), 1, "batch"))
    assert largest_batch(placed, 10**8, "fp32") == 0
    assert smallest_peak(placed, "fp32") == plan(alexnet(), 1, batch=1).peak > 10**8
    unequal = place_on_devices(alexnet(), arrange(alexnet(), 2))  # fc8 is on the second device alone
    assert smallest_peak(unequal, "fp32") == plan(alexnet(), 2, batch=1).peak


def test_time_on_one_device_is_three_forward_passes() -> None:
    graph = alexnet()
    flops = sum(node.op.flops(graph.shapes(node), node.output) for node in graph.nodes.values())
    softmax = 3 * 1000  # not computed in training
    result = timed(plan(graph, 1), MACHINE)
    assert result.time.total == result.time.computing == pytest.approx(3 * 128 * (flops - softmax) / 400e12)
    assert result.images_per_second == pytest.approx(400e12 / (3 * (flops - softmax)))
    assert result.efficiency == 1


def test_only_gradients_overlap_with_computation() -> None:
    values = timed(plan(alexnet(), 2), MACHINE).time
    one_way = 15_532_032  # of the busier device
    assert values.values == pytest.approx(2 * one_way / 25e9)
    assert values.gradients == 0
    rows = timed(plan(alexnet(), 2, "batch"), MACHINE).time
    hidden = PARAMETERS * 4 / 25e9 - rows.gradients
    assert 0 < hidden < 2 / 3 * rows.computing
    assert rows.values == 0


def test_slow_computation_hides_all_gradients_but_the_last() -> None:
    """conv1's gradients come last, with nothing left to compute meanwhile."""
    result = timed(plan(alexnet(), 2, "batch"), Machine(flops=1e12, link=25e9))
    assert result.time.gradients == pytest.approx((34_848 + 96) * 4 / 25e9)
    assert result.efficiency == pytest.approx(1, abs=1e-3)


def test_fastest_split_depends_on_the_batch() -> None:
    splits = tuple(SPLITS)
    fastest_ways = [fastest(alexnet(), 2, splits, batch, "fp32", MACHINE) for batch in (128, 4096)]
    assert [way.plan.arrangement.split for way in fastest_ways] == ["hybrid", "batch"]


def test_answer_leaves_out_impossible_splits() -> None:
    result = plan_for(alexnet(), PlanRequest((2, 3), None, 128, "fp32"))
    ways = [(step.arrangement.devices, step.arrangement.split) for step in (way.plan for way in result.ways)]
    assert ways == [(2, "groups"), (2, "batch"), (2, "hybrid"), (3, "batch")]
    assert [(way.devices, way.split) for way in result.left_out] == [(3, "groups"), (3, "hybrid")]
    with pytest.raises(ArrangementError):
        plan_for(alexnet(), PlanRequest((3,), None, 128, "fp32"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("layers", ["[r] prelu", "[a] tanh\n[r] prelu shared=yes", "[r] affine"])
def test_peak_of_coefficients_of_a_value_without_gradient(layers: str, precision: Precision) -> None:
    """Of a PReLU, PyTorch computes the gradient of the value as well, even if nothing needs it."""
    text = f"train precision={precision}\n[image] input 8x12x12\n{layers}\n[fc] fc outputs=8"
    graph = netspec.loads(text).graph
    predicted = plan(graph, 1, "batch", batch=32, precision=precision).devices[0].memory.peak.total
    assert predicted == pytest.approx(peak_bytes(graph, 32, "cpu"), rel=0.01)
