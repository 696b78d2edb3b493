"""Read the parameter file: learning rates, weight decay, and the parameters of normalisations, dropout and costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.definition import KINDS
from netspec.importers.cuda_convnet.layers.elementwise import factors_of_sum
from netspec.importers.cuda_convnet.layers.forks import notes_in_parameters
from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.learning.constraints import bounds
from netspec.importers.cuda_convnet.learning.history import Held, beginning, warn_of_last_state
from netspec.importers.cuda_convnet.learning.model import Drop, Learning, Norm
from netspec.importers.cuda_convnet.learning.norms import NORMS, passed_over, to_be_moved
from netspec.importers.cuda_convnet.learning.passes import Updates, passes, period, updates
from netspec.importers.cuda_convnet.learning.rates import Rates, of_biases, of_weights, rates_2012, rates_v2
from netspec.importers.cuda_convnet.learning.runs import runs_of
from netspec.importers.cuda_convnet.learning.schedules import CONSTANT
from netspec.importers.cuda_convnet.lenient import Lenient
from netspec.importers.cuda_convnet.options import LARGEST, Options, Refused, shortened
from netspec.importers.cuda_convnet.reading import Config, Section
from netspec.units import count, literal

_WEIGHTS = ("epsW", "epsB", "momW", "momB", "wc", "wball", "superEps", "superMom")
_2012 = ("schedW", "schedB", "quantF", "quantB")
_OF_COSTS = {
    "cost.logreg": ("topk",),
    "cost.bce": ("posWeight",),
    "cost.dce": ("posWeight",),
    "cost.msm": ("setSize", "threads"),
}


def read_params(config: Config, definition: Definition, findings: Findings, *, history: bool = False) -> Learning:
    """Read the parameter file of a layer file.

    ``history``: return the settings at the beginning of the first run in its notes, instead of those in the file.
    """
    if any("type" in section.options for section in config.sections.values()):
        first = next(section for section in config.sections.values() if "type" in section.options)
        message = f"{config.source.name} has layers, with type=, and no parameters: it is a layer file"
        findings.add("cfg-no-section", message, first.options["type"].span)
        return Learning()
    reader = _Reader(config, definition, findings)
    reader.sections()
    reader.unmatched()
    reader.still_parts()
    if history:
        reader.go_back()
    else:
        warn_of_last_state(runs_of(config), reader.held(), findings)
    return reader.learning()


def look_through(config: Config, definition: Definition, findings: Findings) -> None:
    """Report the errors in the sections of accepted layers, if the layer file has errors."""
    found = Findings(config.source)
    _Reader(config, definition, found).sections()
    findings.take(each for each in found.all if each.severity == "error")


class _Reader:
    """The state of reading a parameter file."""

    def __init__(self, config: Config, definition: Definition, findings: Findings) -> None:
        self.config = config
        self.definition = definition
        self.findings = findings
        self.rates: dict[str, Rates] = {}
        self.norms: dict[str, Norm] = {}
        self.drops: dict[str, Drop] = {}
        self.costs: dict[str, float] = {}
        self.positive: dict[str, float] = {}
        self.sets: dict[str, int] = {}
        self.sums: dict[str, tuple[float, ...]] = {}
        self.largest: set[str] = set()
        self.lacking = 0
        self.told: Mapping[str, str] = {}
        self.augment: Mapping[str, str] = {}

    @property
    def old(self) -> bool:
        return self.definition.dialect == "2012"

    def sections(self) -> None:
        """Read the section of every layer."""
        for layer in self.definition.layers.values():
            section = self.config.sections.get(layer.name)
            if section is None:
                self.missing(layer)
                continue
            passed_over(layer)
            try:
                self.layer(layer, Options(section, self.findings))
            except Refused:
                self.look_again(layer, section)

    def missing(self, layer: Layer) -> None:
        """Report a layer without a section, if it needs parameters."""
        needed = (*NORMS, "hs", "dropout", "dropout2", *(() if self.old else ("eltsum",)))
        if not (layer.weights or layer.is_cost or layer.type in needed):
            return
        self.lacking += 1
        layer.options.findings.add(
            "cfg-no-section",
            f"{shortened(layer.name)} needs parameters, and {self.config.source.name} has no section of its name",
            layer.options.section.span,
            notes=to_be_moved(layer),
            layer=layer.name,
        )

    def unmatched(self) -> None:
        """Report sections without a layer. They are errors if layers lack a section, otherwise warnings."""
        without = [name for name in self.definition.layers if name not in self.config.sections]
        for name, section in self.config.sections.items():
            if name not in self.definition.layers:
                near = self.findings.nearest(name, without) if len(name) < 100 else None
                hint = f"; did you mean {near}?" if near else ""
                message = f"there is no layer {shortened(name)}{hint}"
                if self.lacking:
                    self.findings.add("cfg-unmatched-section", message, section.span)
                else:
                    self.findings.warn("cfg-unmatched-section", message, section.span)

    def still_parts(self) -> None:
        """Warn about layers with a rate of 0 for a shared matrix that its owner updates: a spec adds their gradient."""
        for name, r in self.rates.items():
            for shared, lr in zip(self.definition.layers[name].shared, r.lr, strict=True):
                owner = self.rates.get(shared.layer) if shared is not None and not lr else None
                if owner is not None and shared is not None and owner.lr[shared.index]:
                    message = (
                        f"with a rate of 0 it added nothing to the gradient of {shared.layer}'s weights; here it does"
                    )
                    r.options.warn("cfg-left-out", message, "epsW")
                    break

    def layer(self, layer: Layer, options: Options) -> None:
        """Read the section of one layer. Warns about unknown keys even if the section is rejected."""
        try:
            self._values(layer, options)
        finally:
            keys = KINDS[layer.type].all_keys(self.definition.dialect) if layer.type in KINDS else ()
            options.warn_unknown(self._known(layer), notes=notes_in_parameters(keys, self.definition.dialect))

    def look_again(self, layer: Layer, section: Section) -> None:
        """Report the other errors of a rejected section."""
        found = Findings(self.config.source)
        with suppress(Refused):
            _Reader(self.config, self.definition, found).layer(layer, Lenient(section, found, sized=True))
        self.findings.take(found.all)

    def _known(self, layer: Layer) -> Sequence[str]:
        """Return the keys that a layer's section may have."""
        if layer.weights:
            norm = ("wcNormMin", "wcNormMax") if layer.type == "conv" else ()
            return (*_WEIGHTS, *norm, *(_2012 if self.old else ("updatePeriod",)))
        if layer.type in NORMS:
            return ("scale", "pow", *(("minDiv",) if self._constant(layer) else ()))
        if layer.type == "pool":
            return ("doMax",) if layer.values["pool"] == "rand" else ()
        if layer.type == "eltsum":
            return () if self.old else ("coeffs",)
        if layer.is_cost:
            return ("coeff", *_OF_COSTS.get(layer.type, ()))
        return {"hs": ("enable",), "dropout": ("enable", "keep"), "dropout2": ("enable", "keep")}.get(layer.type, ())

    def _constant(self, layer: Layer) -> bool:
        """Whether a normalisation has the additive constant ``minDiv``: in 2012 only that across maps has it."""
        return layer.type == "cmrnorm" or not self.old

    def _values(self, layer: Layer, options: Options) -> None:
        """Read the values in the section of one layer."""
        name = layer.name
        if layer.weights:
            self.rates[name] = self._rates(layer, options)
        elif layer.type in NORMS:
            k = options.real("minDiv", 1.0) if self._constant(layer) else 1.0
            if k <= 0:
                raise options.refuse("bad-value", "minDiv needs a number above 0", "minDiv")
            self.norms[name] = Norm(options.real("scale", low=0.0), options.real("pow"), k)
        elif layer.type == "hs":
            self.drops[name] = Drop(layer.values["keep"], options.flag("enable"))
        elif layer.type in ("dropout", "dropout2"):
            self.drops[name] = Drop(options.real("keep", 0.5, 0.0, 1.0), options.flag("enable", True))
        elif layer.is_cost:
            self._cost(layer, options)
        elif layer.type == "pool" and layer.values["pool"] == "rand":
            if options.flag("doMax", False):
                self.largest.add(name)
        elif layer.type == "eltsum" and not self.old:
            self.sums[name] = factors_of_sum(options, len(layer.inputs))

    def _cost(self, layer: Layer, options: Options) -> None:
        self.costs[layer.name] = options.real("coeff")
        if layer.type == "cost.logreg":
            classes = self.definition.layers[layer.inputs[1]].outputs
            options.integer("topk", 1, high=LARGEST if self.old else classes)
        if layer.type in ("cost.bce", "cost.dce"):
            self.positive[layer.name] = options.real("posWeight", 1.0, 0.0)
        if layer.type == "cost.msm":
            self.sets[layer.name] = self._set(layer, options)

    def _set(self, layer: Layer, options: Options) -> int:
        """Read how many classes a set of ``cost.msm`` has. ``threads`` is checked and ignored."""
        options.integer("threads", 1, 1)
        classes = self.definition.layers[layer.inputs[1]].outputs
        size = options.integer("setSize", low=1)
        if size > classes:
            raise options.refuse("bad-value", f"setSize={size} is more than its {classes} classes", "setSize")
        return size

    def _rates(self, layer: Layer, options: Options) -> Rates:
        n, repeat = len(layer.inputs), not self.old
        own = rates_2012(options, n) if self.old else rates_v2(options, n)
        momentum, bias_momentum = options.reals("momW", n, None, repeat), options.real("momB")
        decay = options.reals("wc", n, 0.0, repeat)
        held = bounds(layer, options, self.definition.dialect)
        divided = options.real("superEps", 0.0)
        if divided > 0 and self.old:
            held = {**held, "super_eps": (literal(divided),) * n}
        for key in ("superMom", *(() if self.old else ("superEps",))):
            if options.real(key, 0.0):
                options.warn("cfg-ignored-key", f"{key} was read and had no effect; it is ignored", key)
        lr, (bias_lr,) = _updating(options, "epsW", own.lr), _updating(options, "epsB", (own.bias_lr,))
        for key, values in {"momW": momentum, "momB": (bias_momentum,)}.items():
            if not 0 <= min(values) <= max(values) < 1:
                raise options.refuse("bad-value", f"{key} needs numbers from 0 up to below 1", key)
        if min(decay) < 0:
            raise options.refuse("bad-value", "wc needs numbers from 0, by which weights decay", "wc")
        passed = None if self.old else period(layer, options, self.definition)
        return Rates(
            options=options,
            lr=lr,
            momentum=momentum,
            decay=decay,
            held=held,
            bias_lr=bias_lr,
            bias_momentum=bias_momentum,
            schedules=own.schedules,
            bias_schedule=own.bias_schedule,
            period=passed,
        )

    def held(self) -> dict[str, Held]:
        """Return each layer's settings in the file."""
        return {
            name: Held(self.definition.layers[name], r.lr, r.bias_lr, any(fall != CONSTANT for fall in r.schedules))
            for name, r in self.rates.items()
        }

    def go_back(self) -> None:
        """Replace the settings in the file by those at the beginning of the run, according to the notes."""
        found = beginning(runs_of(self.config), self.config, self.held(), self.findings)
        self.told, self.augment = found.train, found.augment
        for name, r in self.rates.items():
            schedule = found.schedules.get(name)
            self.rates[name] = replace(
                r, lr=found.lr.get(name, r.lr), bias_lr=found.bias_lr.get(name, r.bias_lr),
                schedules=r.schedules if schedule is None else (schedule,) * len(r.lr),
                bias_schedule=found.bias_schedules.get(name, r.bias_schedule),
            )  # fmt: skip

    def learning(self) -> Learning:
        """Return the result, as keys of a spec."""
        usual = self._usual()
        batch = int(self.told.get("batch", "128"))
        found = self._updates(batch)
        train = {**self.told, "batch": str(batch * found.batches)}
        if self._owners():
            train["optimizer"] = f"sgd(lr={usual['lr']}, momentum={usual['momentum']}, weight_decay={usual['decay']})"
            train |= {"schedule": usual["schedule"]} if usual["schedule"] != CONSTANT.text else {}
            if "bias_schedule" in usual:
                train["bias_schedule"] = usual["bias_schedule"]
        train |= {"accumulate": str(found.parts)} if found.parts > 1 else {}
        return Learning(
            weights={name: of_weights(r, usual) for name, r in self.rates.items()},
            biases={name: of_biases(r, self.definition.layers[name], usual) for name, r in self.rates.items()},
            norms=self.norms,
            drops=self.drops,
            costs=self.costs,
            positive=self.positive,
            sums=self.sums,
            largest=frozenset(self.largest),
            train=train,
            usual=usual,
            augment=self.augment,
            sets=self.sets,
            updates=found.every,
        )

    def _owners(self) -> list[Rates]:
        """Return the rates of layers that have weights of their own."""
        return [r for name, r in self.rates.items() if not all(self.definition.layers[name].shared)]

    def _usual(self) -> dict[str, str]:
        """Return the most common settings, for the train line. ``bias_schedule`` only if it is not ``schedule``."""
        owners = self._owners()
        lr = _commonest(tuple(filter(None, r.lr)) for r in owners)  # ignoring weights that do not learn
        momentum = _commonest(r.momentum for r in owners)
        decay = _commonest(r.decay for r in owners if "super_eps" not in r.held)
        schedule, bias_schedule = self._schedules()
        usual = {"lr": literal(lr), "schedule": schedule, "momentum": literal(momentum), "decay": literal(decay)}
        return usual | ({"bias_schedule": bias_schedule} if bias_schedule != schedule else {})

    def _updates(self, batch: int) -> Updates:
        """Return when the layers are updated. If a spec cannot express it, this is once per batch, with a warning."""
        periods = {name: r.period for name, r in self.rates.items() if r.period and r.learns}
        found, parts = updates(self.definition, periods), passes(self.definition)
        images = found.batches * batch
        if images > LARGEST or (found.every and batch % parts):
            message = f"a batch of {batch} images has not {parts} equal parts; its weights are updated once a batch"
            if images > LARGEST:
                message = f"until all layers are updated together {count(images)} images go by, and a spec's batch has "
                message += f"{count(LARGEST)} at most; it is updated once a batch"
            for name, passed in periods.items():
                if passed != parts:
                    key = "updatePeriod" if self.rates[name].options.has("updatePeriod") else "epsW"
                    self.rates[name].options.warn("cfg-left-out", message, key)
            return Updates()
        return found

    def _schedules(self) -> tuple[str, str]:
        """Return the schedules for the train line: that of most learning weights, and that of most learning biases."""
        layers = self.definition.layers
        weights: Counter[str] = Counter()
        biases: Counter[str] = Counter()
        for name, r in self.rates.items():
            for (rows, columns), rate, schedule in zip(layers[name].weights, r.lr, r.schedules, strict=True):
                weights[schedule.text] += rows * columns if rate else 0
            if r.bias_lr and layers[name].biases:
                biases[r.bias_schedule.text] += 1
        chosen = weights.most_common(1)[0][0] if weights else CONSTANT.text
        return chosen, biases.most_common(1)[0][0] if biases else chosen


def _updating(options: Options, key: str, rates: tuple[float, ...]) -> tuple[float, ...]:
    """Replace negative rates by 0, with a warning: the original updated weights only if their rate was positive."""
    if min(rates) < 0:
        options.warn("cfg-left-out", f"{key} is below 0, and by such a rate nothing was updated; it is 0 here", key)
    return tuple(max(0.0, rate) for rate in rates)


def _commonest(values: Iterable[tuple[float, ...]]) -> float:
    """Return the most common value, or 0 if there are no values."""
    every = [value for each in values for value in each]
    return max(dict.fromkeys(every), key=every.count) if every else 0.0
