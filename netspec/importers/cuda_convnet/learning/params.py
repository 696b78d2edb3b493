"""Read the parameter file: learning rates, weight decay, and the parameters of normalisations, dropout and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.definition import KINDS
from netspec.importers.cuda_convnet.layers.elementwise import factors_of_sum
from netspec.importers.cuda_convnet.layers.forks import notes_in_parameters
from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.learning.history import initial_settings
from netspec.importers.cuda_convnet.learning.last_state import warn_of_last_state
from netspec.importers.cuda_convnet.learning.model import Drop, Learning, Norm
from netspec.importers.cuda_convnet.learning.norms import (
    NORMS,
    notes_on_misplaced_parameters,
    warn_of_ignored_parameters,
)
from netspec.importers.cuda_convnet.learning.rates import Rates, own_bias_keys, own_weight_keys
from netspec.importers.cuda_convnet.learning.reading_rates import read_rates
from netspec.importers.cuda_convnet.learning.replay import FileRates
from netspec.importers.cuda_convnet.learning.runs import runs_of
from netspec.importers.cuda_convnet.learning.schedules import CONSTANT
from netspec.importers.cuda_convnet.learning.usual import owners, possible_updates, usual_keys
from netspec.importers.cuda_convnet.lenient import Lenient
from netspec.importers.cuda_convnet.options import MAX_NUMBER, Options, SectionError, did_you_mean, shortened
from netspec.importers.cuda_convnet.reading import Config, Section

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
    reader.warn_of_frozen_shares()
    if history:
        reader.use_history()
    else:
        warn_of_last_state(runs_of(config), reader.file_rates(), findings)
    return reader.learning()


def check_params(config: Config, definition: Definition, findings: Findings) -> None:
    """Report the errors in the sections of accepted layers, if the layer file has errors.

    Warnings are left out, and nothing that the sections say is used.
    """
    reader = _Reader(config, definition, Findings(config.source))
    reader.sections()
    findings.extend(diagnostic for diagnostic in reader.findings.all if diagnostic.severity == "error")


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
        self.class_weights: dict[str, float] = {}
        self.set_sizes: dict[str, int] = {}
        self.sums: dict[str, tuple[float, ...]] = {}
        self.max_poolings: set[str] = set()
        self.missing_sections = 0
        self.train: Mapping[str, str] = {}
        self.augment: Mapping[str, str] = {}

    @property
    def is_2012(self) -> bool:
        return self.definition.dialect == "2012"

    def sections(self) -> None:
        """Read the section of every layer."""
        for layer in self.definition.layers.values():
            section = self.config.sections.get(layer.name)
            if section is None:
                self.missing(layer)
                continue
            warn_of_ignored_parameters(layer)
            try:
                self.layer(layer, Options(section, self.findings))
            except SectionError:
                self.report_remaining_errors(layer, section)

    def missing(self, layer: Layer) -> None:
        """Report a layer without a section, if it needs parameters."""
        needed = (*NORMS, "hs", "dropout", "dropout2", *(() if self.is_2012 else ("eltsum",)))
        if not (layer.weights or layer.is_cost or layer.type in needed):
            return
        self.missing_sections += 1
        layer.options.findings.add(
            "cfg-no-section",
            f"{shortened(layer.name)} needs parameters, and {self.config.source.name} has no section with its name",
            layer.options.section.span,
            notes=notes_on_misplaced_parameters(layer),
            layer=layer.name,
        )

    def unmatched(self) -> None:
        """Report sections without a layer. They are errors if layers lack a section, otherwise warnings."""
        without = [name for name in self.definition.layers if name not in self.config.sections]
        for name, section in self.config.sections.items():
            if name not in self.definition.layers:
                message = f"there is no layer {shortened(name)}{did_you_mean(name, without, self.findings)}"
                if self.missing_sections:
                    self.findings.add("cfg-unmatched-section", message, section.span)
                else:
                    self.findings.warn("cfg-unmatched-section", message, section.span)

    def warn_of_frozen_shares(self) -> None:
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

    def report_remaining_errors(self, layer: Layer, section: Section) -> None:
        """Read a rejected section once more, past its first error, and report the others.

        Another reader does it, so that the values of the rejected section are not used.
        """
        other = _Reader(self.config, self.definition, Findings(self.config.source))
        with suppress(SectionError):
            other.layer(layer, Lenient(section, other.findings, sized=True))
        self.findings.extend(other.findings.all)

    def _known(self, layer: Layer) -> Sequence[str]:
        """Return the keys that a layer's section may have."""
        if layer.weights:
            norm = ("wcNormMin", "wcNormMax") if layer.type == "conv" else ()
            return (*_WEIGHTS, *norm, *(_2012 if self.is_2012 else ("updatePeriod",)))
        if layer.type in NORMS:
            return ("scale", "pow", *(("minDiv",) if self._constant(layer) else ()))
        if layer.type == "pool":
            return ("doMax",) if layer.values["pool"] == "rand" else ()
        if layer.type == "eltsum":
            return () if self.is_2012 else ("coeffs",)
        if layer.is_cost:
            return ("coeff", *_OF_COSTS.get(layer.type, ()))
        return {"hs": ("enable",), "dropout": ("enable", "keep"), "dropout2": ("enable", "keep")}.get(layer.type, ())

    def _constant(self, layer: Layer) -> bool:
        """Whether a normalisation has the additive constant ``minDiv``: in 2012 only that across maps has it."""
        return layer.type == "cmrnorm" or not self.is_2012

    def _values(self, layer: Layer, options: Options) -> None:
        """Read the values in the section of one layer."""
        name = layer.name
        if layer.weights:
            self.rates[name] = read_rates(layer, options, self.definition)
        elif layer.type in NORMS:
            k = options.real("minDiv", 1.0) if self._constant(layer) else 1.0
            if k <= 0:
                raise options.report_error("bad-value", "minDiv needs a number above 0", "minDiv")
            self.norms[name] = Norm(options.real("scale", low=0.0), options.real("pow"), k)
        elif layer.type == "hs":
            self.drops[name] = Drop(layer.values["keep"], options.flag("enable"))
        elif layer.type in ("dropout", "dropout2"):
            self.drops[name] = Drop(options.real("keep", 0.5, 0.0, 1.0), options.flag("enable", True))
        elif layer.is_cost:
            self._cost(layer, options)
        elif layer.type == "pool" and layer.values["pool"] == "rand":
            if options.flag("doMax", False):
                self.max_poolings.add(name)
        elif layer.type == "eltsum" and not self.is_2012:
            self.sums[name] = factors_of_sum(options, len(layer.inputs))

    def _cost(self, layer: Layer, options: Options) -> None:
        self.costs[layer.name] = options.real("coeff")
        if layer.type == "cost.logreg":
            classes = self.definition.layers[layer.inputs[1]].outputs
            options.integer("topk", 1, high=MAX_NUMBER if self.is_2012 else classes)
        if layer.type in ("cost.bce", "cost.dce"):
            self.class_weights[layer.name] = options.real("posWeight", 1.0, 0.0)
        if layer.type == "cost.msm":
            self.set_sizes[layer.name] = self._set(layer, options)

    def _set(self, layer: Layer, options: Options) -> int:
        """Read how many classes a set of ``cost.msm`` has. ``threads`` is checked and ignored."""
        options.integer("threads", 1, 1)
        classes = self.definition.layers[layer.inputs[1]].outputs
        size = options.integer("setSize", low=1)
        if size > classes:
            raise options.report_error("bad-value", f"setSize={size} is more than its {classes} classes", "setSize")
        return size

    def file_rates(self) -> dict[str, FileRates]:
        """Return each layer's settings in the file."""
        layers = self.definition.layers
        return {
            name: FileRates(layers[name], r.lr, r.bias_lr, any(schedule != CONSTANT for schedule in r.schedules))
            for name, r in self.rates.items()
        }

    def use_history(self) -> None:
        """Replace the settings in the file by those at the beginning of the run, according to the notes."""
        initial = initial_settings(runs_of(self.config), self.config, self.file_rates(), self.findings)
        self.train, self.augment = initial.train, initial.augment
        for name, r in self.rates.items():
            schedule = initial.schedules.get(name)
            self.rates[name] = replace(
                r, lr=initial.lr.get(name, r.lr), bias_lr=initial.bias_lr.get(name, r.bias_lr),
                schedules=r.schedules if schedule is None else (schedule,) * len(r.lr),
                bias_schedule=initial.bias_schedules.get(name, r.bias_schedule),
            )  # fmt: skip

    def learning(self) -> Learning:
        """Return the result, as keys of a spec."""
        usual = usual_keys(self.rates, self.definition)
        batch = int(self.train.get("batch", "128"))
        updates_ = possible_updates(self.rates, self.definition, batch)
        train = {**self.train, "batch": str(batch * updates_.batches)}
        if owners(self.rates, self.definition):
            train["optimizer"] = f"sgd(lr={usual['lr']}, momentum={usual['momentum']}, weight_decay={usual['decay']})"
            train |= {"schedule": usual["schedule"]} if usual["schedule"] != CONSTANT.text else {}
            if "bias_schedule" in usual:
                train["bias_schedule"] = usual["bias_schedule"]
        train |= {"accumulate": str(updates_.parts)} if updates_.parts > 1 else {}
        return Learning(
            weights={name: own_weight_keys(r, usual) for name, r in self.rates.items()},
            biases={name: own_bias_keys(r, self.definition.layers[name], usual) for name, r in self.rates.items()},
            norms=self.norms,
            drops=self.drops,
            costs=self.costs,
            class_weights=self.class_weights,
            sums=self.sums,
            max_poolings=frozenset(self.max_poolings),
            train=train,
            usual=usual,
            augment=self.augment,
            set_sizes=self.set_sizes,
            updates=updates_.every,
        )
