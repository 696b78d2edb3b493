"""Turn sections into layers with the original's sizes, and report whatever the original's parser rejected."""

from __future__ import annotations

from dataclasses import replace

from netspec.check.report import Findings
from netspec.diagnostics.model import first_line_span
from netspec.formatting import plural
from netspec.importers.cuda_convnet.layers.forks import notes_in_layers
from netspec.importers.cuda_convnet.layers.kinds import Context, Kind, inputs_of
from netspec.importers.cuda_convnet.layers.model import UNKNOWN, Definition, Dialect, Layer, is_cost
from netspec.importers.cuda_convnet.layers.neurons import read_neuron
from netspec.importers.cuda_convnet.layers.second_look import remaining_errors
from netspec.importers.cuda_convnet.layers.types import KINDS, kind_of, unknown_type
from netspec.importers.cuda_convnet.options import Options, SectionError, shortened, suggestion
from netspec.importers.cuda_convnet.reading import Config, Section

MAX_GPUS = 1024

_DATA = ("dataIdx", "start", "end")


def define(config: Config, dialect: Dialect, units: int, findings: Findings) -> Definition:
    """Read every section of a layer file. ``units`` is the number of values per image in the data."""
    definer = _Definer(config, dialect, units, findings)
    return definer.definition()


class _Definer:
    """The state of reading a layer file. Layers that read a rejected layer are rejected without another error."""

    def __init__(self, config: Config, dialect: Dialect, units: int, findings: Findings) -> None:
        self.config = config
        self.dialect: Dialect = dialect
        self.units = units
        self.findings = findings
        self.layers: dict[str, Layer] = {}
        self.rejected: set[str] = set()
        self.labels = _labels_of(config)
        self.unread = _unread_data(config)
        self.has_gpus = any("gpu" in section.options for section in config.sections.values())
        self.data: int | None = None
        self.reader_replicas: dict[str, tuple[int, str]] = {}
        self.with_weights: set[str] = set()
        self.passed_on: dict[tuple[str, int], str] = {}

    def definition(self) -> Definition:
        sections = self.config.sections.values()
        if not any("type" in section.options for section in sections):
            self._report_no_layers()
            return Definition(self.dialect, {}, 0)
        for section in sections:
            if self.findings.full:
                break
            try:
                self.layers[section.name] = self._layer(section)
            except SectionError:
                self.rejected.add(section.name)
                self._report_remaining_errors(section)
        if not self.rejected:
            self._report_unused()
        if not self.has_gpus and self.layers:
            first = next(iter(self.layers.values()))
            self.findings.warn(
                "cfg-old-habit",
                "no layer has gpu=, as in files from before there were several GPUs; one GPU is assumed",
                first.options.section.span,
            )
        return Definition(self.dialect, self.layers, self.data or 0)

    def _report_no_layers(self) -> None:
        """Report that no section is a layer: the file is empty, incomplete, or of another kind."""
        sections = self.config.sections.values()
        first = next((section.span for section in sections), first_line_span(self.config.source))
        notes = ["a layer is a section, [name], with a line type="] if sections else []
        if any("epsw" in section.options for section in sections):
            notes = [
                "it has learning rates, so it may be a parameter file, which is given with its layer file: --params"
            ]
        named = next((section.text("layer-def") for section in sections if "layer-def" in section.options), "")
        if named:
            notes = [f"it has options of noccn, which name the layer file: layer-def={shortened(named)}"]
        if all(d.severity == "warning" for d in self.findings.all):
            self.findings.add("empty-spec", "there is no layer in this file", first, notes=notes)

    def _layer(self, section: Section) -> Layer:
        options = Options(section, self.findings)
        word = options.text("type").strip()
        if word == "data":
            return self._data(options)
        kind = kind_of(word, self.dialect)
        if kind is None:
            raise unknown_type(options, word, self.dialect)
        if kind.word != word:
            options.warn("cfg-old-habit", f"{word} is read as {kind.word}, its present name", "type")
        inputs = self._inputs(options, kind)
        gpu = self._gpu(options, inputs)
        self._replicas(options, inputs, gpu)
        context = Context(
            word=kind.word,
            options=options,
            dialect=self.dialect,
            inputs=inputs,
            gpu=gpu,
            above=self.layers,
            with_weights=self.with_weights,
            passed_on=self.passed_on,
            has_gpus=self.has_gpus,
            rejected=self.rejected,
        )
        try:
            layer = kind.define(context)
        finally:
            self._warn_unknown_keys(options, kind)
        if layer.weights or context.weights_below():
            self.with_weights.add(layer.name)
        if layer.outputs > 2**31 or (layer.outputs < 0 and layer.outputs != UNKNOWN):
            raise options.report_error("too-large", f"it would have {layer.outputs:,} outputs", "outputs", "filters")
        if not layer.is_cost:
            layer = replace(layer, neuron=layer.neuron or read_neuron(options, self.dialect))
        return layer

    def _report_remaining_errors(self, section: Section) -> None:
        """Report the other errors of a rejected section."""
        kind = kind_of(section.text("type"), self.dialect)
        if kind is not None:
            errors = remaining_errors(
                section, kind, self.dialect, self.layers, lambda options: self._warn_unknown_keys(options, kind)
            )
            self.findings.extend(errors.all)

    def _warn_unknown_keys(self, options: Options, kind: Kind) -> None:
        """Warn about keys that a layer type does not have."""
        other: Dialect = "v2" if self.dialect == "2012" else "2012"
        notes = notes_in_layers(self.dialect, kind.version_keys.get(other, ()))
        options.warn_unknown(kind.all_keys(self.dialect), ("partialSum", "sumWidth"), notes)

    def _data(self, options: Options) -> Layer:
        index = options.integer("dataIdx", low=0)
        options.warn_unknown(("type", "gpu", *_DATA[: 1 if self.dialect == "2012" else 3]), ("inputs",))
        labels = options.name in self.labels | self.unread
        if not labels:
            if self.data is not None and self.data != index:
                raise options.report_error(
                    "several-inputs",
                    f"dataIdx={index} is a second matrix of data that layers other than costs read",
                    "dataIdx",
                    notes=(f"the first is dataIdx={self.data}; a spec has one input",),
                )
            self.data = index
        start, end = 0, self.units
        if self.dialect == "v2" and (options.has("start") or options.has("end")):
            start, end = options.integer("start", 0, 0), options.integer("end", self.units, 0)
            if not labels and not start < end <= self.units:
                raise options.report_error(
                    "bad-value",
                    f"numbers {start} to {end} are not within the {self.units:,} of an image",
                    "end",
                    "start",
                )
        outputs = UNKNOWN if labels else end - start
        return Layer(options.name, "data", (), (), outputs, options, values={"dataIdx": index, "start": start})

    def _inputs(self, options: Options, kind: Kind) -> tuple[Layer, ...]:
        inputs: list[Layer] = []
        for name in options.words("inputs"):
            layer = self.layers.get(name)
            if name in self.rejected:
                raise SectionError
            if layer is None:
                raise self._no_input(options, name)
            if layer.outputs == 0:
                raise options.report_error("reads-loss", f"{name} is a cost and has no output", "inputs")
            inputs.append(layer)
        if not kind.accepts_inputs(len(inputs)):
            least, most = kind.inputs
            needs = f"{least}" if least == most else f"at least {least}"
            raise options.report_error(
                "wrong-inputs", f"{kind.word} reads {needs}, not {plural(len(inputs), 'layer')}", "inputs"
            )
        return tuple(inputs)

    def _no_input(self, options: Options, name: str) -> SectionError:
        if name in self.config.sections:
            where = "itself" if name == options.name else f"{shortened(name)}, which stands below it"
            return options.report_error(
                "reads-later-layer", f"it reads {where}", "inputs", notes=("a layer reads what stands above it",)
            )
        hint = suggestion(name, tuple(self.layers), self.findings)
        return options.report_error("unknown-layer", f"there is no layer '{shortened(name)}'{hint}", "inputs")

    def _gpu(self, options: Options, inputs: tuple[Layer, ...]) -> tuple[int, ...]:
        if not options.has("gpu"):
            gpu = inputs[0].gpu
            if not gpu and self.has_gpus:
                raise options.report_error(
                    "missing-key",
                    "it needs gpu=",
                    notes=(f"its first input, {inputs[0].name}, is data, which is on no GPU",),
                )
            return gpu
        if self.dialect == "2012":
            return (options.integer("gpu", low=0, high=MAX_GPUS - 1),)
        gpus = options.integers("gpu", len(options.words("gpu")), low=0, high=MAX_GPUS - 1)
        if len(set(gpus)) < len(gpus):
            raise options.report_error("bad-value", "gpu names one GPU twice", "gpu")
        return gpus

    def _replicas(self, options: Options, inputs: tuple[Layer, ...], gpu: tuple[int, ...]) -> None:
        """Check that a layer's number of replicas fits that of its inputs and of their other readers (version 2)."""
        replicas = max(1, len(gpu))
        sources = [layer for layer in inputs if layer.type != "data"]
        for layer in sources:
            source_replicas = max(1, len(layer.gpu))
            if source_replicas % replicas:
                message = f"its {replicas} replicas do not divide the {source_replicas} of {layer.name}"
                raise options.report_error("cfg-replicas", message, "gpu", "inputs")
            if source_replicas != max(1, len(sources[0].gpu)):
                raise options.report_error(
                    "cfg-replicas", f"{sources[0].name} and {layer.name} have unequal numbers of replicas", "inputs"
                )
        for name in {layer.name for layer in inputs}:
            count, other = self.reader_replicas.setdefault(name, (replicas, options.name))
            if count != replicas:
                raise options.report_error(
                    "cfg-replicas",
                    f"{name} is read by {replicas} replicas of it and {count} of {other}; all readers need as many",
                    "gpu",
                    "inputs",
                )

    def _report_unused(self) -> None:
        used = {name for layer in self.layers.values() for name in layer.inputs}
        for layer in self.layers.values():
            if not layer.is_cost and layer.name not in used:
                layer.options.findings.add(
                    "cfg-unused-layer",
                    f"no layer reads {shortened(layer.name)}, and it is not a cost",
                    layer.options.section.span,
                    layer=layer.name,
                )


