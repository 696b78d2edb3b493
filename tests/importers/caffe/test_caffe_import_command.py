"""``netspec import`` of networks of Caffe with their solvers and weights, and other commands with --params."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from caffemodels import Array, Form, caffemodel
from click.testing import Result
from processes import invoke
from safetensors.torch import load_file

import netspec
from netspec.opening import is_caffe_file
from netspec.source import Source

LENET = """
name: "LeNet"
layer { name: "mnist" type: "Data" top: "data" top: "label" include { phase: TRAIN }
        transform_param { scale: 0.00390625 } data_param { source: "mnist_train" batch_size: 64 } }
layer { name: "mnist" type: "Data" top: "data" top: "label" include { phase: TEST }
        transform_param { scale: 0.00390625 } data_param { source: "mnist_test" batch_size: 100 } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param { lr_mult: 1 } param { lr_mult: 2 }
        convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1" param { lr_mult: 1 } param { lr_mult: 2 }
        inner_product_param { num_output: 500 weight_filler { type: "xavier" } bias_filler { value: 0.5 } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" param { lr_mult: 0.1 decay_mult: 0 }
        inner_product_param { num_output: 10 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
SOLVER = """
net: "lenet.prototxt"
test_iter: 100  test_interval: 500
base_lr: 0.01  momentum: 0.9  weight_decay: 0.0005
lr_policy: "inv"  gamma: 0.0001  power: 0.75
display: 100  max_iter: 10000  snapshot: 5000  snapshot_prefix: "lenet"  solver_mode: GPU
"""
DEPLOY = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "ip2" type: "InnerProduct" bottom: "conv1" top: "ip2" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"""


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (("lenet", LENET), ("solver", SOLVER), ("deploy", DEPLOY)):
        Path(f"{name}.prototxt").write_text(text)


def run(*arguments: str) -> Result:
    return invoke(*arguments)


def numbers(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


BLOBS = {
    "conv1": [numbers(1, 4, 3, 3, 3)],
    "bn1": [numbers(2, 4), np.abs(numbers(3, 4)), np.array([4], np.float32)],
    "scale1": [numbers(4, 4), numbers(5, 4)],
    "ip2": [numbers(6, 5, 4 * 7 * 7), numbers(7, 5)],
}


def outputs_by_hand(x: Array) -> Array:
    """Return what Caffe computes for an image: the window of each output, BatchNorm with its factor, and Scale."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))
    maps = np.einsum("crskl,ockl->ors", windows, BLOBS["conv1"][0])
    mean, var, factor = BLOBS["bn1"]
    normal = (maps - (mean / factor)[:, None, None]) / np.sqrt((var / factor)[:, None, None] + 1e-5)
    scaled = normal * BLOBS["scale1"][0][:, None, None] + BLOBS["scale1"][1][:, None, None]
    scores = BLOBS["ip2"][0] @ scaled.reshape(-1) + BLOBS["ip2"][1]
    e = np.exp(scores - scores.max())
    return np.asarray(e / e.sum(), dtype=np.float32)


def test_spec_of_a_network_with_its_solver() -> None:
    done = run("import", "lenet.prototxt", "--input", "1x28x28", "--params", "solver.prototxt", "-o", "-")
    assert done.exit_code == 0, done.output
    assert [" ".join(line.split()) for line in done.stdout.splitlines() if line] == [
        "# Imported from lenet.prototxt.",
        "# Weights with the filler xavier are uniform between -sqrt(3 / fan_in) and sqrt(3 / fan_in) in Caffe.",
        "net LeNet rounding=caffe",
        "[data] input 1x28x28 range=255 std=256",
        "[conv1] conv filters=20 kernel=5 init=uniform(0.346410162) bias_lr_mult=2 -> 20x24x24",
        "[pool1] maxpool kernel=2 -> 20x12x12",
        "[ip1] fc outputs=500 init=uniform(0.0322748612) bias=0.5 bias_lr_mult=2 neuron=relu",
        "[ip2] fc outputs=10 init=gaussian(0.01) lr_mult=0.1 decay_mult=0",
        "[loss] crossentropy",
        "train steps=10000 batch=64 optimizer=sgd(lr=0.01, momentum=0.9, weight_decay=0.0005, bias_decay=0.0005)",
        "schedule=inverse(gamma=0.0001, power=0.75)",
    ]


def test_every_command_takes_the_solver() -> None:
    done = run("summary", "lenet.prototxt", "--input", "1x28x28", "--params", "solver.prototxt", "--learning")
    assert "10,000 steps in batches of 64 images" in done.stdout, done.output
    assert "inverse(gamma=0.0001, power=0.75)" in done.stdout
    net = netspec.load("lenet.prototxt", params="solver.prototxt")
    assert net.graph.train.steps == 10000
    assert "training" not in net.unstated


def test_two_networks_take_a_solver_each() -> None:
    Path("other.prototxt").write_text(SOLVER.replace("base_lr: 0.01", "base_lr: 0.02"))
    arguments = ("lenet.prototxt", "lenet.prototxt", "--input", "1x28x28", "--params", "solver.prototxt")
    assert "lr: 0.01 -> 0.02" in run("diff", *arguments, "--params", "other.prototxt").stdout
    assert "lr" not in run("diff", *arguments).stdout


def test_without_a_solver_the_training_is_unstated() -> None:
    done = run("import", "lenet.prototxt", "--input", "1x28x28", "-o", "-")
    assert "train batch=64" in " ".join(done.stdout.split())
    assert "optimizer" not in done.stdout


@pytest.mark.parametrize("form", ["today", "v1"])
def test_weights_give_caffes_outputs(form: Form) -> None:
    Path("w.caffemodel").write_bytes(caffemodel(BLOBS, form))
    done = run("import", "deploy.prototxt", "--weights", "w.caffemodel", "--save-weights", "w.safetensors")
    assert done.stdout.splitlines() == ["wrote deploy.net", "wrote w.safetensors"], done.output
    module = netspec.torch_module(netspec.load("deploy.net"))
    module.load_state_dict(load_file("w.safetensors"))
    x = numbers(9, 3, 9, 9)
    found = module.eval()(torch.from_numpy(x)[None]).detach().numpy()[0]
    np.testing.assert_allclose(found, outputs_by_hand(x), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("deploy.prototxt --save-weights w.safetensors", "are in another file: --weights FILE.caffemodel"),
        ("deploy.prototxt --weights w.caffemodel", "--save-weights says where the weights are written"),
        ("deploy.prototxt --weights w --save-weights w.bin", "must end with .safetensors"),
        ("deploy.net --weights w --save-weights w.safetensors", "is for a network of Caffe (.prototxt)"),
        ("deploy.prototxt --weights none --save-weights w.safetensors", "cannot open none: No such file"),
        ("deploy.net --params solver.prototxt", "no layer file (.cfg) or network of Caffe (.prototxt) that --params"),
        ("deploy.prototxt --params solver.prototxt --history", "--history reads the notes of a parameter file"),
    ],
)
def test_options_that_do_not_go_together(arguments: str, message: str) -> None:
    Path("deploy.net").write_text("[x] input 4\n[f] fc outputs=2\n")
    done = run("import", *arguments.split())
    assert done.exit_code == 2
    assert message in done.stderr


def test_weights_of_another_network_are_errors_at_its_layers() -> None:
    Path("w.caffemodel").write_bytes(caffemodel({**BLOBS, "conv1": [numbers(1, 8, 3, 3, 3)]}))
    done = run("import", "deploy.prototxt", "--weights", "w.caffemodel", "--save-weights", "w.safetensors")
    assert done.exit_code == 1
    assert "error[caffe-weights]: the weights of conv1 are 4x3x3x3, and 8x3x3x3 in w.caffemodel" in done.stderr
    assert "deploy.prototxt:3:9" in done.stderr
    assert not Path("w.safetensors").exists()


def test_all_settings_of_a_solver_that_a_spec_cannot_express_are_one_error() -> None:
    Path("solver.prototxt").write_text(f"{SOLVER}clip_gradients: 0\niter_size: 0\n")
    done = run("check", "lenet.prototxt", "--input", "1x28x28", "--params", "solver.prototxt")
    assert done.exit_code == 1
    assert "error[caffe-not-expressible]: a spec cannot express 2 settings of the solver" in done.stderr
    assert "line 7: clip_gradients is 0" in done.stderr
    assert "line 8: iter_size must be at least 1" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LENET, "this is a network, not a solver"),
        (f"{SOLVER} momentm: 0.9", "SolverParameter has no field momentm; did you mean momentum?"),
        (SOLVER.replace('"inv"', "inv"), "lr_policy must be a string in quotes"),
    ],
)
def test_mistakes_of_a_solver_are_errors_in_it(text: str, message: str) -> None:
    Path("solver.prototxt").write_text(text)
    done = run("check", "lenet.prototxt", "--input", "1x28x28", "--params", "solver.prototxt")
    assert done.exit_code == 1
    assert message in done.stderr
    assert "--> solver.prototxt:" in done.stderr


