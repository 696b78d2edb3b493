"""Read the section of one layer in the parameter file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.importers.cuda_convnet.layers.elementwise import factors_of_sum
from netspec.importers.cuda_convnet.layers.forks import notes_in_parameters
from netspec.importers.cuda_convnet.layers.model import Definition, Dialect, Layer
from netspec.importers.cuda_convnet.layers.types import KINDS
from netspec.importers.cuda_convnet.learning.model import Drop, Norm, Parameters
from netspec.importers.cuda_convnet.learning.norms import NORMS
from netspec.importers.cuda_convnet.learning.reading_rates import read_rates
from netspec.importers.cuda_convnet.options import MAX_NUMBER, Options

_WEIGHTS = ("epsW", "epsB", "momW", "momB", "wc", "wball", "superEps", "superMom")
DROPOUT = ("dropout", "dropRate")
"""The keys of two forks: of all layers, and of an ``fc`` with one input (github.com/tomlepaine/cudaconvnet-fork)."""
_2012 = ("schedW", "schedB")
_QUANTIZERS = ("quantF", "quantB")
_OF_COSTS = {
    "cost.logreg": ("topk",),
    "cost.bce": ("posWeight",),
    "cost.dce": ("posWeight",),
    "cost.msm": ("setSize", "threads"),
}


def read_section(layer: Layer, options: Options, definition: Definition) -> Parameters:
    """Return the values in a layer's section.

    Warns about unknown keys even if the section is rejected. Raises ``SectionError``.
    """
    try:
        dropout = _of_all_layers(layer, options, definition.dialect)
        return replace(_values(layer, options, definition), dropout=dropout)
    finally:
        dialect = definition.dialect
        keys = KINDS[layer.type].all_keys(dialect) if layer.type in KINDS else ()
        options.warn_unknown(_known_keys(layer, dialect), notes=notes_in_parameters(keys, dialect))


def needs_section(layer: Layer, dialect: Dialect) -> bool:
    """Whether the original rejected a parameter file without a section for this layer."""
    needed = (*NORMS, "hs", "dropout", "dropout2", *(("eltsum",) if dialect == "v2" else ()))
    random = layer.type == "pool" and layer.values["pool"] == "rand"
    return bool(layer.weights) or layer.is_cost or layer.type in needed or random


def _known_keys(layer: Layer, dialect: Dialect) -> Sequence[str]:
    """Return the keys that a layer's section may have: those of its type, and those of all layers."""
    quantizers = _QUANTIZERS if dialect == "2012" else ()
    return (*own_keys(layer, dialect), *quantizers, *_dropout_keys(layer))


def own_keys(layer: Layer, dialect: Dialect) -> Sequence[str]:
    """Return the keys of a layer's type."""
    if layer.weights:
        norm = ("wcNormMin", "wcNormMax") if layer.type == "conv" else ()
        return (*_WEIGHTS, *norm, *(_2012 if dialect == "2012" else ("updatePeriod",)))
    if layer.type in NORMS:
        return ("scale", "pow", *(("minDiv",) if _has_constant(layer, dialect) else ()))
    if layer.type == "pool":
        return ("doMax",) if layer.values["pool"] == "rand" else ()
    if layer.type == "eltsum":
        return () if dialect == "2012" else ("coeffs",)
    if layer.is_cost:
        return ("coeff", *_OF_COSTS.get(layer.type, ()))
    return {"hs": ("enable",), "dropout": ("enable", "keep"), "dropout2": ("enable", "keep")}.get(layer.type, ())


def _dropout_keys(layer: Layer) -> Sequence[str]:
    """Return the keys that may drop values of a layer. Only forks of the program before that of 2012 have them."""
    if layer.gpu or layer.is_cost or layer.type in ("data", "softmax"):
        return ()
    return DROPOUT if layer.type == "fc" and len(layer.inputs) == 1 else DROPOUT[:1]


def _has_constant(layer: Layer, dialect: Dialect) -> bool:
    """Whether a normalisation has the additive constant ``minDiv``: in 2012 only that across maps has it."""
    return layer.type == "cmrnorm" or dialect == "v2"


def _values(layer: Layer, options: Options, definition: Definition) -> Parameters:
    """Read the values of the keys of a layer's type."""
    if layer.weights:
        return Parameters(rates=read_rates(layer, options, definition))
    if layer.type in NORMS:
        k = options.real("minDiv", 1.0) if _has_constant(layer, definition.dialect) else 1.0
        if k <= 0:
            raise options.report_error("bad-value", "minDiv needs a number above 0", "minDiv")
        return Parameters(norm=Norm(options.real("scale", low=0.0), options.real("pow"), k))
    if layer.type == "hs":
        return Parameters(drop=Drop(layer.values["keep"], options.flag("enable")))
    if layer.type in ("dropout", "dropout2"):
        return Parameters(drop=Drop(options.real("keep", 0.5, 0.0, 1.0), options.flag("enable", True)))
    if layer.is_cost:
        return _cost(layer, options, definition)
    if layer.type == "pool" and layer.values["pool"] == "rand":
        return Parameters(takes_max=options.flag("doMax", False))
    if layer.type == "eltsum" and definition.dialect == "v2":
        return Parameters(factors=factors_of_sum(options, len(layer.inputs)))
    return Parameters()


def _of_all_layers(layer: Layer, options: Options, dialect: Dialect) -> float:
    """Read the keys that sections of all types may have, and return the rate with which the layer drops values."""
    for key in _QUANTIZERS if dialect == "2012" else ():
        if options.choice(key, ("default", "half"), "default") == "half":
            message = f"{key}=half rounded the transfers between GPUs; a spec cannot express this"
            options.warn("cfg-left-out", message, key)
    dropout = 0.0
    for key in _dropout_keys(layer):
        if options.has(key) and (rate := options.real(key, low=0.0, high=1.0)):
            message = f"{key} is read as by a fork: it drops values before the layer's neuron, and scales them in tests"
            options.warn("cfg-old-habit", message, key)
            dropout = rate
    return dropout


def _cost(layer: Layer, options: Options, definition: Definition) -> Parameters:
    coeff = options.real("coeff")
    if layer.type == "cost.logreg":
        classes = definition.layers[layer.inputs[1]].outputs
        options.integer("topk", 1, high=MAX_NUMBER if definition.dialect == "2012" else classes)
    if layer.type in ("cost.bce", "cost.dce"):
        return Parameters(coeff=coeff, class_weight=options.real("posWeight", 1.0, 0.0))
    if layer.type == "cost.msm":
        return Parameters(coeff=coeff, set_size=_set_size(options, definition.layers[layer.inputs[1]].outputs))
    return Parameters(coeff=coeff)


def _set_size(options: Options, classes: int) -> int:
    """Read how many classes a set of ``cost.msm`` has. ``threads`` is checked and ignored."""
    size = options.integer("setSize", low=1)
    if size >= classes:
        raise options.report_error("bad-value", f"setSize={size} is not less than its {classes} classes", "setSize")
    options.integer("threads", low=1, high=32)
    return size
