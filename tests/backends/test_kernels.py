"""The Triton kernels: compiled and interpreted without a GPU, checked before use, and run on a GPU if there is one."""

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
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from checking import valid_net

from netspec import backend
from netspec.passes.fast import NAMES, forms_of

HERE = Path(__file__).parent

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed: pip install triton")
needs_loops_in_interpreter = pytest.mark.skipif(
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


def run_script(name: str, *arguments: str, **environment: str) -> Any:
    """Run a script of this folder in a separate process, and return the JSON that it prints."""
    result = subprocess.run(
        [sys.executable, HERE / name, *arguments], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def assert_small_errors(results: dict[str, dict[str, list[float]]], tolerance: dict[str, float]) -> None:
    """Check the errors that compare_kernels.py prints, by type and case."""
    too_large = {
        (dtype, case): errors
        for dtype, cases in results.items()
        for case, errors in cases.items()
        if not max(errors) < tolerance[dtype]
    }
    assert too_large == {}


@needs_triton
@needs_loops_in_interpreter
@pytest.mark.ci
def test_interpreted_kernels_equal_float64_computations() -> None:
    results = run_script("compare_kernels.py", TRITON_INTERPRET="1")
    assert len(results["bfloat16"]) == len(results["float32"]) > 30
    assert_small_errors(results, {"float32": 2e-6, "bfloat16": 2e-2})  # bfloat16 has 8 significant bits


@needs_triton
def test_interpreted_kernel_prepares_images_to_the_bit() -> None:
    errors = run_script("compare_image_kernel.py", TRITON_INTERPRET="1")
    exact = {case: error for case, error in errors.items() if "float32" in case}
    assert len(exact) == 18 and set(exact.values()) == {0.0}
    assert len(errors) == 36 and max(errors.values()) <= 2**-7  # the interpreter truncates bfloat16, a GPU rounds


@needs_triton
@needs_loops_in_interpreter
@pytest.mark.ci
def test_training_with_all_kernels_equals_plain_training() -> None:
    """On a simulated device, with steps recorded as graphs and images prepared by a kernel."""
    trainings = run_script("compare_training.py", TRITON_INTERPRET="1")
    modules = {"bias_relu", "launch_dropout", "launch_images", "lrn_chain"}
    for precision, training in trainings.items():
        assert training["notes"] == [] and len(training["launches"]) == 6, precision
        assert {name.partition(".")[0] for name in training["launches"]} == modules
        assert training["error"] < (1e-6 if precision == "fp32" else 1e-3), precision


@needs_triton
@pytest.mark.ci
@pytest.mark.parametrize(
    "capability", [80, 90, *(pytest.param(number, marks=pytest.mark.slow) for number in (75, 100, 120))]
)
def test_alexnets_kernels_fit_into_registers_and_shared_memory(capability: int, tmp_path: Path) -> None:
    kernels = run_script("compile_alexnet_kernels.py", str(capability), TRITON_CACHE_DIR=str(tmp_path))
    assert len(kernels) == 19
    allowed_spill = 0 if capability in (75, 90) else 16  # in bytes; needed by one kernel in float32
    for case, kernel in kernels.items():
        assert kernel["spilt"] <= allowed_spill and kernel["shared"] <= 48 * 1024, (case, kernel)


@needs_triton
@needs_loops_in_interpreter
@pytest.mark.ci
def test_step_with_all_kernels_equals_the_plain_step() -> None:
    steps = run_script("compare_step.py", TRITON_INTERPRET="1")
    assert len(steps) == 4
    for name, step in steps.items():
        assert step["messages"] == [] and step["kernels"] == [True] * 4, name
        assert step["error"] < (1e-5 if "fp32" in name else 0.15), name  # both sides have gradients in bfloat16


@needs_triton
@pytest.mark.slow
def test_kernels_compile_with_64_bit_offsets_where_needed() -> None:
    offset_types = run_script("compile_kernels.py")
    assert len(offset_types) == 36
    # Offsets of an image in a batch, and of sums in the array of sums, have 64 bits. Within an image, a row of sums,
    # the biases, or a stored image and its mean, 32 bits are enough.
    narrow_offsets = {"bias": 1, "images": 6, "dropout": 1}
    for name, types in offset_types.items():
        kernel, direction, *_ = name.replace(",", "").split()
        if kernel == "chain":
            assert types.count("i64") == {"forward": 3, "backward": 5}[direction], name
        else:
            assert types.count("i32") == narrow_offsets[kernel] and types.count("i64") >= 2, name


def test_message_says_that_there_are_no_kernels_for_the_cpu() -> None:
    graph = valid_net(CHAIN).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    assert pytorch.use_kernels(model, torch.float32) == [
        "normalisations run without kernels: there are none for the cpu"
    ]
    rectified = valid_net(CHAIN.replace("[f]", "[d] conv filters=4 kernel=1 neuron=relu\n[f]")).graph
    assert pytorch.use_kernels(pytorch.module(rectified, 0, forms_of(rectified, NAMES)), torch.float32) == [
        "normalisations and biases with ReLUs run without kernels: there are none for the cpu"
    ]
    assert not any(module.kernels for module in model.modules() if isinstance(module, check.LrnChain))
    plain = pytorch.module(graph, 0)
    assert pytorch.use_kernels(plain, torch.float32) == []  # no message without a chain


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        (lambda y: y, None),
        (lambda y: y * 1.01, "n.lrn without kernels: their values differ from the plain ones by 0.01"),
        (lambda y: y * torch.nan, "n.lrn without kernels: their values differ from the plain ones by nan"),
        (lambda y: 1 / 0, "n.lrn without kernels: ZeroDivisionError division by zero"),
    ],
    ids=["right", "wrong", "nan", "raises"],
)
def test_chain_kernels_are_checked_before_use(
    kernels: Any, message: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("netspec.backends.pytorch.fast.chain")
    plain = module.ChainFunction

    class FakeKernels(torch.autograd.Function):
        """Stands in for kernels on a device that has them."""

        @staticmethod
        def apply(x: Any, bias: Any, *arguments: Any) -> Any:
            return kernels(plain.apply(x + bias[:, None, None], *arguments))

    monkeypatch.setattr(module, "KernelFunction", FakeKernels)
    monkeypatch.setattr(check, "no_kernels", lambda device: None)
    graph = valid_net(CHAIN).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    assert pytorch.use_kernels(model, torch.float32) == ([message] if message is not None else [])
    (chain,) = [module for module in model.modules() if isinstance(module, check.LrnChain)]
    assert (torch.float32 in chain.kernels) == (message is None)
    model(torch.randn(2, 3, 9, 9)).sum().backward()


def test_compiler_that_fails_for_all_kernels_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its command has other temporary files for each kernel."""
    folders = iter(("/tmp/tmp7w0x", "/tmp/tmp1_ab"))

    def fail(*arguments: Any) -> None:
        folder = next(folders)
        raise subprocess.CalledProcessError(
            1, ["/usr/bin/gcc", f"{folder}/main.c", f"-L{folder}", "-o", f"{folder}/a.so"]
        )

    module = import_module("netspec.backends.pytorch.fast.chain")
    monkeypatch.setattr(module, "KernelFunction", SimpleNamespace(apply=fail))
    monkeypatch.setattr(check, "no_kernels", lambda device: None)
    second = "[d] conv filters=4 kernel=1\n[m] lrn size=3 k=2 alpha=0.1 beta=0.75\n[f]"
    graph = valid_net(CHAIN.replace("[f]", second)).graph
    (message,) = pytorch.use_kernels(pytorch.module(graph, 0, forms_of(graph, NAMES)), torch.float32)
    assert message.startswith(
        "n.lrn, m.lrn without kernels: CalledProcessError Command '['/usr/bin/gcc', '/tmp/tmp7w0x/"
    )


@pytest.mark.parametrize(
    ("changed", "by", "message"),
    [(4, 1.0, None), (5, 1.0, "their gradients differ from the plain ones by 0.02"), (1, torch.nan, "by nan")],
    ids=["few elements", "one more", "nan"],
)
def test_check_ignores_a_difference_of_one_element_in_1000(changed: int, by: float, message: str | None) -> None:
    """If two pixels are equal, either may get the gradient."""
    expected = torch.ones(4000)
    actual = expected.clone()
    actual[:changed] += by
    mistake = check.compare_kernels(lambda: {"gradients": actual}, lambda: {"gradients": expected}, 1e-4)
    assert mistake is None if message is None else message in mistake


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        (lambda x, bias: (x + bias[:, None, None]).relu(), None),
        (lambda x, bias: (x + 0 * bias[:, None, None]).relu(),
         r"c.conv without kernels: their values differ from the plain ones by 0\.\d"),
        (lambda x, bias: (x + bias[:, None, None].detach()).relu() + 0 * bias.sum(),
         "c.conv without kernels: their gradients of the bias differ from the plain ones by 1"),
        (lambda x, bias: 1 / 0, "c.conv without kernels: ZeroDivisionError division by zero"),
    ],
    ids=["right", "no bias", "no gradient of the bias", "raises"],
)  # fmt: skip
def test_bias_kernels_are_checked_before_use(
    kernels: Any, message: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rectified: Any = import_module("netspec.backends.pytorch.fast.rectified")

    class FakeKernels:
        """Stands in for kernels on a device that has them."""

        apply = staticmethod(kernels)

    for module in (rectified, check):
        monkeypatch.setattr(module, "BiasReluFunction", FakeKernels)
    monkeypatch.setattr(check, "no_kernels", lambda device: None)
    graph = valid_net("[image] input 3x9x9\n[c] conv filters=6 kernel=3 neuron=relu bias=0.1\n[f] fc outputs=3\n").graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    messages = pytorch.use_kernels(model, torch.float32)
    assert len(messages) == (message is not None) and all(re.fullmatch(message or "", line) for line in messages)
    assert model.c.conv.kernels == (frozenset() if message else {torch.float32})
    x = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(model(x), pytorch.module(graph, 0)(x))


@pytest.mark.parametrize(
    ("size", "pool", "reason"),
    [
        (5, "kernel=3 stride=2", None),
        (32, "kernel=15 stride=2", None),
        (33, "kernel=3 stride=2", "windows of 33 maps exceed 32, beyond which compiling takes minutes"),
        (5, "kernel=17 stride=1", "windows of 17 x 17 pixels exceed 256, the most that kernels can number in a byte"),
    ],
)
def test_sizes_too_large_for_kernels(size: int, pool: str, reason: str | None) -> None:
    text = CHAIN.replace("size=5", f"size={size}").replace("kernel=3 stride=2", pool)
    graph = valid_net(text.replace("filters=6", "filters=64").replace("3x9x9", "3x21x21")).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES))
    (chain,) = [module for module in model.modules() if isinstance(module, check.LrnChain)]
    assert check.too_large(chain) == reason
    chain.shape = type(chain.shape)(64, 2**13, 2**13)
    assert "for offsets of 32 bits" in check.too_large(chain) or reason is not None


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gpu_uses_the_chain_kernels(dtype: torch.dtype) -> None:
    graph = valid_net(CHAIN).graph
    model = pytorch.module(graph, 0, forms_of(graph, NAMES)).cuda()
    assert pytorch.use_kernels(model, dtype) == []


@pytest.mark.gpu
@needs_gpu
def test_gpu_kernels_equal_float64_computations() -> None:
    results = run_script("compare_kernels.py", "cuda")
    assert len(results["bfloat16"]) == len(results["float32"]) > 33
    assert_small_errors(results, {"float32": 1e-5, "bfloat16": 2e-2})


@pytest.mark.gpu
@needs_gpu
def test_gpu_training_equals_plain_training_on_the_cpu() -> None:
    """Steps and validations are recorded and all kernels run: the only notes are the fastest forms."""
    trainings = run_script("compare_training.py", "cuda")
    for precision, training in trainings.items():
        assert all(line.startswith("d is computed ") for line in training["notes"]), training["notes"]
        assert training["error"] < 1e-4, precision  # a seventh of the change by three steps


@pytest.mark.gpu
@needs_gpu
def test_chain_kernel_with_more_than_2_to_the_31_numbers() -> None:
    chain: Any = import_module("netspec.backends.pytorch.fast.chain")
    lrn = valid_net(CHAIN).graph.nodes["n"].op
    x = torch.zeros(8200, 512, 23, 23, device="cuda", dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    assert x.numel() > 2**31
    x[-1] = torch.randn(512, 23, 23)
    pool = ((3, 3), (2, 2), (0, 0), (1, 1), False)
    actual = chain.KernelFunction.apply(x, None, lrn, True, pool)[-1:]
    torch.testing.assert_close(actual, chain.ChainFunction.apply(x[-1:], lrn, True, pool), rtol=2e-2, atol=2e-2)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("channels_last", [False, True], ids=["channels first", "channels last"])
def test_bias_kernel_with_more_than_2_to_the_31_numbers(channels_last: bool) -> None:
    rectified: Any = import_module("netspec.backends.pytorch.fast.rectified")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.zeros(8200, 512, 23, 23, device="cuda", dtype=torch.bfloat16).to(memory_format=layout)
    assert x.numel() > 2**31
    x[-1] = torch.randn(512, 23, 23)
    bias = torch.randn(512, device="cuda", requires_grad=True)
    expected = (x[-1:].float() + bias[:, None, None]).relu()
    actual = rectified.BiasReluFunction.apply(x, bias)
    torch.testing.assert_close(actual[-1:].float(), expected, rtol=1e-2, atol=1e-2)
    actual[-1:].sum().backward()
    assert bias.grad is not None
    torch.testing.assert_close(bias.grad, (expected > 0).sum((0, 2, 3)).float())