def test_preparation_that_caffe_rejects_is_an_error_at_its_place() -> None:
    Path("lenet.prototxt").write_text(LENET.replace("scale: 0.00390625", 'mean_file: "m" mean_value: 1'))
    done = run("check", "lenet.prototxt", "--input", "1x28x28")
    assert done.exit_code == 1
    assert "error[caffe-network]: mnist: mean_file and mean_value are both given" in done.stderr


def test_what_is_assumed_is_a_warning() -> None:
    text = LENET.replace("scale: 0.00390625", "crop_size: 24 mirror: true")
    Path("lenet.prototxt").write_text(text)
    Path("solver.prototxt").write_text(SOLVER.replace("base_lr", 'type: "Adam" base_lr'))
    done = run("import", "lenet.prototxt", "--input", "1x24x24", "--params", "solver.prototxt", "-o", "-")
    assert done.stderr.count("warning[caffe-substitute]") == 2
    assert "crop=24 flip=horizontal" in " ".join(done.stdout.split())


def test_stages_of_the_solver_choose_layers() -> None:
    text = LENET.replace('type: "ReLU"', 'type: "ReLU" include { stage: "bent" }')
    Path("lenet.prototxt").write_text(text)
    arguments = ("import", "lenet.prototxt", "--input", "1x28x28", "--params", "solver.prototxt", "-o", "-")
    assert "neuron=relu" not in run(*arguments).stdout
    Path("solver.prototxt").write_text(SOLVER + 'train_state { stage: "bent" } test_state { stage: "bent" }')
    assert "neuron=relu" in run(*arguments).stdout


