"""The solver as the keys of a train line.

Caffe's iterations, of ``iter_size`` batches each, are steps of a spec. The formulas of the rates are those of
``GetLearningRate`` in src/caffe/solvers/sgd_solver.cpp. The updates of all solvers
(``ComputeUpdateValue`` in the files beside it) are a spec's, except for the place of Adam's eps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.importers.caffe.learning.numbers import unfit
from netspec.importers.caffe.learning.substitutes import substitute
from netspec.importers.caffe.schema.record import Record
from netspec.importers.spec.problem import Inexpressible
from netspec.keys.texts import call, number

_OLD_TYPES = {
    "SGD": "SGD", "NESTEROV": "Nesterov", "ADAGRAD": "AdaGrad", "RMSPROP": "RMSProp", "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}  # fmt: skip
"""Today's names of solvers by those of ``solver_type``."""

_SGD = ("sgd", {"momentum": "momentum"})
_ARGUMENTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "SGD": _SGD,
    "Nesterov": _SGD,
    "AdaGrad": ("adagrad", {"eps": "delta"}),
    "RMSProp": ("rmsprop", {"rho": "rms_decay", "eps": "delta"}),
    "AdaDelta": ("adadelta", {"rho": "momentum", "eps": "delta"}),
    "Adam": ("adam", {"beta1": "momentum", "beta2": "momentum2", "eps": "delta"}),
}
"""Caffe's solvers: the word of the update rule in a spec, and the fields that are its arguments."""

_REALS = ("base_lr", "momentum", "momentum2", "rms_decay", "delta", "clip_gradients", "weight_decay", "gamma", "power")


@dataclass(frozen=True, slots=True)
class Solved:
    """The keys of the train line, substitutes, and what a spec cannot express."""

    train: Mapping[str, str]
    substitutes: tuple[Diagnostic, ...] = ()
    problems: tuple[Inexpressible, ...] = ()


@dataclass(slots=True)
class _Translation:
    """A solver while it is translated. ``bias_decays``: some biases decay."""

    solver: Record
    bias_decays: bool
    problems: list[Inexpressible] = field(default_factory=list)
    substitutes: list[Diagnostic] = field(default_factory=list)

    def cannot(self, reason: str, *fields: str) -> None:
        self.problems.append(Inexpressible(reason, self.solver.place(*fields)))

    def above(self, name: str, least: float, *, or_equal: bool = True) -> bool:
        """Whether a number is at least, or above, ``least``. If not, reports it."""
        value = self.solver.real(name)
        if value > least or (or_equal and value == least):
            return True
        self.cannot(
            f"{name} must be {'at least' if or_equal else 'above'} {number(least)}, and is {number(value)}", name
        )
        return False


def train_line(solver: Record, batch: int | None, *, bias_decays: bool) -> Solved:
    """Translate a message SolverParameter.

    ``batch`` is the number of images that the network reads at once, ``None`` if it does not say. ``bias_decays``: some
    biases of the network decay.
    """
    t = _Translation(solver, bias_decays)
    for name in _REALS:
        if reason := unfit(name, solver.real(name)):
            t.cannot(reason, name)
    if t.problems:
        return Solved({}, problems=tuple(t.problems))
    keys: dict[str, str] = {}
    if solver.integer("max_iter") > 0:
        keys["steps"] = str(solver.integer("max_iter"))
    else:
        t.cannot("max_iter is not given: Caffe would take no step", "max_iter")
    parts = solver.integer("iter_size")
    if parts < 1:
        t.cannot("iter_size must be at least 1", "iter_size")
    elif batch is not None:
        keys["batch"] = str(batch * parts)
    if parts > 1 and batch is None:
        t.cannot("iter_size divides batches, and the network does not state their size", "iter_size")
    elif parts > 1:
        keys["accumulate"] = str(parts)
    keys["optimizer"] = _optimizer(t)
    schedule = _schedule(t)
    if schedule:
        keys["schedule"] = schedule
    keys |= _clip(t, max(1, parts))
    return Solved(keys, tuple(t.substitutes), tuple(t.problems))


def _clip(t: _Translation, parts: int) -> dict[str, str]:
    """Return the limit of the gradients' norm, if there is one. ``ClipGradients`` limits their sum over all parts of a
    batch before ``Normalize`` takes the mean, of which a spec limits the norm."""
    limit = t.solver.real("clip_gradients")
    if limit == 0:
        t.cannot("clip_gradients is 0: Caffe multiplies all gradients by 0", "clip_gradients")
    return {"clip_gradients": call("norm", number(limit / parts))} if limit > 0 else {}


