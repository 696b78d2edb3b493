"""Where in a module a call of an operator is from."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import fx
from torch._ops import OpOverload

from netspec.importers.torch_module.wrappers import COMPILED

_FRAME = re.compile(r'File "([^"]*)", line (\d+), in .*\n *(.*)')
_TORCH = str(Path(torch.__file__).parent)
_LONGEST = 60


def operator_of(node: fx.Node) -> str:
    """Return the name of an operator in PyTorch, without namespace and overload: ``conv2d``, ``relu`` for ``relu_``."""
    target = node.target
    name = target._schema.name.rpartition("::")[2] if isinstance(target, OpOverload) else str(node.target)
    return name.rstrip("_") or name


def module_of(node: fx.Node) -> str:
    """Return the path of the module whose forward calls an operator, ``""`` for that of the whole network."""
    stack = node.meta.get("nn_module_stack") or {}
    path = next(reversed([*stack.values()]), ("",))[0]
    names = str(path).partition("@")[0].split(".")
    return ".".join(name for name in names if name != COMPILED)


def place_of(node: fx.Node) -> str:
    """Return the path of the module whose forward calls an operator; else the line of the code that does."""
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    own = [frame for frame in frames if not frame[0].startswith((_TORCH, "<"))]
    if (path := module_of(node)) or not own:
        return path
    file, number, code = own[-1]
    shown = code if len(code) <= _LONGEST else f"{code[: _LONGEST - 4]} ..."
    return f"{Path(file).name}:{number}: {shown}"
