"""Compile the kernels that a training of AlexNet launches before its first step, without a GPU.

The first argument is the compute capability, such as 90. Prints a JSON object: for each kernel its registers, the bytes
spilt from them, its warps, its shared memory in bytes, and the seconds it took to compile.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

import numpy as np
import torch
import triton
from places import ROOT
from simulated_cuda import simulate_cuda
from simulated_cuda_kernels import launched
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

import netspec
from netspec.ir.settings import Precision
from netspec.passes.fast import ComputeTarget, enabled_passes, forms_of
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Statistics
from netspec.train.data.source import stored_frame
from netspec.train.learning.objective import build

CAPABILITY = int(sys.argv[1])
TOOL = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"


class Driver:
    """The part of Triton's driver that compiling needs."""

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", CAPABILITY, 32)


kernels: dict[str, dict[str, Any]] = {}


def record_resources(kernel: Any, grid: tuple[int, ...], args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Compile a kernel for the arguments of a launch, without launching it, and record its resources."""
    start = time.process_time()
    compiled = kernel.warmup(*args, grid=grid, **options)
    seconds = time.process_time() - start
    with TemporaryDirectory() as folder:
        (file := Path(folder, "kernel.cubin")).write_bytes(compiled.asm["cubin"])
        usage = subprocess.run([TOOL, "-res-usage", file], capture_output=True, text=True, check=True)
    registers, spilt = (int(re.findall(rf"{word}:(\d+)", usage.stdout + usage.stderr)[0]) for word in ("REG", "STACK"))
    resources = {"registers": registers, "spilt": spilt, "warps": compiled.metadata.num_warps}
    width = options.get("C", options.get("UNITS"))
    case = f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__} {args[0].dtype} of {width}"
    resources |= {"shared": compiled.metadata.shared, "seconds": round(seconds, 1)}
    kernels.setdefault(case, resources)


driver.set_active(Driver())
graph = netspec.load(ROOT / "specs" / "alexnet.net").graph
frame = stored_frame(graph)
statistics = Statistics(np.zeros((frame.channels, frame.height, frame.width)), np.eye(frame.channels), 1)
precision: Precision
for precision in ("fp32", "bf16"):
    with_precision = replace(graph, train=replace(graph.train, precision=precision))
    with simulate_cuda(capability=divmod(CAPABILITY, 10)) as device, launched(device, record_resources):
        objective = build(
            with_precision, 0, "cuda", forms_of(with_precision, enabled_passes(ComputeTarget("cuda", precision), ()))
        )
        objective.use_kernels()
        size = graph.input.output
        Preparation(graph.preprocessing, statistics, frame, size, 255, torch.device("cuda")).lay_out(objective.layout)
print(json.dumps(kernels))
