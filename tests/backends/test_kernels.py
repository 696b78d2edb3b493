"""The chain's Triton kernels, as far as they can be looked at without a GPU, and what happens where there are none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from checking import good

from netspec import backend
from netspec.passes.fast import NAMES, forms_of

HERE = Path(__file__).parent

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed: pip install triton")
needs_loops = pytest.mark.skipif(
    find_spec("triton") is not None
    and tuple(map(int, version("triton").split(".")[:2])) <= (3, 6)
    and tuple(map(int, version("numpy").split(".")[:2])) >= (2, 4),
    reason="Triton's interpreter up to 3.6 fails in loops with NumPy from 2.4 on",
)

pytorch = backend.load("pytorch")
check: Any = import_module("netspec.backends.pytorch.fast.check")

CHAIN = (
    "[image] input 3x9x9\n[c] conv filters=6 kernel=3 neuron=relu\n[n] lrn size=5 k=2 alpha=0.1 beta=0.75\n"
    "[p] maxpool kernel=3 stride=2\n[f] fc outputs=3\n"
)


def answered(script: str, *words: str, **environment: str) -> Any:
    """What one of the scripts beside this file prints, run by itself."""
    done = subprocess.run(
        [sys.executable, HERE / script, *words], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_triton
@needs_loops
@pytest.mark.ci
def test_interpreted_kernels_compute_chains_and_rectified_sums() -> None:
    found = answered("kernels_interpreted.py", TRITON_INTERPRET="1")
    tolerance = {"float32": 2e-6, "bfloat16": 2e-2}  # a value of bfloat16 has 8 bits
    wrong = {(number, name): far for number, cases in found.items() for name, far in cases.items()
             if not max(far) < tolerance[number]}  # fmt: skip
    assert len(found["bfloat16"]) == len(found["float32"]) > 30 and wrong == {}


@needs_triton
def test_the_interpreted_kernel_prepares_pictures_to_the_bit() -> None:
    found = answered("images_interpreted.py", TRITON_INTERPRET="1")
    exact = {case: far for case, far in found.items() if "float32" in case}
    assert len(exact) == 18 and set(exact.values()) == {0.0}
    assert len(found) == 36 and max(found.values()) <= 2**-7  # the interpreter cuts a bfloat16 off, a GPU rounds it


@needs_triton
@needs_loops
@pytest.mark.ci
def test_a_training_with_all_kernels_is_the_plain_training() -> None:
    """On a device that is not there: recorded as a graph, its pictures prepared by a kernel."""
    found = answered("training_interpreted.py", TRITON_INTERPRET="1")
    files = ("bias_relu", "launch_dropout", "launch_images", "lrn_chain")
    for precision, training in found.items():
        assert training["told"] == [] and len(training["launches"]) == 6, precision
        assert {name.partition(".")[0] for name in training["launches"]} == set(files)
        assert training["far"] < (1e-6 if precision == "fp32" else 1e-3), precision


@needs_triton
@pytest.mark.ci
@pytest.mark.parametrize("capability", [80, 90])
def test_what_alexnet_launches_fits_into_the_registers(capability: int, tmp_path: Path) -> None:
    found = answered("kernels_launched.py", str(capability), TRITON_CACHE_DIR=str(tmp_path))
    assert len(found) == 19
    spilt = 16 if capability < 90 else 0  # of one kernel in float32
    for case, kernel in found.items():
        assert kernel["spilt"] <= spilt and kernel["shared"] <= 48 * 1024, (case, kernel)


@needs_triton
@needs_loops
@pytest.mark.ci
def test_a_step_with_all_kernels_is_the_plain_step() -> None:
    found = answered("step_interpreted.py", TRITON_INTERPRET="1")
    assert len(found) == 4
    for name, step in found.items():
        assert step["told"] == [] and step["kernels"] == [True] * 4, name
        assert step["far"] < (1e-5 if "fp32" in name else 0.15), name  # gradients of bfloat16 in both


@needs_triton
@pytest.mark.slow
def test_all_kernels_compile_for_gpus_with_places_of_64_bits() -> None:
    found = answered("kernels_compiled.py")
    assert len(found) == 36
    # A chain goes from image to image of each tensor, and from sums to sums, in 64 bits. Within an image, a row of
    # sums, the biases, and one picture or its mean 32 bits are enough.
    short = {"bias": 1, "images": 6, "dropout": 1}
    for name, types in found.items():
        what, way, *_ = name.replace(",", "").split()
        if what == "chain":
            assert types.count("i64") == {"forward": 3, "backward": 5}[way], name
        else:
            assert types.count("i32") == short[what] and types.count("i64") >= 2, name


def test_without_a_gpu_a_line_says_why_there_are_none() -> None:
    graph = good(CHAIN).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    assert pytorch.use_kernels(model, torch.float32) == [
        "normalisations run without kernels: there are none for the cpu"
    ]
    rectified = good(CHAIN.replace("[f]", "[d] conv filters=4 kernel=1 neuron=relu\n[f]")).graph
    assert pytorch.use_kernels(pytorch.module(rectified, 0, forms_of(rectified, NAMES)), torch.float32) == [
        "normalisations and biases with ReLUs run without kernels: there are none for the cpu"
    ]
    assert not any(module.kernels for module in model.modules() if isinstance(module, check.LrnChain))
    plain = pytorch.module(graph, 0)
    assert pytorch.use_kernels(plain, torch.float32) == []  # nothing to say where there is no chain


@pytest.mark.parametrize(
    ("kernels", "told"),
    [
        (lambda y: y, None),
        (lambda y: y * 1.01, "n.lrn without kernels: their values differ from the plain ones by 0.01"),
        (lambda y: y * torch.nan, "n.lrn without kernels: their values differ from the plain ones by nan"),
        (lambda y: 1 / 0, "n.lrn without kernels: ZeroDivisionError division by zero"),
    ],
    ids=["right", "wrong", "no numbers", "broken"],
)
def test_kernels_are_looked_at_before_they_are_used(
    kernels: Any, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("netspec.backends.pytorch.fast.chain")
    plain = module.ChainFunction

    class Pretended(torch.autograd.Function):
        """Stands for kernels on a device that has them."""

        @staticmethod
        def apply(x: Any, bias: Any, *arguments: Any) -> Any:
            return kernels(plain.apply(x + bias[:, None, None], *arguments))

    monkeypatch.setattr(module, "KernelFunction", Pretended)
    monkeypatch.setattr(check, "no_kernels", lambda device: None)
    graph = good(CHAIN).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    assert pytorch.use_kernels(model, torch.float32) == ([told] if told is not None else [])
    (chain,) = [module for module in model.modules() if isinstance(module, check.LrnChain)]
    assert (torch.float32 in chain.kernels) == (told is None)
    model(torch.randn(2, 3, 9, 9)).sum().backward()


@pytest.mark.parametrize(
    ("moved", "by", "told"),
    [(4, 1.0, None), (5, 1.0, "their gradients differ from the plain ones by 0.02"), (1, torch.nan, "by nan")],
    ids=["single numbers", "one more", "no number"],
)
def test_single_numbers_may_differ_as_of_two_equal_pixels_another_takes_the_gradient(
    moved: int, by: float, told: str | None
) -> None:
    wanted = torch.ones(4000)
    found = wanted.clone()
    found[:moved] += by
    said = check.mistake(lambda: {"gradients": found}, lambda: {"gradients": wanted}, 1e-4)
    assert said is None if told is None else told in said


@pytest.mark.parametrize(
    ("kernels", "told"),
    [
        (lambda x, bias: (x + bias[:, None, None]).relu(), None),
        (lambda x, bias: (x + 0 * bias[:, None, None]).relu(),
         r"c.conv without kernels: their values differ from the plain ones by 0\.\d"),
        (lambda x, bias: (x + bias[:, None, None].detach()).relu() + 0 * bias.sum(),
         "c.conv without kernels: their gradients of the bias differ from the plain ones by 1"),
        (lambda x, bias: 1 / 0, "c.conv without kernels: ZeroDivisionError division by zero"),
    ],
    ids=["right", "no bias", "no gradient of the bias", "broken"],
)  # fmt: skip
def test_so_are_those_of_biases_with_relus(kernels: Any, told: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    rectified: Any = import_module("netspec.backends.pytorch.fast.rectified")

    class Pretended:
        """Stands for kernels on a device that has them."""

        apply = staticmethod(kernels)

    for module in (rectified, check):
        monkeypatch.setattr(module, "BiasReluFunction", Pretended)
    monkeypatch.setattr(check, "no_kernels", lambda device: None)
    graph = good("[image] input 3x9x9\n[c] conv filters=6 kernel=3 neuron=relu bias=0.1\n[f] fc outputs=3\n").graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    found = pytorch.use_kernels(model, torch.float32)
    assert len(found) == (told is not None) and all(re.fullmatch(told or "", line) for line in found)
    assert model.c.conv.kernels == (frozenset() if told else {torch.float32})
    x = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(model(x), pytorch.module(graph, 0)(x))


@pytest.mark.parametrize(
    ("size", "pool", "told"),
    [
        (5, "kernel=3 stride=2", None),
        (32, "kernel=15 stride=2", None),
        (33, "kernel=3 stride=2", "sums over 33 maps take minutes to compile, and over more than 32 are not tried"),
        (5, "kernel=17 stride=1", "windows of 17 x 17 pixels are more than the 256 that a byte tells apart"),
    ],
)
def test_sizes_that_no_kernel_is_made_for_stay_plain(size: int, pool: str, told: str | None) -> None:
    text = CHAIN.replace("size=5", f"size={size}").replace("kernel=3 stride=2", pool)
    graph = good(text.replace("filters=6", "filters=64").replace("3x9x9", "3x21x21")).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    (chain,) = [module for module in model.modules() if isinstance(module, check.LrnChain)]
    assert check.too_large(chain) == told
    chain.shape = type(chain.shape)(64, 2**13, 2**13)
    assert "than 32 bits tell apart" in check.too_large(chain) or told is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpus_own_kernels_compute_the_chain(dtype: torch.dtype) -> None:
    graph = good(CHAIN).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES)).cuda()
    assert pytorch.use_kernels(model, dtype) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_a_gpus_kernels_compute_what_float64_does() -> None:
    found = answered("kernels_interpreted.py", "cuda")
    tolerance = {"float32": 1e-5, "bfloat16": 2e-2}
    wrong = {(number, name): far for number, cases in found.items() for name, far in cases.items()
             if not max(far) < tolerance[number]}  # fmt: skip
    assert len(found["bfloat16"]) == len(found["float32"]) > 33 and wrong == {}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_a_gpus_training_is_the_plain_training_on_the_cpu() -> None:
    """Steps and looks are recorded, and all kernels run: nothing else is told than which form is fastest."""
    found = answered("training_interpreted.py", "cuda")
    for precision, training in found.items():
        assert all(line.startswith("d is computed ") for line in training["told"]), training["told"]
        assert training["far"] < 1e-4, precision  # a seventh of how far three steps move them


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
def test_maps_of_more_than_2_to_the_31_numbers() -> None:
    chain: Any = import_module("netspec.backends.pytorch.fast.chain")
    lrn = good(CHAIN).graph.nodes["n"].op
    x = torch.zeros(8200, 512, 23, 23, device="cuda", dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    assert x.numel() > 2**31
    x[-1] = torch.randn(512, 23, 23)
    places = ((3, 3), (2, 2), (0, 0), (1, 1), False)
    found = chain.KernelFunction.apply(x, None, lrn, True, places)[-1:]
    torch.testing.assert_close(found, chain.ChainFunction.apply(x[-1:], lrn, True, places), rtol=2e-2, atol=2e-2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
def test_rectified_sums_of_more_than_2_to_the_31_numbers(last: bool) -> None:
    rectified: Any = import_module("netspec.backends.pytorch.fast.rectified")
    layout = torch.channels_last if last else torch.contiguous_format
    x = torch.zeros(8200, 512, 23, 23, device="cuda", dtype=torch.bfloat16).to(memory_format=layout)
    assert x.numel() > 2**31
    x[-1] = torch.randn(512, 23, 23)
    bias = torch.randn(512, device="cuda", requires_grad=True)
    wanted = (x[-1:].float() + bias[:, None, None]).relu()
    found = rectified.BiasReluFunction.apply(x, bias)
    torch.testing.assert_close(found[-1:].float(), wanted, rtol=1e-2, atol=1e-2)
    found[-1:].sum().backward()
    assert bias.grad is not None
    torch.testing.assert_close(bias.grad, (wanted > 0).sum((0, 2, 3)).float())
