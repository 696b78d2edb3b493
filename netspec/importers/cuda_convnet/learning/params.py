"""Read the parameter file: learning rates, weight decay, and the parameters of normalisations, dropout and costs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.learning.history import initial_settings, warn_of_last_state
from netspec.importers.cuda_convnet.learning.model import Learning, Parameters
from netspec.importers.cuda_convnet.learning.norms import (
    notes_on_misplaced_parameters,
    warn_of_ignored_parameters,
)
from netspec.importers.cuda_convnet.learning.passes import possible_updates
from netspec.importers.cuda_convnet.learning.rates import Rates, own_bias_keys, own_weight_keys, owners, usual_keys
from netspec.importers.cuda_convnet.learning.runs import runs_of
from netspec.importers.cuda_convnet.learning.schedules import CONSTANT
from netspec.importers.cuda_convnet.learning.sections import needs_section, own_keys, read_section
from netspec.importers.cuda_convnet.lenient import Lenient
from netspec.importers.cuda_convnet.options import Options, SectionError, shortened, suggestion
from netspec.importers.cuda_convnet.reading import Config, Section


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
        warn_of_last_state(runs_of(config), reader.rates, findings)
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
        self.parameters: dict[str, Parameters] = {}
        self.rates: dict[str, Rates] = {}
        self.missing_sections = 0
        self.train: Mapping[str, str] = {}
        self.augment: Mapping[str, str] = {}

    def sections(self) -> None:
        """Read the section of every layer."""
        for layer in self.definition.layers.values():
            section = self.config.sections.get(layer.name)
            if section is None:
                self.missing(layer)
                continue
            warn_of_ignored_parameters(layer)
            try:
                parameters = read_section(layer, Options(section, self.findings), self.definition)
            except SectionError:
                self.report_remaining_errors(layer, section)
                continue
            self.parameters[layer.name] = parameters
            if parameters.rates is not None:
                self.rates[layer.name] = parameters.rates

    def missing(self, layer: Layer) -> None:
        """Report a layer without a section, if it needs parameters."""
        if not needs_section(layer, self.definition.dialect):
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
        without = [
            name
            for name, layer in self.definition.layers.items()
            if name not in self.config.sections and own_keys(layer, self.definition.dialect)
        ]
        for name, section in self.config.sections.items():
            if name not in self.definition.layers:
                message = f"there is no layer {shortened(name)}{suggestion(name, without, self.findings)}"
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

    def report_remaining_errors(self, layer: Layer, section: Section) -> None:
        """Read a rejected section once more, past its first error, and report the others."""
        findings = Findings(self.config.source)
        with suppress(SectionError):
            read_section(layer, Lenient(section, findings, sized=True), self.definition)
        self.findings.extend(findings.all)

    def use_history(self) -> None:
        """Replace the settings in the file by those at the beginning of the run, according to the notes."""
        initial = initial_settings(runs_of(self.config), self.config, self.rates, self.findings)
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
        rates = self.rates
        usual = usual_keys(rates.values())
        batch = int(self.train.get("batch", "128"))
        updates_ = possible_updates(rates, self.definition, batch)
        train = {**self.train, "batch": str(batch * updates_.batches)}
        if owners(rates.values()):
            train["optimizer"] = f"sgd(lr={usual['lr']}, momentum={usual['momentum']}, weight_decay={usual['decay']})"
            train |= {"schedule": usual["schedule"]} if usual["schedule"] != CONSTANT.text else {}
            if "bias_schedule" in usual:
                train["bias_schedule"] = usual["bias_schedule"]
        train |= {"accumulate": str(updates_.parts)} if updates_.parts > 1 else {}
        return Learning(
            weights={name: own_weight_keys(r, usual) for name, r in rates.items()},
            biases={name: own_bias_keys(r, usual) for name, r in rates.items()},
            parameters=self.parameters,
            train=train,
            usual=usual,
            augment=self.augment,
            updates=updates_.every,
        )