def _labels_of(config: Config) -> frozenset[str]:
    """Return the data layers that are labels.

    These are read only by costs, by sums that form the difference that a cost takes, or by sections of an unknown type,
    which may be misspelt costs. They do not come from the data matrix that other layers read. In an incomplete file,
    without costs, they are the data layers that nothing reads.
    """
    data = _data_of(config)
    readers: dict[str, list[Section]] = {}
    for section in config.sections.values():
        for name in inputs_of(section):
            readers.setdefault(name, []).append(section)

    def compares(section: Section) -> bool:
        type_ = section.text("type")
        is_difference = type_ == "eltsum" and not data.keys() >= {*inputs_of(section)}
        return is_difference or is_cost(type_) or type_ not in KINDS

    compared = {name for name, sections in readers.items() if all(map(compares, sections))}
    images = {index for name, index in data.items() if name not in compared and name in readers}
    unread = set() if _is_whole(config) else data.keys() - readers.keys()
    return frozenset(name for name in compared | unread if data.get(name) not in images)


def _unread_data(config: Config) -> frozenset[str]:
    """Return the data layers that nothing reads, in a file with costs, except those of the first matrix, the images."""
    read = {name for section in config.sections.values() for name in inputs_of(section)}
    unread = {name for name, index in _data_of(config).items() if index != "0" and name not in read}
    return frozenset(unread) if _is_whole(config) else frozenset()


def _data_of(config: Config) -> dict[str, str]:
    """Map each data layer to the index of its data matrix, as text."""
    data = {name: section for name, section in config.sections.items() if section.text("type") == "data"}
    return {name: section.text("dataidx") for name, section in data.items()}


def _is_whole(config: Config) -> bool:
    """Whether the file has costs. Without costs it may be incomplete."""
    return any(is_cost(section.text("type")) for section in config.sections.values())
