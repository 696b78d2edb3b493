"""Normalisations and dropout."""

from __future__ import annotations

from netspec.ir.ops import BatchNorm, ContrastNorm, Dropout, Lrn, MapNorm
from netspec.ir.shape import Shape

from ..site import Division, Expressions, Modules, Site
from ..text import call, string


def _lrn(op: Lrn, at: Site) -> str:
    return call(at.helper("lrn"), at.x, **_response(op), groups=at.division.share(op.groups))


def _map_norm(op: MapNorm, at: Site) -> str:
    at.helper("window_sums")
    return call(at.helper("map_norm"), at.x, **_response(op))


def _contrast_norm(op: ContrastNorm, at: Site) -> str:
    at.helper("window_sums")
    return call(at.helper("contrast_norm"), at.x, **_response(op))


def _response(op: Lrn | MapNorm) -> dict[str, str]:
    return {"size": str(op.size), "k": repr(op.k), "alpha": repr(op.alpha), "beta": repr(op.beta)}


def _batch_norm_module(op: BatchNorm, x: Shape, division: Division) -> str:
    kind = "nn.BatchNorm2d" if x.is_image else "nn.BatchNorm1d"
    options = {"eps": repr(op.eps), "momentum": repr(op.momentum), "affine": None if op.affine else "False"}
    return call(kind, division.share(x.channels), **options)


def _batch_norm(op: BatchNorm, at: Site) -> str:
    assert at.module is not None, "batch normalisation has its layer to itself"
    return call(at.helper("batch_norm"), at.x, at.module, at.world)


def _dropout(op: Dropout, at: Site) -> str:
    options = {"scaled": "False"} if op.scaling == "test" else {}
    return call(
        at.helper("dropout"),
        at.x,
        repr(op.rate),
        string(at.name),
        "self.training",
        at.random_state,
        **options,
        **at.group_option,
    )


EXPRESSIONS: Expressions = {
    Lrn: _lrn,
    MapNorm: _map_norm,
    ContrastNorm: _contrast_norm,
    BatchNorm: _batch_norm,
    Dropout: _dropout,
}
MODULES: Modules = {BatchNorm: _batch_norm_module}
