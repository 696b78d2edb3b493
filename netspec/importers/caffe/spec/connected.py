"""Fully connected layers."""

from __future__ import annotations

from netspec.importers.caffe.net.problem import Inexpressible
from netspec.importers.caffe.spec.learnt import weighted
from netspec.importers.caffe.spec.lines import Site, axis_of, described, outputs_of
from netspec.ir.shape import Shape


def inner_product(site: Site) -> None:
    """A fully connected layer."""
    parameter, x = site.parameter("inner_product_param"), site.value(0)
    outputs = outputs_of(site, parameter)
    if axis_of(parameter, x) != 1:
        reason = f"it reads axis {parameter.integer('axis')} and those after it of {described(x)}"
        raise Inexpressible(f"{reason}; a spec's fc reads all of them", parameter.place("axis"))
    if parameter.flag("transpose"):
        raise Inexpressible("its weights are transposed", parameter.place("transpose"))
    weighted(site, "fc", x, {"outputs": str(outputs)}, Shape(outputs), (outputs, x.shape.units))
