"""Weight constraints, as the keys ``wball``, ``wcNormMin`` and ``wcNormMax``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.learning.constraints import norm_key, norm_of, std_of
from netspec.ir.constraint import BOUNDS, FREE, Constraint, incoming
from netspec.ir.graph import Parameter

from .sections import listed
from .site import Site


def constraints(site: Site, type_: str, weights: Sequence[Parameter]) -> dict[str, str]:
    """Return the keys that constrain a section's weight matrices, and warn of constraints that are left out.

    ``weights`` holds the parameter of each matrix, one per input of the section.
    """
    owned = [w for w in weights if w.layer == site.layer.name and w.constraint]
    problems = (problem for w in owned for problem in _inexpressible_bounds(site, type_, w, weights))
    for message, keys in dict.fromkeys(problems):
        site.draft.problems.add_warning(site.layer.name, message, *keys)
    expressible = [_expressible_bounds(site, type_, w, weights) for w in weights]
    norms = [bound for c in expressible for bound in (c.max_norm or c.fixed_norm,)]
    bounds_by_key = {
        "wball": (norms, norm_of(site.draft.dialect)),
        "wcNormMin": ([c.min_std for c in expressible], std_of),
        "wcNormMax": ([c.max_std for c in expressible], std_of),
    }
    return {
        key: listed(_file_value(bound, w, rule) for bound, w in zip(bounds, weights, strict=True))
        for key, (bounds, rule) in bounds_by_key.items()
        if any(bound is not None for bound in bounds)
    }


def _inexpressible_bounds(
    site: Site, type_: str, w: Parameter, weights: Sequence[Parameter]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a message for each bound of a weight that the files cannot express, with the spec's keys of the bound."""
    bounds = w.constraint
    if weights.count(w) > 1:
        reason = "in cuda-convnet its weights are several matrices, to each of which the bounds would apply separately"
        yield f"its bounds are left out: {reason}", BOUNDS
        return
    key = norm_key(type_, site.draft.dialect)
    other_key = "max_norm" if key == "fixed_norm" else "fixed_norm"
    if getattr(bounds, other_key) is not None:
        version = "cuda-convnet of 2012" if site.draft.old else "version 2 of cuda-convnet"
        behaviour = "only scales weights down to a largest norm" if key == "max_norm" else "scales weights to one norm"
        yield f"{version} {behaviour} in {type_}; {other_key} is left out", (other_key,)
    elif bounds.fixed_norm is not None and type_ == "sfc" and bounds.parts == 1:
        message = "sfc takes the norm over all parts together, which is norm_over=parts; fixed_norm is left out"
        yield message, ("fixed_norm",)
    if (bounds.min_std is not None or bounds.max_std is not None) and type_ != "conv":
        yield "cuda-convnet bounds the deviation of weights only in conv; it is left out", ("min_std", "max_std")
    elif bounds.min_std is not None and bounds.max_std is None:
        yield "wcNormMin has no effect without wcNormMax; min_std is left out without a max_std", ("min_std",)


def _expressible_bounds(site: Site, type_: str, w: Parameter, weights: Sequence[Parameter]) -> Constraint:
    """Return the bounds of a weight that the files can express."""
    bounds = w.constraint
    if w.layer != site.layer.name or weights.count(w) > 1:
        return FREE
    key = norm_key(type_, site.draft.dialect)
    stds = (bounds.min_std, bounds.max_std) if type_ == "conv" and bounds.max_std is not None else (None, None)
    norm = getattr(bounds, key) if type_ != "sfc" or bounds.parts > 1 else None
    return Constraint(norm, None, *stds) if key == "max_norm" else Constraint(None, norm, *stds)


def _file_value(bound: float | None, w: Parameter, rule: Callable[[float, int], float]) -> str:
    """Return the shortest number that ``rule``, the importer's, converts to the bound; 0 for no bound.

    The rule maps a file's number and a unit's number of inputs to the bound.
    """
    if bound is None:
        return "0"
    fan_in = math.prod(w.shape[axis] for axis in incoming(w.shape))
    estimate = bound / rule(1.0, fan_in)
    estimate *= bound / rule(estimate, fan_in)
    rounded = (float(f"{estimate:.{digits}g}") for digits in range(1, 18))
    return format_literal(next((value for value in rounded if rule(value, fan_in) == bound), estimate))
