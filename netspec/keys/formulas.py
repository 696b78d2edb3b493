"""The formulas of the update rules, in the names of their arguments: what an update does to a weight w with the
gradient g. Their sources are named in ``ir/rules.py``."""

from __future__ import annotations

from netspec.ir.rules import AdaDelta, AdaGrad, Adam, Lamb, Lars, RmsProp, Sgd, UpdateRule

MEAN = "m <- rho m + (1 - rho) g"
"""The running mean of ``rmsprop(centered=yes)``."""

_DECAYED = "g <- g + decay w"
_VELOCITY = "v <- momentum v - decay lr w - lr g"
_SQUARES = "s <- rho s + (1 - rho) g^2"
_MOMENTS = "m <- beta1 m + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2"
_DIRECTION = "(m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)"


def formula(rule: UpdateRule) -> str:
    """Return a rule's assignments in their order: ``v <- momentum v - decay lr w - lr g, then w <- w + v``."""
    match rule:
        case Sgd():
            return f"{_VELOCITY}, then w <- w + " + ("momentum v - decay lr w - lr g" if rule.nesterov else "v")
        case Adam(decoupled=True):
            return f"{_MOMENTS}, then w <- w - lr decay w - lr {_DIRECTION}"
        case Adam():
            return f"{_DECAYED}, {_MOMENTS}, then w <- w - lr {_DIRECTION}"
        case RmsProp():
            mean, inner = (f"{MEAN}, ", "s - m^2") if rule.centered else ("", "s")
            step = f"v <- momentum v - lr g / {_root(rule, inner)}"
            return f"{_DECAYED}, {_SQUARES} from s = start, {mean}{step}, then w <- w + v"
        case AdaGrad():
            return f"{_DECAYED}, s <- s + g^2 from s = start, then w <- w - lr g / {_root(rule, 's')}"
        case AdaDelta():
            step = "d <- g sqrt(m + eps) / sqrt(s + eps), m <- rho m + (1 - rho) d^2"
            return f"{_DECAYED}, {_SQUARES}, {step}, then w <- w - lr d"
        case Lars():
            ratio = "r = trust |w| / (|g| + decay |w| + eps)"
            return f"{ratio}, v <- momentum v - lr r (g + decay w), then w <- w + v"
        case Lamb():
            return f"{_MOMENTS}, u = {_DIRECTION} + decay w, then w <- w - lr (|w| / |u|) u"


def is_numbered(rule: UpdateRule) -> bool:
    """Whether the number t of an update, counted from 1, is in the rule's formula."""
    return isinstance(rule, Adam | Lamb)


def _root(rule: RmsProp | AdaGrad, inner: str) -> str:
    """Return what a step is divided by."""
    return f"sqrt({inner} + eps_in_root)" if rule.eps_in_root else f"(sqrt({inner}) + eps)"
