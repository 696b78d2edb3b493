"""The parameter file: learning rates, decay, and the numbers of normalisations, dropout and costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.constraints import Bounds, bounds
from netspec.importers.cuda_convnet.definition import KINDS
from netspec.importers.cuda_convnet.forks import notes_in_parameters
from netspec.importers.cuda_convnet.history import Held, beginning, warn_of_last_state
from netspec.importers.cuda_convnet.learning import Drop, Learning, Norm
from netspec.importers.cuda_convnet.lines import number
from netspec.importers.cuda_convnet.model import Definition, Layer
from netspec.importers.cuda_convnet.options import Options, Refused, shown
from netspec.importers.cuda_convnet.reading import Config
from netspec.importers.cuda_convnet.runs import runs_of
from netspec.importers.cuda_convnet.schedules import CONSTANT, Schedule, rate_v2, schedule_2012
from netspec.units import plural

_NORMS = ("cmrnorm", "rnorm", "cnorm")
_WEIGHTS = ("epsW", "epsB", "momW", "momB", "wc", "wball", "superEps", "superMom")
_2012 = ("schedW", "schedB", "quantF", "quantB")


@dataclass(frozen=True, slots=True)
class Rates:
    """The learning of one layer's weights (one value an input) and biases."""

    options: Options
    lr: tuple[float, ...]
    momentum: tuple[float, ...]
    decay: tuple[float, ...]
    held: Mapping[str, Bounds]
    bias_lr: float
    bias_momentum: float
    schedules: tuple[Schedule, ...]
    bias_schedule: Schedule


def read_params(config: Config, definition: Definition, findings: Findings, *, history: bool = False) -> Learning:
    """What a parameter file says of the layers of a definition. ``history``: with the rates, and what else is told,
    with which the first run of its notes began."""
    if any("type" in section.options for section in config.sections.values()):
        first = next(section for section in config.sections.values() if "type" in section.options)
        message = f"{config.source.name} has layers, with type=, and no parameters: it is a layer file"
        findings.add("cfg-no-section", message, first.options["type"].span)
        return Learning()
    reader = _Reader(config, definition, findings)
    for layer in definition.layers.values():
        section = config.sections.get(layer.name)
        if section is None:
            reader.missing(layer)
            continue
        try:
            reader.layer(layer, Options(section, findings))
        except Refused:
            continue
    reader.unmatched()
    if history:
        reader.go_back()
    else:
        warn_of_last_state(runs_of(config), reader.held(), findings)
    return reader.learning()


