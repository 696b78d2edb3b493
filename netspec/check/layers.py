"""The walk over the layers of a file: check each layer's inputs, shape and claim, and report each mistake once.

The output of a layer with a mistake is unknown to its readers, unless the layer claims a shape: then the readers are
checked against the claim. If a claim and the arithmetic disagree, the claim is believed and the computed shape is kept
as an alternative, so that mistakes below that only follow from this disagreement are not reported again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from netspec.check.claims import Stated, channel_arithmetic, shape_arithmetic
from netspec.check.counts import also_wrong, refute_counts
from netspec.check.facts import LayerFacts
from netspec.check.known import Circumstances, Known, Reading
from netspec.check.lower import Lowered, Request, lower, renamed, reshaped
from netspec.check.placement import place
from netspec.check.reading import Reader
from netspec.check.report import Findings
from netspec.check.statements import Settings
from netspec.check.wiring import Wiring, read_only_by_gathering
from netspec.diagnostics import Edit, Fix, Label
from netspec.ir.fault import Fault
from netspec.ir.graph import SPLIT, WHOLE, Placement
from netspec.ir.ops import Loss, Op
from netspec.ir.shape import Shape
from netspec.language.syntax import Section, Word, by_key
from netspec.lowering import Grouping, LayerType, Operand
from netspec.source import Span
from netspec.units import plural

MOST_ODD = 4
"""How many of the inputs with mismatching shapes are labelled."""


class Value(NamedTuple):
    """A layer's output, as far as it is known. ``other`` is its shape if its own claim or one above it is wrong."""

    operand: Operand
    other: Shape | None = None
    lowered: Lowered | None = None


