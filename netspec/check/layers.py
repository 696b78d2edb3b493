"""The walk over the layers of a file: check each layer's inputs, shape and claim, and report each mistake once.

The output of a layer with a mistake is unknown to its readers, unless the layer claims a shape: then the readers are
checked against the claim. If a claim and the arithmetic disagree, the claim is believed and the computed shape is kept
as an alternative, so that mistakes below that only follow from this disagreement are not reported again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from netspec.check.arithmetic import channel_arithmetic, shape_arithmetic
from netspec.check.cache import LayerCache, LayerStatement, LoweringKey
from netspec.check.claims import Stated, in_axis_order, report_axis_order
from netspec.check.counts import notes_on_counts, refute_counts
from netspec.check.facts import LayerFacts
from netspec.check.lower import Lowered, Request, lower, renamed, reshaped
from netspec.check.mismatch import MAX_LABELS, odd_shapes
from netspec.check.placement import placement_of
from netspec.check.reading import Reader
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.check.wiring import Wiring, read_only_by_gathering
from netspec.diagnostics import Label
from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.graph import SPLIT, WHOLE, Placement
from netspec.ir.ops import Loss, Op
from netspec.ir.shape import Shape
from netspec.language.syntax import Section, Word, by_key
from netspec.lowering import Grouping, LayerType, Operand
from netspec.source import Span

_ADJOINT = {"conv", "deconv"}
"""Types that may share weights: a deconv's are laid out as those of the convolution whose adjoint it is."""


class Output(NamedTuple):
    """A layer's output, as far as it is known. ``alternative`` is its shape if a claim here or above is wrong."""

    operand: Operand
    alternative: Shape | None = None
    lowered: Lowered | None = None

    @property
    def is_loss(self) -> bool:
        return self.lowered is not None and isinstance(self.lowered.nodes[-1].op, Loss)


class Result(NamedTuple):
    """What was computed of a layer: its output, the input shapes used, and the operation that failed, if one did."""

    value: Output | None
    reads: tuple[Shape, ...] = ()
    failed: Op | None = None


