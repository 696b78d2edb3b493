"""The options that change a network: ``--set`` and ``--input``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.common import Command

if TYPE_CHECKING:
    from netspec.ir.shape import Shape

_LENGTH = re.compile("[0-9]{1,10}")
_MAX_SIDE = 2**31
_OTHER_NOTATION = re.compile(r"[(\[]? *([0-9]+) *[,xX*\u00d7 ] *([0-9]+) *[,xX*\u00d7 ] *([0-9]+) *[)\]]?")
"""A shape as other tools write it: ``(3, 224, 224)``, ``[3,224,224]`` or ``3*224*224``."""

_SHAPES = "write channels x height x width, 3x224x224, or a length, 784"


class ShapeParam(click.ParamType["Shape"]):
    """An input shape such as ``3x224x224`` or ``784``."""

    name = "shape"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        from netspec.ir.shape import Shape

        if isinstance(value, Shape):
            return value
        parts = str(value).split("x")
        if len(parts) not in (1, 3) or not all(map(_is_length, parts)):
            sides = _OTHER_NOTATION.fullmatch(str(value))
            hint = (
                f"did you mean {'x'.join(sides.groups())}?"
                if sides and all(map(_is_length, sides.groups()))
                else _SHAPES
            )
            self.fail(f"{value!r} is not a shape; {hint}", param, ctx)
        return Shape(*map(int, parts))


def _is_length(word: str) -> bool:
    return _LENGTH.fullmatch(word) is not None and 0 < int(word) <= _MAX_SIDE


class ChangeParam(click.ParamType[str]):
    """An assignment such as ``conv1.stride=2``. Only its form is checked here; the checker looks up layer and key."""

    name = "change"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from netspec.language.parser import is_change

        if not is_change(str(value)):
            hint = ""
            if shape := re.fullmatch(r"[\w-]+=(\d+x\d+x\d+)", str(value)):
                hint = f"; the input's shape is --input {shape[1]}"
            elif argument := re.fullmatch(r"([\w-]+\.\w+)\.(\w+=[^()\s]+)", str(value)):
                hint = f"; an argument stands in brackets behind its word: {argument[1]}='WORD({argument[2]})'"
            self.fail(f"{value!r} is not a change; write LAYER.KEY=VALUE, conv1.stride=2{hint}", param, ctx)
        return str(value)


def change_options(command: Command) -> Command:
    """Add the options that change a network: ``--set``, as ``changes``, and ``--input``, as ``input_shape``."""
    add_set = click.option(
        "--set",
        "changes",
        type=ChangeParam(),
        multiple=True,
        metavar="LAYER.KEY=VALUE",
        help="Change a key of a layer or setting, e.g. conv1.stride=2 or train.batch=64; may be given several times.",
    )
    add_input = click.option(
        "--input",
        "input_shape",
        type=ShapeParam(),
        metavar="CxHxW",
        help="Shape of the input, e.g. 3x227x227 [default: as in the file].",
    )
    return add_input(add_set(command))
