"""Compile the chain's kernels for GPUs that need not be there, and print of each how its offsets are computed."""

from __future__ import annotations

import json
import re
from importlib import import_module
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from netspec import backend

backend.load("pytorch")
kernels: Any = import_module("netspec.backends.pytorch.fast.kernels.lrn_chain")

CONSTANTS = {"BETA": 0.75, "SIZE": 5, "RELU": True, "C": 96, "SHARE": 48, "KH": 3, "KW": 3, "SH": 2, "SW": 2, "PH": 0,
             "PW": 0, "DH": 1, "DW": 1, "PLAIN": False, "PIXELS": 8, "CHANNELS": 128}  # fmt: skip
WHOLE = {"pixels": "i64", "H": "i32", "W": "i32", "OH": "i32", "OW": "i32", "k": "fp32", "alpha": "fp32"}


def compiled(name: str, number: str, capability: int) -> dict[str, int]:
    """How many places in memory are computed in 64 bits, and how many in fewer."""
    maps = ("x_of", "y_of") if name == "forward" else ("x_of", "dy_of", "dx_of")
    signature = {
        **dict.fromkeys(maps, f"*{number}"),
        "place_of": "*u8",
        **WHOLE,
        **dict.fromkeys(CONSTANTS, "constexpr"),
    }
    kernel = getattr(kernels, name)
    ordered = {argument: signature[argument] for argument in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=ordered, constexprs=CONSTANTS)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32))
    assert made.asm["cubin"]
    offsets = re.findall(r"tt\.addptr .*, tensor<[^>]*x(i\d+)>", made.asm["ttir"])
    return {"long": offsets.count("i64"), "short": len(offsets) - offsets.count("i64")}


print(
    json.dumps(
        {
            f"{name} {number} sm_{capability}": compiled(name, number, capability)
            for name in ("forward", "backward")
            for number in ("fp32", "bf16")
            for capability in (80, 90)
        }
    )
)