class Walk:
    """Checks the sections in order and keeps the output of each."""

    def __init__(
        self,
        sections: Sequence[Section],
        wiring: Wiring,
        settings: Settings,
        findings: Findings,
        input_shape: Shape | None,
        cache: LayerCache,
    ) -> None:
        self.sections = sections
        self.wiring = wiring
        self.settings = settings
        self.groups = settings.groups or 1
        self.findings = findings
        self.cache = cache
        self.reader = Reader(settings, findings, input_shape, cache)
        self.values: list[Output | None] = []
        self.facts: list[LayerFacts] = []

    @cached_property
    def _gathered(self) -> frozenset[int]:
        return read_only_by_gathering(self.sections, self.wiring)

    def check_sections(self) -> None:
        """Check all sections, or as many as it takes to find too many mistakes."""
        for number in range(len(self.sections)):
            if self.findings.full:
                break
            self._check_section(number)

    def _check_section(self, number: int) -> None:
        """Check one section. All sections before it must have been checked."""
        section = self.sections[number]
        inputs = self.wiring.inputs[number]
        statement = self.reader.read(section, len(inputs or ()))
        stated = Stated(section, statement.shape, statement.counts)
        result = self._compute(number, statement, stated)
        value = result.value
        if value is None and stated.shape is not None:
            stated = in_axis_order(stated, statement.values or {}, result.reads, self.findings)
            value = self._claimed(stated, statement, inputs)
        self.values.append(value)
        self.facts.append(_facts(statement, stated, inputs, value, result))

    def _compute(self, number: int, statement: LayerStatement, stated: Stated) -> Result:
        """Compute a layer's output as far as possible, and report why not if it is not."""
        layer_type, values = statement.type, statement.values
        inputs = self.wiring.inputs[number]
        if layer_type is None:
            return Result(None)
        if values is None or inputs is None or not self._inputs_fit(number, layer_type, inputs):
            if layer_type.key("weights") and _names_weights_owner(self.sections[number]):
                self._weights_owner(number, layer_type)  # report an unknown name in spite of the other mistakes
            return Result(None)
        request = self._request(number, layer_type, values, inputs)
        read = [value for i in inputs if (value := self.values[i]) is not None]
        if request is None or len(read) < len(inputs):
            return Result(None)
        return self._lower(request, read, stated, statement)

    def _claimed(self, stated: Stated, statement: LayerStatement, inputs: tuple[int, ...] | None) -> Output | None:
        """Return the value that a layer that could not be computed claims, unless that is impossible."""
        assert stated.shape is not None
        placement = self._likely_placement(statement.type, statement.values, inputs)
        if placement.split and stated.shape.channels % self.groups != 0:
            return None
        return Output(Operand(stated.section.name.text, stated.shape, placement))

    def _inputs_fit(self, number: int, layer_type: LayerType, inputs: tuple[int, ...]) -> bool:
        section = self.sections[number]
        name = section.name.text
        least, most = layer_type.arity
        if len(inputs) < least and len(section.values) > 1:
            return False  # inputs written without ``inputs=`` or a comma are reported already
        if len(inputs) < least or (most is not None and len(inputs) > most):
            needs = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            self.findings.add(
                "wrong-inputs",
                f"{name} reads {plural(len(inputs), 'layer')}; {layer_type.name} needs {needs}",
                _inputs_span(section),
                notes=("inputs=a,b names the layers that it reads",),
                layer=name,
            )
            return False
        for i in inputs:
            value = self.values[i]
            if value and value.is_loss:
                self.findings.add(
                    "reads-loss",
                    f"{name} reads {self.sections[i].name.text}, which is a loss",
                    _inputs_span(section),
                    notes=("a loss is only minimised; no layer can read it",),
                    layer=name,
                )
                return False
        return True

    def _request(
        self, number: int, layer_type: LayerType, values: Mapping[str, Any], inputs: tuple[int, ...]
    ) -> Request | None:
        section = self.sections[number]
        owner: Lowered | None = None
        if values.get("weights"):
            target = self._weights_owner(number, layer_type)
            value = self.values[target] if target is not None else None
            if value is None or value.lowered is None:
                return None
            owner = value.lowered
        grouping: Grouping = (
            "gathers" if layer_type.name == "flatten" and number in self._gathered else layer_type.grouping
        )
        names = tuple(self.sections[i].name.text for i in inputs)
        return Request(section.name.text, layer_type, grouping, values, names, self.groups, self.settings.train, owner)

    def _weights_owner(self, number: int, layer_type: LayerType) -> int | None:
        """Return the index of the layer that ``weights=`` names. Report it if its weights cannot be shared."""
        section = self.sections[number]
        name, word = section.name.text, by_key(section.pairs)["weights"].value
        if not isinstance(word, Word):
            self.findings.add("bad-value", "weights: needs the name of one layer", word.span, layer=name)
            return None
        target = self.wiring.index.get(word.text)
        if target is None:
            self.findings.unknown_layer(word, self.wiring.index, name)
            return None
        if target >= number:
            self.findings.add(
                "reads-later-layer",
                f"{name} takes the weights of {word.text}, which is not above it",
                word.span,
                layer=name,
            )
            return None
        facts = self.facts[target]
        if facts.type and facts.type != layer_type.name and {facts.type, layer_type.name} != _ADJOINT:
            self.findings.add(
                "weights-mismatch",
                f"{name} is {layer_type.name} and cannot take the weights of {word.text}, which is {facts.type}",
                word.span,
                layer=name,
            )
            return None
        return target

    def _lower(self, request: Request, read: Sequence[Output], stated: Stated, statement: LayerStatement) -> Result:
        """Lower a layer and check its claim against the result."""
        operands = [v.operand for v in read]
        lowered: Lowered | None = None
        fault: Fault | None = None
        try:
            lowered = self._lower_cached(request, operands, statement)
        except Fault as error:
            fault = error
        alternative: Lowered | None = None
        if any(v.alternative is not None for v in read):
            alternative_operands = reshaped(operands, [v.alternative or v.operand.shape for v in read])
            alternative = self._lower_alternative(request, alternative_operands)
            if alternative and (lowered is None or alternative.value.shape == stated.shape != lowered.value.shape):
                # Only the shapes computed above make this layer possible, or prove its claim: believe them from now on.
                lowered, alternative, operands = alternative, None, list(alternative_operands)
        reads = tuple([o.shape for o in operands])
        if lowered is None:
            assert fault is not None
            self._report_fault(fault, request, operands, stated.section)
            return Result(None, reads, fault.operation if isinstance(fault.operation, Op) else None)
        shape: Shape | None = None
        if alternative and stated.shape is None and alternative.value.shape != lowered.value.shape:
            shape = alternative.value.shape
        value = self._check_claim(Output(lowered.value, shape, lowered), lowered, stated, request.name, alternative)
        return Result(value, reads)

    def _report_fault(self, fault: Fault, request: Request, operands: Sequence[Operand], section: Section) -> None:
        if fault.code == "missing-key" and len(section.values) > 1:
            return  # values without their keys are reported already
        labels = self._vector_labels(request.name) if fault.code == "needs-image" else ()
        if fault.code == "shapes-differ" and request.type.grouping != "weights":
            labels = self._mismatch_labels(request, operands)
        self.findings.fault(fault, request.name, section.values[0].span, by_key(section.pairs), labels)

    def _lower_cached(self, request: Request, operands: Sequence[Operand], statement: LayerStatement) -> Lowered:
        """Lower a layer, or rename the cached result of an equal one. Raises ``Fault``."""
        if request.owner is not None:
            return lower(request, operands)
        names = request.input_names
        reads = tuple([(o.shape, o.placement, names.index(n)) for o, n in zip(operands, names, strict=True)])
        key = LoweringKey(statement, request.grouping, reads)
        own_key = key, request.name, request.input_names
        own = self.cache.by_name.find(own_key)
        if own is None:
            equal = self.cache.by_key.find(key) or self.cache.by_key.keep(key, lower(request, operands))
            own = self.cache.by_name.keep(own_key, renamed(equal, request))
        return own

    def _vector_labels(self, name: str) -> tuple[Label, ...]:
        """Label the layer that made the vector that the named layer reads."""
        inputs: Sequence[int] = self.wiring.inputs[self.wiring.index[name]] or ()
        first = None
        while inputs and (read := self.values[inputs[0]]) and not read.operand.shape.is_image:
            first = self.facts[inputs[0]]
            inputs = first.inputs
        if first is None or not first.section.values:
            return ()
        return (Label(first.section.values[0].span, f"{first.name} makes a vector"),)

    def _mismatch_labels(self, request: Request, operands: Sequence[Operand]) -> tuple[Label, ...]:
        """Label the inputs whose shapes do not match those of the others."""
        shapes = [operand.shape for operand in operands]
        odd = odd_shapes(shapes, multiplied=request.type.name == "product")
        mismatches = dict.fromkeys((request.input_names[n], shapes[n]) for n in odd)
        spans = {name: self.facts[self.wiring.index[name]].section.name.span for name, _ in mismatches}
        return tuple(Label(spans[name], f"{name} is {shape}") for name, shape in mismatches)[:MAX_LABELS]

    def _likely_placement(
        self, layer_type: LayerType | None, values: Mapping[str, Any] | None, inputs: tuple[int, ...] | None
    ) -> Placement:
        """Guess the placement of a layer that could not be computed but claims a shape."""
        read = [v.operand for i in inputs or () if (v := self.values[i])]
        gpu = (values or {}).get("gpu")
        if layer_type and read and self.groups > 1:
            try:
                return placement_of(layer_type.grouping, gpu, read, self.groups)
            except Fault:
                return WHOLE
        weighted = layer_type is None or layer_type.grouping == "weights"
        return SPLIT if weighted and self.groups > 1 else WHOLE

    def _lower_alternative(self, request: Request, operands: Sequence[Operand]) -> Lowered | None:
        """Lower the layer as it is if the refuted claims above it are wrong."""
        try:
            return lower(request, operands)
        except Fault:
            return None

    def _check_claim(
        self, value: Output, lowered: Lowered, stated: Stated, name: str, alternative: Lowered | None
    ) -> Output:
        """Prove or refute a claim, and return the value that the readers are checked against.

        ``alternative`` is the layer as it is if refuted claims above it are wrong.
        """
        computed = lowered.value.shape
        if stated.shape is None or stated.shape == computed:
            self._check_counts(stated, lowered, (computed,), alternative)
            return value
        assert stated.shape_span is not None
        if computed.is_image and stated.shape == (*computed[1:], computed[0]):
            report_axis_order(stated, computed, self.findings)
            self._check_counts(stated, lowered, (computed,), alternative)
            return value
        only_channels = computed.is_image and stated.shape[1:] == computed[1:]
        notes = channel_arithmetic(lowered.steps) if only_channels else shape_arithmetic(lowered.steps)
        if self.settings.groups is not None:
            notes = (*notes, *notes_on_counts(stated, lowered, stated.shape))
        message = f"{name} is {computed}, not {stated.shape}"
        self.findings.add("claim-refuted", message, stated.shape_span, notes=notes, layer=name)
        self._check_counts(stated, lowered, (computed, stated.shape))
        return Output(Operand(name, stated.shape, lowered.value.placement), computed, lowered)

    def _check_counts(
        self, stated: Stated, lowered: Lowered, shapes: tuple[Shape, ...], alternative: Lowered | None = None
    ) -> None:
        """Refute claimed counts, unless the number of GPU groups, which they depend on, is not known."""
        if self.settings.groups is not None:
            refute_counts(self.findings, stated, lowered, lowered.layer.name, shapes, alternative)


def _facts(
    statement: LayerStatement, stated: Stated, inputs: tuple[int, ...] | None, value: Output | None, result: Result
) -> LayerFacts:
    """Collect the facts of a layer. ``value`` is its output, or the one that it claims."""
    return LayerFacts(
        stated.section,
        statement.type.name if statement.type else None,
        statement.values or {},
        inputs or (),
        result.reads,
        value.lowered if value else None,
        stated,
        result.failed,
    )


def _inputs_span(section: Section) -> Span:
    """The span of ``inputs=``, or of the layer's type if it has none."""
    pair = by_key(section.pairs).get("inputs")
    return pair.span if pair else section.values[0].span


def _names_weights_owner(section: Section) -> bool:
    """Whether ``weights=`` is given and is a name."""
    return "weights" in section.body.keys and isinstance(by_key(section.pairs)["weights"].value, Word)
