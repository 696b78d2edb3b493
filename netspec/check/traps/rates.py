"""The trap of a learning rate that is far too large for its update rule."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check.statements import Settings
from netspec.diagnostics import Diagnostic
from netspec.formatting import format_number
from netspec.ir.rules import Adam, Lamb, Lars, RmsProp, UpdateRule
from netspec.keys.update_rules import word_of

LARGEST_STEP = 0.1
"""A step of every weight, from which on a rate is far too large: ten times what initial weights usually are."""
_SMALL = 0.01
"""Below this, a constant beside the root hardly makes steps smaller."""


def rate_too_large(settings: Settings) -> Iterator[Diagnostic]:
    """Warn if the steps of the rule, which do not become smaller with the gradients, are very large at this rate."""
    train, optimizer = settings.train, settings.pairs("train").get("optimizer")
    found = _too_large(train.rule, train.lr)
    if found is None or optimizer is None:
        return
    usual, why = found
    word = word_of(train.rule)
    message = f"a learning rate of {format_number(train.lr)} is far too large for {word}: usual are {usual}"
    yield Diagnostic("rate-too-large", message, (optimizer.span,), (why,), severity="warning")


def _too_large(rule: UpdateRule, lr: float) -> tuple[str, str] | None:
    """Return which rates are usual, and what a rate does that is too large, or ``None``."""
    step = "a step moves a weight by up to about lr, however small its gradient is, and initial weights are about 0.01"
    match rule:
        case Adam() if lr >= LARGEST_STEP:
            return "0.0001 to 0.01", step
        case RmsProp() if lr >= LARGEST_STEP and max(rule.eps, rule.eps_in_root**0.5) < _SMALL:
            return "0.0001 to 0.01", step
        case Lamb() if lr >= 1:
            return "0.001 to 0.02", "a step is lr times as long as the weights of the layer"
        case Lars() if lr * rule.trust >= 1:
            ratio = f"{format_number(lr)} * {format_number(rule.trust)} = {format_number(lr * rule.trust)}"
            return "1 to 30, with trust=0.001", f"a step is up to lr trust times as long as the weights: {ratio}"
    return None
