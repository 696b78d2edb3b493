"""Compile every kernel without a GPU, and print the integer types of its address computations."""

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

CHAIN = {"BETA": 0.75, "SIZE": 5, "RELU": True, "C": 96, "CHUNKS": 6, "V": 8, "H": 55, "W": 55, "OH": 27, "OW": 27,
         "KH": 3, "KW": 3, "SH": 2, "SW": 2, "PH": 0, "PW": 0, "DH": 1, "DW": 1, "PLAIN": False, "AROUND": 1,
         "TILES": 69, "THREADS": 128, "ADDS": True}  # fmt: skip
BIAS = {"C": 384, "BLOCKS": 3, "PIXELS": 16, "CHANNELS": 128}
DROPOUT = {"THRESHOLD": 2**31, "UNITS": 4096, "NUMBERS": 1024}
IMAGES = {"C": 3, "H": 224, "W": 224, "FH": 256, "FW": 256, "S": 4, "T": 4, "TOP": 0, "LEFT": 0, "ROWS": 57,
          "COLUMNS": 57, "WHOLE": True, "REVERSE": False, "SHIFTS": True, "DIVIDES": True, "PROGRAMS": 153,
          "NUMBERS": 1024}  # fmt: skip
INTEGERS = dict.fromkeys(("images", "parts", "AREA", "STEPS"), "i32")
FLOATS = dict.fromkeys(("k", "alpha", "scale"), "fp32")
TYPES = {
    "largest_ptr": "*u8", "bias_ptr": "*fp32", "sums_ptr": "*fp32", "pixel_ptr": "*u8", "top_ptr": "*i32",
    "left_ptr": "*i32", "mirror_ptr": "*u8", "shift_ptr": "*fp32", "mean_ptr": "*fp32", "std_ptr": "*fp32",
    "pixels": "i64", "numbers": "i64",
    "keys_ptr": "*i64", "first_sample": "i32", "first_unit": "i32", **INTEGERS, **FLOATS,
}  # fmt: skip
KERNELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chain forward": ("lrn_chain", "forward", CHAIN),
    "chain backward": ("lrn_chain", "backward", {**CHAIN, "NEAR": 1, "SUMS": True}),
    "bias forward, channels last": ("bias_relu", "forward", {**BIAS, "LAST": True}),
    "bias backward, channels last": ("bias_relu", "backward", {**BIAS, "LAST": True, "SUMS": True}),
    "bias forward": ("bias_relu", "forward", {"C": 384, "BLOCKS": 384, "PIXELS": 2048, "CHANNELS": 1, "LAST": False}),
    "bias backward": (
        "bias_relu", "backward", {"C": 384, "BLOCKS": 384, "PIXELS": 2048, "CHANNELS": 1, "LAST": False, "SUMS": True}
    ),
    "dropout": ("dropout", "dropped", DROPOUT),
    "images, channels last": ("images", "prepare", {**IMAGES, "LAST": True}),
    "images": ("images", "prepare", {**IMAGES, "LAST": False}),
}  # fmt: skip


def offset_types(file: str, name: str, constants: dict[str, Any], number: str, capability: int) -> list[str]:
    """Compile a kernel, and return the integer type of each offset that it adds to a pointer."""
    function = getattr(import_module(f"netspec.backends.pytorch.fast.kernels.{file}"), name)
    signature = {argument: "constexpr" if argument in constants else TYPES.get(argument, f"*{number}")
                 for argument in function.arg_names}  # fmt: skip
    source = ASTSource(fn=function, signature=signature, constexprs=constants)
    fused = file != "images"  # a product and a sum may be rounded once, except for pixels
    kernel = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"enable_fp_fusion": fused})
    assert kernel.asm["cubin"] and (fused or "fma" not in kernel.asm["ptx"])
    return re.findall(r"tt\.addptr .*, (?:tensor<[^>]*x)?(i\d+)", kernel.asm["ttir"])


print(
    json.dumps(
        {
            f"{name}, {number}, sm_{capability}": offset_types(*kernel, number, capability)
            for name, kernel in KERNELS.items()
            for number in ("fp32", "bf16")
            for capability in (80, 90)
        }
    )
)