class Walk:
    """Checks the sections in order and keeps the output of each."""

    def __init__(
        self,
        sections: Sequence[Section],
        wiring: Wiring,
        settings: Settings,
        findings: Findings,
        input_shape: Shape | None,
        known: Known,
    ) -> None:
        self.sections = sections
        self.wiring = wiring
        self.settings = settings
        self.groups = settings.groups or 1
        self.findings = findings
        self.known = known
        self.reader = Reader(settings, findings, input_shape, known)
        self.values: list[Value | None] = []
        self.facts: list[LayerFacts] = []
        self._failed: dict[str, Op] = {}
        self._reads: dict[str, tuple[Shape, ...]] = {}

    @cached_property
    def _gathered(self) -> frozenset[int]:
        return read_only_by_gathering(self.sections, self.wiring)

    def section(self, number: int) -> None:
        """Check one section. All sections before it must have been checked."""
        section = self.sections[number]
        name = section.name.text
        inputs = self.wiring.inputs[number]
        reading = self.reader.read(section, len(inputs or ()))
        found, values = reading.type, reading.values
        stated = Stated(section, reading.shape, reading.counts)
        value: Value | None = None
        reads: tuple[Shape, ...] = ()
        sound = inputs is not None and all(self.values[i] is not None for i in inputs)
        if found and values is not None and inputs is not None and self._inputs_fit(number, found, inputs):
            request = self._request(number, found, values, inputs)
            if sound and request:
                read = [v for i in inputs if (v := self.values[i])]
                value = self._lower(request, read, stated, reading)
                reads = self._reads.get(name, ())
        elif found and found.grouping == "weights" and _names_an_owner(section):
            self._owner(number, found)  # report an unknown name in spite of the other mistakes
        if value is None and stated.shape is not None:
            stated = self._in_order(stated, name, values or {}, reads)
            assert stated.shape is not None
            placement = self._likely_placement(found, values, inputs)
            if not placement.split or stated.shape.channels % self.groups == 0:
                value = Value(Operand(name, stated.shape, placement))
        self.values.append(value)
        lowered = value.lowered if value else None
        self.facts.append(
            LayerFacts(
                section,
                found.name if found else None,
                values or {},
                inputs or (),
                reads,
                lowered.steps if lowered else (),
                lowered.value.shape if lowered else None,
                stated,
                self._failed.get(name),
            )
        )

    def _inputs_fit(self, number: int, found: LayerType, inputs: tuple[int, ...]) -> bool:
        section = self.sections[number]
        name = section.name.text
        least, most = found.arity
        if len(inputs) < least and len(section.values) > 1 and "inputs" not in section.body.keys:
            return False  # inputs written without ``inputs=`` are reported already
        if len(inputs) < least or (most is not None and len(inputs) > most):
            needs = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            self.findings.add(
                "wrong-inputs",
                f"{name} reads {plural(len(inputs), 'layer')}; {found.name} needs {needs}",
                _inputs_span(section),
                notes=("inputs=a,b names the layers that it reads",),
                layer=name,
            )
            return False
        for i in inputs:
            value = self.values[i]
            if value and value.lowered and isinstance(value.lowered.nodes[-1].op, Loss):
                self.findings.add(
                    "reads-loss",
                    f"{name} reads {self.sections[i].name.text}, which is a loss",
                    _inputs_span(section),
                    notes=("nothing can be computed from a loss but its gradient",),
                    layer=name,
                )
                return False
        return True

    def _request(
        self, number: int, found: LayerType, values: Mapping[str, Any], inputs: tuple[int, ...]
    ) -> Request | None:
        section = self.sections[number]
        owner: Lowered | None = None
        if values.get("weights"):
            target = self._owner(number, found)
            value = self.values[target] if target is not None else None
            if value is None or value.lowered is None:
                return None
            owner = value.lowered
        grouping: Grouping = "gathers" if found.name == "flatten" and number in self._gathered else found.grouping
        names = tuple(self.sections[i].name.text for i in inputs)
        return Request(section.name.text, found, grouping, values, names, self.groups, self.settings.train, owner)

    def _owner(self, number: int, found: LayerType) -> int | None:
        """Return the index of the layer that ``weights=`` names. Report it if its weights cannot be shared."""
        section = self.sections[number]
        name, word = section.name.text, by_key(section.pairs)["weights"].value
        if not isinstance(word, Word):
            self.findings.add("bad-value", "weights: needs the name of one layer", word.span, layer=name)
            return None
        target = self.wiring.index.get(word.text)
        if target is None:
            self.findings.unknown("unknown-layer", "layer", word, self.wiring.index, layer=name)
            return None
        if target >= number:
            self.findings.add(
                "reads-later-layer",
                f"{name} takes the weights of {word.text}, which does not stand above it",
                word.span,
                layer=name,
            )
            return None
        facts = self.facts[target]
        if facts.type and facts.type != found.name:
            self.findings.add(
                "weights-mismatch",
                f"{name} is {found.name} and cannot take the weights of {word.text}, which is {facts.type}",
                word.span,
                layer=name,
            )
            return None
        return target

    def _lower(self, request: Request, read: Sequence[Value], stated: Stated, reading: Reading) -> Value | None:
        """Lower a layer and check its claim against the result."""
        operands = [v.operand for v in read]
        doubtful = any(v.other is not None for v in read)
        others = reshaped(operands, [v.other or v.operand.shape for v in read]) if doubtful else ()
        fault: Fault | None = None
        try:
            lowered = self._lowered(request, operands, reading)
        except Fault as said:
            lowered, fault = None, said
        second = self._second(request, others) if doubtful else None
        if second is not None and (lowered is None or second.value.shape == stated.shape != lowered.value.shape):
            # Only the shapes computed above make this layer possible, or prove its claim: believe them from here on.
            lowered, second, fault, operands = second, None, None, list(others)
        self._reads[request.name] = tuple(o.shape for o in operands)
        if lowered is None:
            assert fault is not None
            labels = self._flattened(request.name) if fault.code == "needs-image" else ()
            if fault.code == "shapes-differ" and request.type.grouping != "weights":
                labels = self._odd(request, operands)
            section = stated.section
            self.findings.fault(fault, request.name, section.values[0].span, by_key(section.pairs), labels)
            if isinstance(fault.operation, Op):
                self._failed[request.name] = fault.operation
            return None
        other: Shape | None = None
        if second is not None and stated.shape is None and second.value.shape != lowered.value.shape:
            other = second.value.shape
        return self._claim(Value(lowered.value, other, lowered), lowered, stated, request.name, second)

    def _lowered(self, request: Request, operands: Sequence[Operand], reading: Reading) -> Lowered:
        """Lower a layer, or rename the cached result of an equal one. Raises ``Fault``."""
        if request.owner is not None:
            return lower(request, operands)
        names = request.input_names
        reads = tuple([(o.shape, o.placement, names.index(n)) for o, n in zip(operands, names, strict=True)])
        alike = Circumstances(reading, request.grouping, reads)

        def by_another_name() -> Lowered:
            return renamed(self.known.alike.get(alike, lambda: lower(request, operands)), request)

        return self.known.lowered.get((alike, request.name, request.input_names), by_another_name)

    def _flattened(self, name: str) -> tuple[Label, ...]:
        """Label the layer that made the vector that the named layer reads."""
        inputs: Sequence[int] = self.wiring.inputs[self.wiring.index[name]] or ()
        maker = None
        while inputs and (read := self.values[inputs[0]]) and not read.operand.shape.is_image:
            maker = self.facts[inputs[0]]
            inputs = maker.inputs
        if maker is None or not maker.section.values:
            return ()
        return (Label(maker.section.values[0].span, f"{maker.section.name.text} makes a vector"),)

    def _odd(self, request: Request, operands: Sequence[Operand]) -> tuple[Label, ...]:
        """Label the inputs whose shapes do not match those of the others."""
        shapes = [operand.shape for operand in operands]
        odd = dict.fromkeys((request.input_names[n], shapes[n]) for n in odd_ones(shapes))
        spans = {name: self.facts[self.wiring.index[name]].section.name.span for name, _ in odd}
        return tuple(Label(spans[name], f"{name} is {shape}") for name, shape in odd)[:MOST_ODD]

    def _likely_placement(
        self, found: LayerType | None, values: Mapping[str, Any] | None, inputs: tuple[int, ...] | None
    ) -> Placement:
        """Guess the placement of a layer that could not be computed but claims a shape."""
        read = [v.operand for i in inputs or () if (v := self.values[i])]
        gpu = (values or {}).get("gpu")
        if found and read and self.groups > 1:
            try:
                return place(found.grouping, gpu, read, self.groups)
            except Fault:
                return WHOLE
        weighted = found is None or found.grouping == "weights"
        return SPLIT if weighted and self.groups > 1 else WHOLE

    def _second(self, request: Request, others: Sequence[Operand]) -> Lowered | None:
        """Lower the layer as it is if the refuted claims above it are wrong."""
        try:
            return lower(request, others)
        except Fault:
            return None

    def _in_order(self, stated: Stated, name: str, values: Mapping[str, Any], reads: Sequence[Shape]) -> Stated:
        """Return the claim of a layer that could not be computed, as channels x height x width.

        A claim that is written height x width x channels is recognised by the layer's number of filters or, for a
        window without filters, by its input's channels. It is reported.
        """
        shape = stated.shape
        read = reads[0].channels if len(reads) == 1 and "kernel" in values else None
        channels = values.get("filters", read)
        if shape is None or not shape.is_image or shape.width != channels or shape.channels == channels:
            return stated
        turned = Shape(shape.width, shape.channels, shape.height)
        self._tell_turned(stated, turned, name)
        return stated._replace(shape=turned)

    def _tell_turned(self, stated: Stated, turned: Shape, name: str) -> None:
        """Report a claim that is written height x width x channels.

        The message does not depend on whether the layer could be computed, so that it stays the same when another
        mistake is fixed.
        """
        assert stated.shape_span is not None
        self.findings.add(
            "claim-refuted",
            f"{name}: a claim is channels x height x width, {turned}, and not {stated.shape}",
            stated.shape_span,
            fixes=(Fix(f"claim {turned}", (Edit(stated.shape_span, str(turned)),)),),
            layer=name,
        )

    def _claim(self, value: Value, lowered: Lowered, stated: Stated, name: str, second: Lowered | None) -> Value:
        """Prove or refute a claim, and return the value that the readers are checked against.

        ``second`` is the layer as it is if refuted claims above it are wrong.
        """
        computed = lowered.value.shape
        if stated.shape is not None and stated.shape != computed:
            assert stated.shape_span is not None
            if computed.is_image and stated.shape == (*computed[1:], computed[0]):
                self._tell_turned(stated, computed, name)
                if self.settings.groups is not None:
                    refute_counts(self.findings, stated, lowered, name, (computed,), second)
                return value
            notes = shape_arithmetic(lowered.steps)
            if computed.is_image and stated.shape[1:] == computed[1:]:
                notes = channel_arithmetic(lowered.steps)
            if self.settings.groups is not None:
                notes = (*notes, *also_wrong(stated, lowered, stated.shape))
            self.findings.add(
                "claim-refuted",
                f"{name} is {computed}, not {stated.shape}",
                stated.shape_span,
                notes=notes,
                layer=name,
            )
            if self.settings.groups is not None:
                refute_counts(self.findings, stated, lowered, name, (computed, stated.shape))
            return Value(Operand(name, stated.shape, lowered.value.placement), computed, lowered)
        if self.settings.groups is not None:
            refute_counts(self.findings, stated, lowered, name, (computed,), second)
        return value


def odd_ones(shapes: Sequence[Shape]) -> list[int]:
    """Return the indices of the shapes that differ from most in height and width or, if those agree, in channels.

    Of two different shapes, both are returned.
    """
    sizes: list[tuple[int, ...]] = [tuple(shape[1:]) for shape in shapes]
    told = sizes if len(set(sizes)) > 1 else [tuple(shape) for shape in shapes]
    (usual, _), *_ = Counter(told).most_common()
    return [n for n, one in enumerate(told) if len(told) == 2 or one != usual]


def _inputs_span(section: Section) -> Span:
    """The span of ``inputs=``, or of the layer's type if it has none."""
    pair = by_key(section.pairs).get("inputs")
    return pair.span if pair else section.values[0].span


def _names_an_owner(section: Section) -> bool:
    """Whether ``weights=`` is given and is a name."""
    return "weights" in section.body.keys and isinstance(by_key(section.pairs)["weights"].value, Word)