class _Reader:
    """A parameter file being read."""

    def __init__(self, config: Config, definition: Definition, findings: Findings) -> None:
        self.config = config
        self.definition = definition
        self.findings = findings
        self.rates: dict[str, Rates] = {}
        self.norms: dict[str, Norm] = {}
        self.drops: dict[str, Drop] = {}
        self.costs: dict[str, float] = {}
        self.positive: dict[str, float] = {}
        self.sums: dict[str, tuple[float, ...]] = {}
        self.largest: set[str] = set()
        self.lacking = 0
        self.told: Mapping[str, str] = {}
        self.augment: Mapping[str, str] = {}

    @property
    def old(self) -> bool:
        return self.definition.dialect == "2012"

    def missing(self, layer: Layer) -> None:
        """A layer whose parameters are needed has no section."""
        needed = (*_NORMS, "hs", "dropout", "dropout2", *(() if self.old else ("eltsum",)))
        if not (layer.weights or layer.is_cost or layer.type in needed):
            return
        self.lacking += 1
        layer.options.findings.add(
            "cfg-no-section",
            f"{shown(layer.name)} needs parameters, and {self.config.source.name} has no section of its name",
            layer.options.section.span,
            layer=layer.name,
        )

    def unmatched(self) -> None:
        """Sections that belong to no layer: of another network, where layers of this one lack theirs."""
        for name, section in self.config.sections.items():
            if name not in self.definition.layers:
                near = self.findings.nearest(name, tuple(self.definition.layers)) if len(name) < 100 else None
                hint = f"; did you mean {near}?" if near else ""
                message = f"there is no layer {shown(name)}{hint}"
                if self.lacking:
                    self.findings.add("cfg-unmatched-section", message, section.span)
                else:
                    self.findings.warn("cfg-unmatched-section", message, section.span)

    def layer(self, layer: Layer, options: Options) -> None:
        """The section of one layer."""
        known: Sequence[str] = ()
        name = layer.name
        if layer.weights:
            self.rates[name] = self._rates(layer, options)
            norm = ("wcNormMin", "wcNormMax") if layer.type == "conv" else ()
            known = (*_WEIGHTS, *norm, *(_2012 if self.old else ("updatePeriod",)))
        elif layer.type in _NORMS:
            constant = layer.type == "cmrnorm" or not self.old
            k = options.real("minDiv", 1.0) if constant else 1.0
            self.norms[name] = Norm(options.real("scale"), options.real("pow"), k)
            known = ("scale", "pow", *(("minDiv",) if constant else ()))
        elif layer.type == "hs":
            self.drops[name] = Drop(layer.values["keep"], options.flag("enable"))
            known = ("enable",)
        elif layer.type in ("dropout", "dropout2"):
            self.drops[name] = Drop(options.real("keep", 0.5, 0.0, 1.0), options.flag("enable", True))
            known = ("enable", "keep")
        elif layer.is_cost:
            known = self._cost(layer, options)
        elif layer.type == "pool" and layer.values["pool"] == "rand":
            known = ("doMax",)
            if options.flag("doMax", False):
                self.largest.add(name)
        elif layer.type == "eltsum" and not self.old:
            known = ("coeffs",)
            self.sums[name] = options.reals("coeffs", len(layer.inputs), 1.0, True)
        keys = KINDS[layer.type].known(self.definition.dialect) if layer.type in KINDS else ()
        options.ignored(known, notes=notes_in_parameters(keys, self.definition.dialect))

    def _cost(self, layer: Layer, options: Options) -> Sequence[str]:
        coefficient = options.real("coeff")
        if coefficient < 0:
            raise options.refuse("cfg-not-expressible", "a cost that is made large cannot be said", "coeff")
        self.costs[layer.name] = coefficient
        known = ["coeff"]
        if layer.type == "cost.logreg":
            options.integer("topk", 1, 1)
            known.append("topk")
        if layer.type in ("cost.bce", "cost.dce"):
            self.positive[layer.name] = options.real("posWeight", 1.0, 0.0)
            known.append("posWeight")
        if layer.type == "cost.msm":
            known += ["setSize", "threads"]
        return known

    def _rates(self, layer: Layer, options: Options) -> Rates:
        n, repeat = len(layer.inputs), not self.old
        if self.old:
            lr = options.reals("epsW", n, None, repeat)
            bias_lr = options.real("epsB")
            falls = (schedule_2012(options, "schedW"),) * n
            bias_fall = schedule_2012(options, "schedB")
            for key in ("quantF", "quantB"):
                if options.choice(key, ("default", "half"), "default") == "half":
                    options.warn(
                        "cfg-left-out", f"{key}=half rounded what crosses GPUs; a spec has nothing like it", key
                    )
        else:
            texts = options.words("epsW")
            if len(texts) not in (1, n):
                message = f"epsW lists {plural(len(texts), 'value')} for {plural(n, 'input')}"
                raise options.refuse("bad-value", message, "epsW")
            read = [rate_v2(options, "epsW", text) for text in texts] * (n if len(texts) == 1 else 1)
            lr, falls = tuple(r for r, _ in read), tuple(s for _, s in read)
            bias_lr, bias_fall = rate_v2(options, "epsB", options.text("epsB").strip())
            if options.integer("updatePeriod", 0, 0) > 0 and _passes(self.definition) > 1:
                options.warn(
                    "cfg-left-out", "weights are updated once a batch, not in each of its passes", "updatePeriod"
                )
        momentum, bias_momentum = options.reals("momW", n, None, repeat), options.real("momB")
        decay = options.reals("wc", n, 0.0, repeat)
        held = bounds(layer, options, self.definition.dialect)
        if options.real("superEps", 0.0) and self.old:
            message = "superEps: a spec has not the scaling of gradients by their own mean square; it is left out"
            options.warn("cfg-left-out", message, "superEps")
        numbers = (*lr, *momentum, *decay, bias_lr, bias_momentum)
        if min(numbers) < 0 or max(*momentum, bias_momentum) >= 1:
            keys = ("epsW", "epsB", "momW", "momB", "wc")
            raise options.refuse("bad-value", "rates and decay are at least 0, momentum is below 1", *keys)
        return Rates(options, lr, momentum, decay, held, bias_lr, bias_momentum, falls, bias_fall)

    def held(self) -> dict[str, Held]:
        """The rates that the file holds."""
        return {
            name: Held(self.definition.layers[name], r.lr, r.bias_lr, any(fall.factor != 1 for fall in r.schedules))
            for name, r in self.rates.items()
        }

    def go_back(self) -> None:
        """Take what the notes say of the run's beginning in place of what the file holds."""
        found = beginning(runs_of(self.config), self.config, self.held(), self.findings)
        self.told, self.augment = found.train, found.augment
        for name, r in self.rates.items():
            schedules, bias_schedule = r.schedules, r.bias_schedule
            if found.epochs:
                steps = Schedule("steps", 1 / found.factor, noise=schedules[0].noise, epochs=found.epochs)
                schedules, bias_schedule = (steps,) * len(r.lr), steps
            self.rates[name] = replace(
                r, lr=found.lr.get(name, r.lr), bias_lr=found.bias_lr.get(name, r.bias_lr),
                schedules=schedules, bias_schedule=bias_schedule,
            )  # fmt: skip

    def learning(self) -> Learning:
        """Everything in the words of a spec."""
        owners = {name: r for name, r in self.rates.items() if not all(self.definition.layers[name].shared)}
        lr = _usual(r.lr for r in owners.values())
        momentum = _usual(r.momentum for r in owners.values())
        decay = _usual(r.decay for r in owners.values())
        weights: dict[str, Mapping[str, Bounds]] = {}
        biases: dict[str, Mapping[str, float]] = {}
        for name, r in self.rates.items():
            told = {"lr": (r.lr, lr), "momentum": (r.momentum, momentum), "decay": (r.decay, decay)}
            weights[name] = {key: own for key, (own, usual) in told.items() if set(own) != {usual}} | dict(r.held)
            # A layer with the weights of another says no rates of weights, after which its biases' would be.
            taken = any(self.definition.layers[name].shared[:1])
            first = (lr, momentum) if taken else (r.lr[0], r.momentum[0])
            own_biases = {"bias_lr": (r.bias_lr, first[0]), "bias_momentum": (r.bias_momentum, first[1])}
            biases[name] = {key: own for key, (own, other) in own_biases.items() if own != other}
        train = {**self.told, "batch": self.told.get("batch", "128")}
        if owners:
            train["optimizer"] = f"sgd(lr={number(lr)}, momentum={number(momentum)}, weight_decay={number(decay)})"
            train |= self._schedule()
        usual = {"lr": number(lr), "momentum": number(momentum), "decay": number(decay)}
        largest = frozenset(self.largest)
        return Learning(
            weights, biases, self.norms, self.drops, self.costs, self.positive, self.sums, largest, train, usual,
            self.augment,
        )  # fmt: skip

    def _schedule(self) -> dict[str, str]:
        """The one schedule that a spec has: of most of the weights that learn."""
        layers = self.definition.layers
        used: dict[Schedule, int] = {}
        for name, r in self.rates.items():
            for (rows, columns), rate, fall in zip(layers[name].weights, r.lr, r.schedules, strict=True):
                used[fall] = used.get(fall, 0) + (rows * columns if rate else 0)
        chosen = max(used, key=lambda fall: used[fall]) if used else CONSTANT
        told: set[str] = set()
        for name, r in self.rates.items():
            others = [("W", fall) for fall, rate in zip(r.schedules, r.lr, strict=True) if rate]
            others += [("B", r.bias_schedule)] if r.bias_lr and layers[name].biases else []
            for which, fall in others:
                key = f"{'sched' if self.old else 'eps'}{which}"
                if fall.text != chosen.text and fall.text not in told:
                    told.add(fall.text)
                    r.options.warn(
                        "cfg-left-out",
                        f"a spec has one schedule, {chosen.text}, and not also {fall.text} for these",
                        key,
                    )
        first = next((r.options for r in self.rates.values() if chosen in r.schedules), None)
        key = "schedW" if self.old else "epsW"
        if first is not None and chosen.noise:
            first.warn("cfg-left-out", "a spec's schedules have no noise", key)
        if first is not None and chosen.word == "jdexp":
            first.warn("cfg-substitute", "jdexp jumps up between its steps; dexp, without these, stands in for it", key)
        if first is not None and not chosen.sayable:
            first.warn("cfg-left-out", "a spec has no schedule that rises so; the rate stays as it is", key)
            return {}
        return {} if chosen.word == "constant" else {"schedule": chosen.text}


def _usual(values: Iterable[tuple[float, ...]]) -> float:
    """The value that most have."""
    every = [value for each in values for value in each]
    return max(dict.fromkeys(every), key=every.count) if every else 0.0


def _passes(definition: Definition) -> int:
    """Into how many passes version 2 cut a batch: the most replicas of a layer over the fewest."""
    counts = [len(layer.gpu) for layer in definition.layers.values() if layer.gpu]
    return max(counts) // min(counts) if counts else 1
