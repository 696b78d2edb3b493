"""The update rules: how a step changes parameters, given their gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sgd:
    """Stochastic gradient descent as in section 5 of the 2012 paper: v <- momentum v - decay lr w - lr g;  w <- w + v.

    With ``nesterov``, the second part is w <- w + momentum v - decay lr w - lr g, with the new v. This is the rule of
    Sutskever, Martens, Dahl & Hinton (2013), section 2, for the weights at which it takes its gradients. ``momentum``
    is the value for parameters without one of their own.
    """

    momentum: float = 0.9
    nesterov: bool = False


@dataclass(frozen=True, slots=True)
class Adam:
    """Update number t, counted from 1, of Kingma & Ba (2015), algorithm 1: m <- beta1 m + (1 - beta1) g;
    s <- beta2 s + (1 - beta2) g^2;  w <- w - lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps).

    Weight decay is added to the gradient before this, g <- g + decay w, or, if it is ``decoupled``, the weights are
    reduced by it, w <- w - lr decay w: AdamW of Loshchilov & Hutter (2019), algorithm 2, with the learning rate as a
    factor of the decay as in ``torch.optim.AdamW``.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    decoupled: bool = False


@dataclass(frozen=True, slots=True)
class RmsProp:
    """Tieleman & Hinton (2012), lecture 6.5, on g <- g + decay w: s <- rho s + (1 - rho) g^2, at first ``start``;
    v <- momentum v - lr g / (sqrt(s + eps_in_root) + eps);  w <- w + v.

    Implementations differ in which of the two ``eps`` is 0. PyTorch has ``eps`` and starts from 0; TensorFlow 1, with
    which Inception-v3, MobileNet and EfficientNet were trained, has ``eps_in_root`` and starts from 1. If ``centered``,
    the root is of the variance (Graves 2013, formulas 38 to 41): s - m^2 takes the place of s in it, with
    m <- rho m + (1 - rho) g. ``momentum`` is the value for parameters without one of their own.
    """

    rho: float = 0.9
    momentum: float = 0.0
    eps: float = 1e-8
    eps_in_root: float = 0.0
    start: float = 0.0
    centered: bool = False


@dataclass(frozen=True, slots=True)
class AdaGrad:
    """Duchi, Hazan & Singer (2011), with diagonal matrices, on g <- g + decay w: s <- s + g^2, at first ``start``;
    w <- w - lr g / (sqrt(s + eps_in_root) + eps). One of the two ``eps`` is 0, as in ``RmsProp``."""

    eps: float = 1e-8
    eps_in_root: float = 0.0
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class AdaDelta:
    """Zeiler (2012), algorithm 1, on g <- g + decay w: s <- rho s + (1 - rho) g^2;
    d <- g sqrt(m + eps) / sqrt(s + eps);  m <- rho m + (1 - rho) d^2;  w <- w - lr d. The paper has no learning rate:
    its lr is 1."""

    rho: float = 0.95
    eps: float = 1e-6


Adapted = Literal["weights", "all"]
"""The parameters that a rule with trust ratios adapts: weights of connections, or all
(``passes.optimiser_state.adapts``)."""


@dataclass(frozen=True, slots=True)
class Lars:
    """You, Gitman & Ginsburg (2017), algorithm 1: v <- momentum v - lr r (g + decay w);  w <- w + v, with the trust
    ratio r = trust |w| / (|g| + decay |w| + eps).

    The norms are those of a whole parameter, on however many devices it is. The ratio is 1 if one of them is 0, and for
    parameters that the rule does not adapt. ``momentum`` is the value for parameters without one of their own.
    """

    momentum: float = 0.9
    trust: float = 0.001
    eps: float = 1e-8
    adapt: Adapted = "weights"


@dataclass(frozen=True, slots=True)
class Lamb:
    """You et al. (2020), algorithm 2: with m and s of ``Adam``, u = (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) +
    eps) + decay w;  w <- w - lr r u, with the trust ratio r = |w| / |u|, under the conditions of ``Lars``."""

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    adapt: Adapted = "weights"


UpdateRule = Sgd | Adam | RmsProp | AdaGrad | AdaDelta | Lars | Lamb


def momentum_of(rule: UpdateRule) -> float | None:
    """Return the momentum of parameters without one of their own; ``None`` if the rule has none."""
    return rule.momentum if isinstance(rule, Sgd | RmsProp | Lars) else None


def decay_in_gradient(rule: UpdateRule) -> bool:
    """Whether the weight decay is added to the gradient, or to the step, before this is scaled."""
    return not (isinstance(rule, Sgd) or (isinstance(rule, Adam) and rule.decoupled))


@dataclass(frozen=True, slots=True)
class Clip:
    """A limit on the gradients of all parameters that are updated at the same time, before the weight decay is added.

    By ``"norm"`` (Pascanu, Mikolov & Bengio 2013, algorithm 1): if their norm, the root of the sum of the squares of
    all their numbers over the whole network, is above ``max``, they are multiplied by max / norm. By ``"value"``: each
    number below -``max`` becomes -``max``, and each above ``max`` becomes ``max``. Parameters that the update does not
    move, because their rate is 0, do not count.
    """

    by: Literal["norm", "value"]
    max: float
