"""Rewrite layers of the two older formats as layers of today's, as src/caffe/util/upgrade_proto.cpp does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from netspec.check.report import Findings
from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.importers.caffe.net.types import OF_V0, OF_V1
from netspec.importers.caffe.schema.messages import MESSAGES
from netspec.importers.caffe.schema.record import Entry, Record

LAYER = MESSAGES["LayerParameter"]

_WINDOW = {"pad": "pad", "kernelsize": "kernel_size", "stride": "stride"}
_WEIGHTED = {
    "num_output": "num_output", "biasterm": "bias_term", "weight_filler": "weight_filler", "bias_filler": "bias_filler",
}  # fmt: skip
_BATCHES = {"source": "source", "batchsize": "batch_size"}
_BY_TYPE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "conv": ("convolution_param", {**_WEIGHTED, **_WINDOW, "group": "group"}),
    "innerproduct": ("inner_product_param", _WEIGHTED),
    "pool": ("pooling_param", {**_WINDOW, "pool": "pool"}),
    "dropout": ("dropout_param", {"dropout_ratio": "dropout_ratio"}),
    "lrn": ("lrn_param", {key: key for key in ("local_size", "alpha", "beta", "k")}),
    "concat": ("concat_param", {"concat_dim": "concat_dim"}),
    "data": ("data_param", {**_BATCHES, "rand_skip": "rand_skip"}),
    "hdf5_data": ("hdf5_data_param", _BATCHES),
    "images": (
        "image_data_param",
        {**_BATCHES, "rand_skip": "rand_skip", "shuffle_images": "shuffle", "new_height": "new_height",
         "new_width": "new_width"},
    ),
    "window_data": (
        "window_data_param",
        {**_BATCHES, **{f"det_{key}": key for key in ("fg_threshold", "bg_threshold", "fg_fraction", "context_pad",
                                                      "crop_mode")}},
    ),
    "infogain_loss": ("infogain_loss_param", {"source": "source"}),
}  # fmt: skip
"""The message in which the fields of the first format stand today, and their names there, by the type of the layer."""

_TRANSFORM = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
"""The fields of the first format that stand in ``transform_param`` today, whatever the type of the layer."""

_OF_ANY = ("name", "type", "blobs", "blobs_lr", "weight_decay", "hdf5_output_param")
_DATA = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}


def upgraded(layers: Sequence[Record], findings: Findings) -> list[Record]:
    """Return layers of the older formats, V1LayerParameter, as layers of today's. Padding layers are merged."""
    return [_from_v1(layer) for layer in _without_padding([_from_v0(layer, findings) for layer in layers], findings)]


def _from_v0(layer: Record, findings: Findings) -> Record:
    """Return a layer of the first format as one of the second; its type is still that of the first."""
    if not layer.has("layer"):
        return layer
    inner = layer.message("layer")
    entries = {name: layer.entries[name] for name in ("bottom", "top") if layer.has(name)}
    entries |= {name: inner.entries[name] for name in _OF_ANY if name in inner.entries}
    type_ = inner.text("type")
    if type_ not in OF_V0:
        near = nearest(type_, OF_V0)
        message = f"{inner.text('name')}: Caffe has no layers of type {type_!r}" + did_you_mean(near and repr(near))
        findings.add("caffe-network", message, inner.place("type", "name"))
    own_message, own_fields = _BY_TYPE.get(type_, ("", {}))
    places = {old: ("transform_param", new) for old, new in _TRANSFORM.items()}
    places |= {old: (own_message, new) for old, new in own_fields.items()}
    inside: dict[str, dict[str, tuple[Entry, ...]]] = {}
    for name, values in inner.entries.items():
        if name in places:
            message_name, field = places[name]
            inside.setdefault(message_name, {})[field] = values
        elif type_ in OF_V0 and name not in _OF_ANY and not (type_ == "padding" and name == "pad"):
            findings.add("caffe-network", f"{inner.text('name')}: a layer {type_!r} has no {name}", values[0].span)
    if type_ == "padding":
        inside["pooling_param"] = {"pad": inner.entries.get("pad", ())}
    for name, fields in inside.items():
        record = Record(MESSAGES[LAYER.fields[name].type], fields, inner.span)
        entries[name] = (Entry(record, inner.span),)
    return layer.with_entries(entries)


def _without_padding(layers: Sequence[Record], findings: Findings) -> list[Record]:
    """Return the layers with each padding layer as the padding of the convolution or pooling that reads it."""
    made_by: dict[str, Record] = {}
    kept: list[Record] = []
    for layer in layers:
        result = layer
        for bottom in layer.texts("bottom"):
            padding = made_by.get(bottom)
            if padding is not None and padding.text("type") == "padding":
                result = _padded(layer, padding, findings)
        if layer.text("type") != "padding":
            kept.append(result)
        made_by |= dict.fromkeys(layer.texts("top"), layer)
    return kept


def _padded(layer: Record, padding: Record, findings: Findings) -> Record:
    name = {"conv": "convolution_param", "pool": "pooling_param"}.get(layer.text("type"))
    if name is None or len(layer.texts("bottom")) != 1 or len(padding.texts("bottom")) != 1:
        message = f"{layer.text('name')}: only a convolution or a pooling with one bottom reads a padding layer"
        findings.add("caffe-network", message, layer.place("bottom"))
        return layer
    pad = padding.message("pooling_param").entries["pad"]
    window = layer.message(name)
    with_pad = replace(window, entries={**window.entries, "pad": pad})
    entries = {**layer.entries, name: (Entry(with_pad, layer.span),), "bottom": padding.entries["bottom"]}
    return layer.with_entries(entries)


def _from_v1(layer: Record) -> Record:
    """Return a layer of the second format as one of today's."""
    entries = {name: values for name, values in layer.entries.items() if name in LAYER.fields and name != "param"}
    word = layer.text("type") if layer.has("type") else "NONE"
    if layer.has("type"):
        type_ = OF_V0[word] if word in OF_V0 else OF_V1.get(word, word)
        entries["type"] = (replace(layer.entries["type"][0], value=type_),)
    params = _params(layer)
    if params:
        entries["param"] = params
    data = _DATA.get(word)
    if data is not None and layer.has(data):
        entries = _with_transforms(entries, layer, data)
    return Record(LAYER, entries, layer.span)


def _params(layer: Record) -> tuple[Entry, ...]:
    """Return the messages ParamSpec that say the same as the lists of the second format."""
    lists = {"param": "name", "blob_share_mode": "share_mode", "blobs_lr": "lr_mult", "weight_decay": "decay_mult"}
    given = {today: layer.entries[old] for old, today in lists.items() if layer.has(old)}
    result = []
    for index in range(max(map(len, given.values()), default=0)):
        fields = {today: (values[index],) for today, values in given.items() if index < len(values)}
        span = next(iter(fields.values()))[0].span
        result.append(Entry(Record(MESSAGES["ParamSpec"], fields, span), span))
    return tuple(result)


def _with_transforms(
    entries: Mapping[str, tuple[Entry, ...]], layer: Record, data: str
) -> dict[str, tuple[Entry, ...]]:
    """Return the fields of a data layer with its old fields on preparation in ``transform_param``, too."""
    old, transform = layer.message(data), layer.message("transform_param")
    moved = {name: values for name, values in old.entries.items() if name in _TRANSFORM.values()}
    if not moved:
        return dict(entries)
    both = replace(transform, entries={**transform.entries, **moved})
    return {**entries, "transform_param": (Entry(both, layer.place(data)),)}