@pytest.mark.parametrize("name", ["net.pt", "network"])
def test_network_is_recognised_by_its_content(name: str) -> None:
    Path("lenet.prototxt").rename(name)
    done = run("import", name, "--input", "1x28x28", "--params", "solver.prototxt", "-o", "-")
    assert "schedule=inverse(gamma=0.0001, power=0.75)" in done.output
    assert netspec.loads(Path(name).read_text(), input=(1, 28, 28)).name == "LeNet"


@pytest.mark.parametrize(
    "text",
    [
        'name: "a"',
        'name: "a"\nlayer {\n}\nedge {\n}',  # of TorontoDeepLearning's convnet
        'net a\nlayer { name: "x" }',
        "[conv1] conv kernel=3",
        "",
    ],
)
def test_other_texts_are_no_networks_of_caffe(text: str) -> None:
    assert not is_caffe_file(Source("<stdin>", text))
    assert not is_caffe_file(Source("a.net", LENET))


def test_network_is_read_from_standard_input() -> None:
    done = invoke("summary", "-", "--input", "1x28x28", text=LENET)
    assert done.exit_code == 0
    assert done.output.startswith("LeNet: ")


def test_network_is_read_from_a_pipe() -> None:
    os.mkfifo("pipe")
    with ThreadPoolExecutor() as pool:
        pool.submit(Path("pipe").write_text, LENET)
        assert run("summary", "pipe", "--input", "1x28x28").output.startswith("LeNet: ")
