"""Advice on words that the original does not know in a place: keys of its other file, words of its other version, and
layer types and keys of its forks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from netspec.importers.cuda_convnet.layers.model import Dialect

PARAMETERS = (
    "epsW", "epsB", "momW", "momB", "wc", "wball", "superEps", "superMom", "wcNormMin", "wcNormMax", "schedW", "schedB",
    "quantF", "quantB", "updatePeriod", "scale", "pow", "minDiv", "enable", "keep", "coeff", "coeffs", "topk",
    "posWeight", "doMax", "setSize", "threads",
)  # fmt: skip
"""The keys of parameter files."""

_DROPOUT = {"2012": "type=hs with keep=", "v2": "type=dropout2"}
_FC_WITH_DROPOUT = "a fully connected layer with dropout is type=fc and a section after it, {dropout}; keep is 1 - rate"
_DROPCONNECT = "DropConnect drops single weights, which no layer here does; dropping units is {dropout}"
_TYPES = {
    **dict.fromkeys(("hs", "dropout", "dropout2"), "here dropout is {dropout}"),
    "fcdrop": _FC_WITH_DROPOUT,
    **dict.fromkeys(("fcdropc", "fcdropcf"), _DROPCONNECT),
    "sum": "the sum of several layers is type=eltsum",
}
"""Layer types of forks and of the other version, with what to write instead."""
_SCHED = (
    "one schedule for weights and biases, from before schedW and schedB; the published programs read only "
    "these two, and keep the rate constant"
)
_IN_RATES = "of 2012; version 2 has the schedule in the rate: epsW=exp[base=0.01;tgtFactor=10]"
_PADDING = "it is a key of convolutions; a pool with a negative start= begins that many pixels before its image"
_CROSS_MAP = "type=cmrnorm normalises across maps, type=rnorm within each map"


def other_version(dialect: Dialect) -> str:
    """Return the name of the other version."""
    return "version 2" if dialect == "2012" else "the 2012 version"


def notes_in_layers(dialect: Dialect, other_version_keys: Collection[str] = ()) -> Mapping[str, str]:
    """Return advice on keys that a layer type does not have, by the key in lower case.

    ``other_version_keys`` are the keys that it has in the other version.
    """
    note = f"it is a key of {other_version(dialect)} of cuda-convnet; this file is read as {dialect}"
    return {
        **dict.fromkeys(map(str.lower, other_version_keys), note),
        **_read_in("the parameter file", PARAMETERS),
        **_fork_keys(dialect),
        "padding": _PADDING,
    }


def notes_in_parameters(keys: Collection[str], dialect: Dialect) -> Mapping[str, str]:
    """Return advice on keys that a layer's parameters do not have. ``keys`` are the layer's keys in the layer file."""
    schedules = {"sched": _SCHED} if dialect == "2012" else {"schedw": _IN_RATES, "schedb": _IN_RATES}
    return {**_read_in("the layer file", keys), **_fork_keys(dialect), **schedules}


def notes_on_type(word: str, dialect: Dialect) -> tuple[str, ...]:
    """Return advice on what to write instead of a layer type of a fork, or of dropout of the other version."""
    if word not in _TYPES:
        return ()
    return (_TYPES[word].format(dropout=_DROPOUT[dialect]),)


def notes_on_neuron(word: str, dialect: Dialect) -> tuple[str, ...]:
    """Return advice on what to write instead of a word that is no neuron."""
    if word == "dropout":
        return (f"dropout is a layer of its own, {_DROPOUT[dialect]}",)
    if word == "abstanh":
        return ("use tanh, followed by a section type=neuron with neuron=abs",)
    return ()


def _read_in(file: str, keys: Iterable[str]) -> dict[str, str]:
    return {key.lower(): f"{key} is read in {file}, not in this one" for key in keys}


def _fork_keys(dialect: Dialect) -> dict[str, str]:
    dropout = f"of a fork; here dropout is a section after the layer, {_DROPOUT[dialect]}"
    return {**dict.fromkeys(("dropout", "droprate", "drop", "rate"), dropout), "crossmap": _CROSS_MAP}
