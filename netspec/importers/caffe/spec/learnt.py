"""Layers with weights: their lines, with how the weights and biases are drawn and learnt."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.caffe.net.problem import Inexpressible, Rejected
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.spec.lines import Line, Site, Value
from netspec.ir.shape import Shape

_PARAMETERS = {"conv": "convolution_param", "fc": "inner_product_param"}


def weighted(
    site: Site, type_: str, x: Value, keys: Mapping[str, str], shape: Shape, blob: tuple[int, ...], groups: int = 1
) -> None:
    """Add a convolution or a fully connected layer. ``blob`` is the shape of its weights in Caffe."""
    parameter, name = site.parameter(_PARAMETERS[type_]), site.layer.name
    biased = parameter.flag("bias_term")
    check_params(site, 2 if biased else 1)
    if site.layer.record.has("blobs"):
        raise Inexpressible("its weights are in this file", site.layer.record.place("blobs"))
    own = {**keys, **learning_keys(site, blob, groups, biased=biased)}
    if not biased:
        own["bias"] = "none"
    blobs = {"weight": (name, 0), **({"bias": (name, 1)} if biased else {})}
    line = site.emit(type_, x, own, shape, blobs=blobs, claimed=type_ == "conv")
    _share(site, line)


def learning_keys(site: Site, blob: tuple[int, ...], groups: int, *, biased: bool) -> dict[str, str]:
    """Return how the parameters of a layer are drawn and learnt."""
    return {}


def check_params(site: Site, blobs: int) -> None:
    """Raise ``Rejected`` if a layer has more messages ``param`` than parameters."""
    params = site.layer.record.places("param")
    if len(params) > blobs:
        raise Rejected(f"it has {len(params)} param, and {blobs} blobs of parameters", params[blobs])


def _share(site: Site, line: Line) -> None:
    """Let a line use the weights of an earlier one if their parameters have the same name."""
    params = site.layer.record.messages("param")
    names = [param.text("name") for param in params]
    for place, name in enumerate(names):
        if not name:
            continue
        owner = site.draft.owners.setdefault(name, (site.layer, place, site.draft.lines.index(line)))
        if owner[0] is site.layer:
            continue
        _use(site, line, owner, place, params[place])


def _use(site: Site, line: Line, owner: tuple[object, int, int], place: int, param: Record) -> None:
    _, owners_place, number = owner
    first = site.draft.lines[number]
    if place != 0 or owners_place != 0:
        raise Inexpressible(
            "it shares biases with another layer; the layers of a spec share weights", param.place("name")
        )
    alike = ("filters", "outputs", "kernel", "groups")
    inputs = [site.draft.lines[each.inputs[0]].shape for each in (first, line)]
    same_inputs = (
        inputs[0].channels == inputs[1].channels if line.type == "conv" else inputs[0].units == inputs[1].units
    )
    if first.type != line.type or not same_inputs or any(first.keys.get(k) != line.keys.get(k) for k in alike):
        raise Inexpressible("it shares weights with a layer of another shape", param.place("name"))
    line.weights_of = number
    line.blobs.pop("weight")
    line.keys.pop("init", None)
