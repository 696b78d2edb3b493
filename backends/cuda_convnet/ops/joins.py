"""Sections of concat, sum, max, softmax, dropout, flatten and reshape layers, and of neurons that stand alone."""

from __future__ import annotations

from netspec.formatting import format_literal
from netspec.ir.ops import VOCABULARY, Concat, Dropout, Flatten, Max, Neuron, Reshape, Softmax, Sum

from ..neurons import word
from ..sections import Part, Section, listed
from ..site import Emissions, Site


def concat(site: Site, op: Concat) -> Section:
    """``concat``. If each input lies on one GPU, in order, the section of a GPU reads only that GPU's input."""
    indices = range(len(site.layer.inputs))
    if site.member is not None and not all(site.reads_own_share(i) for i in indices):
        inputs: tuple[Part, ...] = site.parts(site.member)
    else:
        inputs = tuple(part for i in indices for part in site.parts(i))
    return site.section("concat", inputs, {})


def total(site: Site, op: Sum) -> Section:
    """``eltsum``."""
    inputs = _all(site)
    ones = {} if site.draft.old else {"coeffs": listed("1" for _ in inputs)}
    return site.section("eltsum", inputs, {}, **ones)


def largest(site: Site, op: Max) -> Section:
    """``eltmax``."""
    return site.section("eltmax", _all(site), {})


def _all(site: Site) -> tuple[Part, ...]:
    return tuple(site.single(i) for i in range(len(site.layer.inputs)))


def softmax(site: Site, op: Softmax) -> Section:
    """``softmax`` of a vector."""
    read = site.single()
    if read.shape.is_image and read.shape[1:] != (1, 1):
        raise site.error(f"cuda-convnet's softmax is of a vector, and it reads {read.shape}")
    return site.section("softmax", (read,), {})


def dropout(site: Site, op: Dropout) -> Section:
    """``hs`` in 2012, ``dropout2`` or ``dropout`` in version 2."""
    read = site.single()
    if op.choices(read.shape) != read.shape:
        site.error(
            "cuda-convnet drops single units only, not whole channels or images", "over", instead=("over=units",)
        )
    keep = format_literal(round(1 - op.rate, 12))
    if site.draft.old:
        if op.scaling == "train":
            message = "hs of 2012 does not divide by 1 - rate in training, but multiplies by it in evaluation"
            site.error(message, "scaling", "rate", instead=("scaling=test", "--dialect v2"))
        return site.section("hs", (read,), {"keep": keep}, enable="true")
    type_ = "dropout2" if op.scaling == "test" else "dropout"
    return site.section(type_, (read,), {}, enable="true", keep=keep)


def vector(site: Site, op: Flatten | Reshape) -> Section:
    """``concat`` of one input, for a flatten or reshape layer with a neuron."""
    return site.section("concat", (site.single(),), {})


def neuron(site: Site, op: Neuron) -> Section:
    """``neuron``."""
    return site.section("neuron", (site.single(),), {"neuron": word(site, op)})


EMITTED: Emissions = {
    Concat: concat,
    Sum: total,
    Max: largest,
    Softmax: softmax,
    Dropout: dropout,
    Flatten: vector,
    Reshape: vector,
    **{op: neuron for op in VOCABULARY if issubclass(op, Neuron)},
}
