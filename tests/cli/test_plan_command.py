"""``netspec plan``: its text and JSON output, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from places import SPECS
from processes import invoke

from netspec.cli.plan_tables import RULES
from netspec.plan import RULE

ALEXNET = str(SPECS / "alexnet.net")
TIMES = ("--link", "25GB/s", "--flops", "400T")


def run(*arguments: str, text: str | None = None) -> Result:
    return invoke("plan", *arguments, text=text)


def data(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--format", "json")
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def whole_numbers(value: object) -> bool:
    """Whether all numbers in JSON data are whole numbers."""
    if isinstance(value, dict):
        return all(map(whole_numbers, value.values()))
    return all(map(whole_numbers, value)) if isinstance(value, list) else not isinstance(value, float)


def test_plan_of_two_gpus_shows_parameters_and_transfers() -> None:
    done = run(ALEXNET, "--gpus", "2")
    assert (done.exit_code, done.stderr) == (0, "")
    for text in ("32,531,112", "28,434,112", "30.0 MB", "all-gather", "reduce-scatter", RULE, "up to a batch of 1,039"):
        assert text in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["pool2", "conv3", "forward", "all-gather", "22.2", "MB", "11.1", "MB", "11.1", "MB"] in rows


def test_number_of_gpus_defaults_to_the_groups() -> None:
    assert run(ALEXNET).stdout == run(ALEXNET, "--gpus", "2").stdout
    assert run(str(SPECS / "lenet.net")).stdout.startswith("lenet on 1 device; batch 64, fp32\n")


def test_one_device_exchanges_nothing() -> None:
    done = run(ALEXNET, "--gpus", "1")
    assert "transfers in a step" not in done.stdout and "(accumulate)" not in done.stdout
    assert data(ALEXNET, "--gpus", "1")["plans"][0]["transfers"] == []


def test_json_numbers_are_whole_and_add_up() -> None:
    found = data(ALEXNET, "--gpus", "2", "--memory", "3GB")
    assert whole_numbers(found)
    (plan,) = found["plans"]
    assert found["groups_send_less_up_to_batch"] == {"2": 1039}
    assert [device["parameters"] for device in plan["devices"]] == [32_531_112, 28_434_112]
    for device in plan["devices"]:
        number = device["device"]
        assert device["sent_bytes"] == sum(t["sent_bytes"][number] for t in plan["transfers"])
        assert device["received_bytes"] == sum(t["received_bytes"][number] for t in plan["transfers"])
        assert device["parameters"] == sum(layer["parameters"] for layer in device["layers"])
        assert device["activation_bytes"] == sum(layer["kept_bytes"] for layer in device["layers"])
        assert device["optimiser_bytes"] == device["gradient_bytes"] == 4 * device["parameters"]
    assert plan["largest_batch"] > 128
    assert {t["kind"] for t in plan["transfers"]} == {"all-gather", "gather", "scatter", "reduce-scatter"}
    assert "fc8" not in [layer["name"] for layer in plan["devices"][1]["layers"]]
    assert {"name": "fc8", "batch": 1, "channels": 1, "owner": 0} in plan["layers"]


def test_image_copy_of_a_cuda_graph_is_reported() -> None:
    message = "on a GPU the step is recorded and reads a copy of the images: 77.1 MB (cuda-graph)"
    images = 128 * 3 * 224 * 224 * 4
    assert message in run(ALEXNET, "--gpus", "1").stdout
    assert "recorded" not in run(ALEXNET, "--gpus", "1", "--without", "cuda-graph").stdout
    assert "recorded" not in run(ALEXNET, "--gpus", "2").stdout
    ((on,), (off,)) = (
        data(ALEXNET, "--gpus", "1", *without)["plans"][0]["devices"] for without in ((), ("--without", "cuda-graph"))
    )
    assert (on["recorded_image_bytes"], off["recorded_image_bytes"]) == (images, 0)
    assert on["peak_bytes"] - off["peak_bytes"] == images


def test_images_waiting_with_accumulate_are_reported() -> None:
    message = "32 images of the batch go through the network at a time (accumulate); the others wait in the device's"
    assert f"{message} memory: 57.8 MB" in run(ALEXNET, "--gpus", "1", "--set", "train.accumulate=4").stdout


def test_several_numbers_of_gpus_and_all_splits() -> None:
    found = data(ALEXNET, "--gpus", "1,2,4", *TIMES)
    ways = [(plan["gpus"], plan["split"]) for plan in found["plans"]]
    assert ways == [(1, "batch"), *((n, split) for n in (2, 4) for split in ("groups", "batch", "hybrid"))]
    assert [(way["gpus"], way["split"]) for way in found["scaling"]] == ways
    assert {way["batch"] for way in found["fastest"]} == {128, 256, 512, 1024, 2048, 4096}
    assert all(0 < way["efficiency"] <= 1 for way in found["scaling"])


def test_comparison_has_a_row_for_each_way() -> None:
    """By batch each device has all parameters, in hybrid half of those of the two fully connected layers."""
    done = run(str(SPECS / "digits.net"), "--gpus", "1,2", "--memory", "10MB", *TIMES, "--quiet")
    title, head, _, *rows = done.stdout.splitlines()
    assert title == "digits: batch 64, fp32, devices of 400 TFLOPS on links of 25.0 GB/s"
    assert head.split()[:7] == ["gpus", "split", "images", "parameters", "peak", "transferred", "largest"]
    assert [row.split()[:9] for row in rows[:3]] == [
        ["1", "64", "57,482", "2.6", "MB", "0", "B", "301", "0.613"],
        ["2", "batch", "32", "57,482", "1.6", "MB", "229.9", "kB", "606"],
        ["2", "hybrid", "32", "40,389", "1.4", "MB", "192.8", "kB", "620"],
    ]
    start = rows.index("fastest split, with the time of a step and the efficiency")
    assert [row.split()[:5] for row in rows[start + 3 : start + 5]] == [
        ["1", "0.613", "µs", "100.0", "%"],
        ["2", "hybrid", "7.92", "µs", "3.9"],
    ]
    small = run(str(SPECS / "digits.net"), "--gpus", "1,2", "--memory", "100kB", "--quiet").stdout.splitlines()
    assert [row.split()[-1] for row in small[3:6]] == ["none"] * 3


def test_devices_with_equal_amounts_share_a_row() -> None:
    def first_cells(*words: str) -> list[str]:
        title, _, _, *rows = run(ALEXNET, *words, "--quiet").stdout.splitlines()
        assert ("replicas" in title) == (words[1] != "2")
        return [row.split("   ")[0] for row in rows[:2]]

    assert first_cells("--gpus", "2") == ["0", "1"]
    assert first_cells("--gpus", "4") == ["0, 2", "1, 3"]
    assert first_cells("--gpus", "8") == ["0, 2, 4, 6", "1, 3, 5, 7"]
    assert first_cells("--gpus", "16") == ["0, 2 ... 14", "1, 3 ... 15"]


def test_assumptions_are_printed_below_the_times() -> None:
    done = run(ALEXNET, "--gpus", "1,2", *TIMES)
    for text in ("3 times the FLOPs", "latencies", "gradients: a layer's all-reduce", "fastest split"):
        assert text in done.stdout
    assert "devices of 400 TFLOPS on links of 25.0 GB/s" in done.stdout


@pytest.mark.ci  # takes a second
def test_quiet_omits_only_the_rules() -> None:
    for words in (("--gpus", "2", "--memory", "3GB"), ("--gpus", "1,2", *TIMES)):
        whole, quiet = (run(ALEXNET, *words, *more).stdout.splitlines() for more in ((), ("--quiet",)))
        assert [line for line in whole if line not in RULES] == quiet != whole


def test_largest_batch_fits_the_memory() -> None:
    lines = run(ALEXNET, "--gpus", "1", "--memory", "3GB").stdout.splitlines()
    (line,) = [line for line in lines if "largest" in line]
    batch = int(line.rpartition(" ")[2])
    assert line == f"the largest batch that fits into 3.0 GB per device: {batch}"
    assert data(ALEXNET, "--gpus", "1", "--batch", str(batch))["plans"][0]["devices"][0]["peak_bytes"] <= 3 * 10**9
    small = run(ALEXNET, "--gpus", "1", "--memory", "100MB")
    assert "no batch fits into 100.0 MB per device: a batch of 1 needs" in small.stdout


def test_replicas_and_copies_of_the_weights_are_mentioned() -> None:
    """The first device has 32,531,112 parameters: 2 bytes each in bfloat16, and 4 in the moving average."""
    done = run(ALEXNET, "--gpus", "4", "--precision", "bf16", "--set", "train.ema=0.999")
    title, *lines = done.stdout.splitlines()
    assert title.endswith("; 2 replicas, each with a share of the batch; batch 128, bf16")
    assert "autocast keeps bfloat16 copies of the weights during the step: 65.1 MB" in lines
    assert "the moving average of the weights needs another 130.1 MB" in lines


def test_indivisible_batch_gives_a_warning() -> None:
    done = run(ALEXNET, "--gpus", "3", "--split", "batch")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: 3 shares do not divide a batch of 128: 128 / 3 = 42.6667")


def test_impossible_split_is_reported_with_the_possible_ones() -> None:
    done = run(ALEXNET, "--gpus", "2,3")
    assert done.exit_code == 0
    assert "not possible: 3 devices by groups: 3 devices cannot share 2 GPU groups: 2 / 3 = 0.6667" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--gpus", "3"), "3 devices cannot share 2 GPU groups: 2 / 3 = 0.6667 groups a device\n  take a divisor"),
        (("--gpus", "3", "--split", "hybrid"), "--split hybrid needs equal shares, and 3 shares do not divide"),
        (("--gpus", "4", "--batch", "1"), "4 devices in 2 rows of 2 GPU groups cannot share a batch of 1"),
        (("--gpus", "0"), "'0' is not a number of devices; write 2, or several, 1,2,4"),
        (("--gpus", "two"), "'two' is not a number of devices"),
        (("--gpus", "2,"), "'2,' is not a number of devices"),
        (("--gpus", "5000"), "'5000' is not a number of devices"),
        (("--gpus", "0000000099999"), "'0000000099999' is not a number of devices"),
        (("--memory", "3"), "'3' is not an amount of memory; write 3GB"),
        (("--link", "25GB", "--flops", "400T"), "'25GB' is not the speed of a link; write bytes a second, 25GB/s"),
        (("--link", "25GB/s", "--flops", "many"), "'many' is not a computing speed"),
        (("--link", "25GB/s"), "times need both: --link 25GB/s --flops 400T"),
        (("--split", "towers"), "'towers' is not one of"),
        (("--batch", "0"), "0 is not in the range"),
    ],
)
def test_invalid_arguments_are_refused(arguments: tuple[str, ...], message: str) -> None:
    done = run(ALEXNET, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_net_without_groups_cannot_be_split_by_groups() -> None:
    done = run(str(SPECS / "lenet.net"), "--gpus", "2", "--split", "groups")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "lenet has no GPU groups to split over 2 devices" in done.stderr


def test_incorrect_spec_exits_with_1_and_missing_with_2(tmp_path: Path) -> None:
    done = run("-", text="[image] input 3x32x32\n[c] conv filters=2 kernal=3\n")
    assert (done.exit_code, done.stdout) == (1, "")
    assert run(str(tmp_path / "nothing.net")).exit_code == 2