def _optimizer(t: _Translation) -> str:
    solver, rule = t.solver, _rule(t)
    decay = _decay(t)
    t.above("base_lr", 0)
    word, fields = _ARGUMENTS[rule]
    arguments = {"lr": solver.real("base_lr")} | {name: solver.real(field) for name, field in fields.items()}
    if "eps" in fields:
        t.above("delta", 0, or_equal=False)
    if rule == "Adam":
        t.substitutes.append(_delta(solver))
    if "momentum" not in fields.values() and solver.real("momentum"):
        t.cannot(f"Caffe's {rule} has no momentum, and stops if one is given", "momentum")
    for name in ("momentum", "momentum2", "rms_decay"):
        if name in fields.values() and not 0 <= solver.real(name) < 1:
            t.cannot(f"{name} must be from 0 to below 1, and is {number(solver.real(name))}", name)
    if decay:
        arguments |= {"weight_decay": decay} | ({"bias_decay": decay} if t.bias_decays else {})
    written = [f"{name}={number(value)}" for name, value in arguments.items()]
    written += ["nesterov=yes"] if rule == "Nesterov" else []
    return call(word, *written)


def _delta(solver: Record) -> Diagnostic:
    """Return the substitute for Adam's delta. Caffe's update is m c / (sqrt(s) + delta) with the correction
    c = sqrt(1 - beta2^t) / (1 - beta1^t), and a spec's m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps)."""
    return substitute(
        "a spec's adam adds eps after the correction for the first steps, and Caffe adds delta before it",
        solver.place("type", "solver_type"),
        "both agree after some thousand steps; before that, Caffe's delta is as an eps of delta / sqrt(1 - "
        "momentum2^t) in step t",
    )


def _rule(t: _Translation) -> str:
    """Return the type of the solver, SGD if Caffe has none of this name."""
    solver = t.solver
    if solver.has("type") and solver.has("solver_type"):
        t.cannot("type and solver_type are both given", "solver_type")
    place = "type" if solver.has("type") else "solver_type"
    rule = solver.text("type") if solver.has("type") else _OLD_TYPES[solver.text("solver_type")]
    if rule not in _ARGUMENTS:
        near = nearest(rule, _ARGUMENTS)
        t.cannot(f"Caffe has no solver {rule!r}" + did_you_mean(near), place)
    return rule if rule in _ARGUMENTS else "SGD"


def _decay(t: _Translation) -> float:
    decay, kind = t.solver.real("weight_decay"), t.solver.text("regularization_type")
    if kind not in ("L1", "L2"):
        t.cannot(f"Caffe has no regularization_type {kind!r}: it is L2 or L1", "regularization_type")
    elif kind == "L1" and decay:
        t.cannot("a spec's weight decay is that of squares (L2), not of magnitudes", "regularization_type")
    t.above("weight_decay", 0)
    return decay


def _schedule(t: _Translation) -> str:
    """Return the value of ``schedule=``, empty for a constant rate."""
    policy = t.solver.text("lr_policy")
    if not t.solver.has("lr_policy"):
        t.cannot("lr_policy is not given, without which Caffe stops", "base_lr")
    elif policy in _POLICIES:
        return _POLICIES[policy](t)
    else:
        near = nearest(policy, tuple(_POLICIES))
        t.cannot(f"Caffe has no lr_policy {policy!r}{did_you_mean(near)}", "lr_policy")
    return ""


def _step(t: _Translation) -> str:
    every = t.solver.integer("stepsize")
    if every < 1:
        t.cannot("stepsize must be at least 1 with this lr_policy", "stepsize", "lr_policy")
    return _falling(t, "step", f"every={every}")


def _exp(t: _Translation) -> str:
    return _falling(t, "step", "every=1")


def _multistep(t: _Translation) -> str:
    starts = t.solver.integers("stepvalue")
    if starts and (starts[0] < 1 or starts != sorted(set(starts))):
        t.cannot("a spec's steps(...) needs increasing numbers from 1 on", "stepvalue")
    return _falling(t, "steps", *map(str, starts)) if starts else ""


def _falling(t: _Translation, word: str, *when: str) -> str:
    """Return a schedule that multiplies the rate by gamma at times; empty if gamma is 1."""
    gamma = t.solver.real("gamma")
    if not 0 < gamma <= 1:
        t.cannot(f"a spec's {word}(...) multiplies the rate by a factor above 0 up to 1, not {number(gamma)}", "gamma")
    return call(word, *when, f"factor={number(gamma)}", "unit=steps") if gamma != 1 else ""


def _inv(t: _Translation) -> str:
    gamma, power = t.solver.real("gamma"), t.solver.real("power")
    checked = t.above("gamma", 0) and t.above("power", 0)
    return call("inverse", f"gamma={number(gamma)}", f"power={number(power)}") if checked and gamma and power else ""


def _poly(t: _Translation) -> str:
    power = t.solver.real("power")
    return call("poly", f"power={number(power)}") if t.above("power", 0) and power else ""


def _sigmoid(t: _Translation) -> str:
    gamma, center = number(t.solver.real("gamma")), t.solver.integer("stepsize")
    if center < 0:
        t.cannot("a spec's sigmoid(...) has its center at a step from 0 on", "stepsize")
    return call("sigmoid", f"gamma={gamma}", f"center={center}")


_POLICIES: Mapping[str, Callable[[_Translation], str]] = {
    "fixed": lambda t: "",
    "step": _step,
    "exp": _exp,
    "inv": _inv,
    "multistep": _multistep,
    "poly": _poly,
    "sigmoid": _sigmoid,
}
