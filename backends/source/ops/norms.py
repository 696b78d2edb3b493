"""Normalisations and dropout."""

from __future__ import annotations

from netspec.ir.ops import BatchNorm, ContrastNorm, Dropout, GroupNorm, LayerNorm, Lrn, MapNorm
from netspec.ir.shape import Shape

from ..site import Division, Expressions, Modules, Site
from ..text import call, operand, string

EPS, MOMENTUM = 1e-5, 0.1
"""The defaults of ``torch.nn``'s normalisations."""


def _response(op: Lrn | MapNorm) -> dict[str, str]:
    return {"size": str(op.size), "k": repr(op.k), "alpha": repr(op.alpha), "beta": repr(op.beta)}


def _batch_norm_module(op: BatchNorm, x: Shape, division: Division) -> str:
    kind = "nn.BatchNorm2d" if x.is_image else "nn.BatchNorm1d"
    options = {"eps": _unless(op.eps, EPS), "momentum": _unless(op.momentum, MOMENTUM)}
    return call(kind, division.share(x.channels), **options, affine=None if op.affine else "False")


def _unless(value: float, default: float) -> str | None:
    """Return the value of an option, unless it is the default."""
    return None if value == default else repr(value)


def _batch_norm(op: BatchNorm, at: Site) -> str:
    assert at.module is not None, "batch normalisation has its layer to itself"
    return call(at.module, at.x)


def _group_norm_module(op: GroupNorm, x: Shape, division: Division) -> str:
    share, affine = division.share, None if op.affine else "False"
    if isinstance(op, LayerNorm) and op.groups == 1:
        return call("nn.LayerNorm", share(x.channels), eps=_unless(op.eps, EPS), elementwise_affine=affine)
    return call("nn.GroupNorm", share(op.groups), share(x.channels), eps=_unless(op.eps, EPS), affine=affine)


def _layer_norm(op: LayerNorm, at: Site) -> str:
    assert at.module is not None, "layer normalisation has its layer to itself"
    alone = op.groups == 1 and not at.shapes[0].is_image
    return call(at.module, at.float32) if alone else call(at.helper("layer_norm"), at.float32, at.module)


def _group_norm(op: GroupNorm, at: Site) -> str:
    assert at.module is not None, "group normalisation has its layer to itself"
    x = at.float32
    if at.shapes[0].is_image:  # with channels last it would be inaccurate: see GroupNormalise of the backend pytorch
        x = f"{operand(x)}.contiguous()"
    if op.normalised_together(at.shapes[0]) > 1:
        return call(at.module, x)
    groups, parameters = at.division.share(op.groups), at.params or ("None", "None")  # torch.nn rejects one number
    return call("torch.group_norm", x, groups, *parameters, repr(op.eps))


def _dropout(op: Dropout, at: Site) -> str:
    options = {"scaled": "False"} if op.scaling == "test" else {}
    if op.over != "units":
        first, *others = op.choices(at.shapes[0])
        channels = at.division.share(first) if op.over == "channels" else str(first)
        options["choices"] = f"({', '.join((channels, *map(str, others)))}{'' if others else ','})"
    return call(
        at.helper("dropout"),
        at.x,
        repr(op.rate),
        string(at.name),
        "self.training",
        at.random_state,
        **options,
        **({} if op.over == "images" else at.group_option),
    )


EXPRESSIONS: Expressions = {
    Lrn: lambda op, at: call(at.helper("lrn"), at.x, **_response(op), groups=at.division.share(op.groups)),
    MapNorm: lambda op, at: call(at.helper("map_norm"), at.x, **_response(op)),
    ContrastNorm: lambda op, at: call(at.helper("contrast_norm"), at.x, **_response(op)),
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    GroupNorm: _group_norm,
    Dropout: _dropout,
}
MODULES: Modules = {BatchNorm: _batch_norm_module, **dict.fromkeys((LayerNorm, GroupNorm), _group_norm_module)}
