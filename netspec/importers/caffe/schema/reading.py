"""Read a message with the types of its fields, and report what Caffe would not read."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from netspec.check.report import Findings
from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.formatting import listed, plural
from netspec.importers.caffe.schema.messages import MESSAGES
from netspec.importers.caffe.schema.model import FieldType, MessageType, Plain
from netspec.importers.caffe.schema.record import Entry, Record
from netspec.importers.caffe.text_format import Field, Message, Scalar
from netspec.source import Span

_BOOLEANS = {"true": True, "True": True, "t": True, "1": True, "false": False, "False": False, "f": False, "0": False}
_REAL_WORDS = re.compile(r"-?(?:inf|infinity|nan)", re.IGNORECASE)
_SUFFIX = "_param"
_OTHER_LAYERS = "it is of a layer that BVLC's Caffe does not have; other versions of Caffe have more layers"
_READING = "of NVIDIA's Caffe: it says how data are read, and can be left out"
_OF_FORKS = {
    "hole": "of DeepLab's Caffe: it is dilation in BVLC's",
    "hole_h": "of DeepLab's Caffe: it is dilation in BVLC's, given for the height and for the width",
    "hole_w": "of DeepLab's Caffe: it is dilation in BVLC's, given for the height and for the width",
    "scale_bias": "of NVIDIA's Caffe: in BVLC's, a layer Scale with bias_term: true follows the BatchNorm",
    **dict.fromkeys(("threads", "parser_threads", "cache"), _READING),
}
"""Fields of other versions, with what says the same."""
_MANY = 14
"""The most words that a message lists."""


def read_record(message: Message, type_name: str, findings: Findings, layers: Collection[str] = ()) -> Record:
    """Return a message of a type of Caffe's.

    ``findings`` gets ``caffe-field`` for each field that the type does not have, once for the whole file, and
    ``caffe-value`` for each value that its field cannot have. These are not in the result. If ``layers`` are given,
    the known types of layers, unknown fields of layers of other types are not reported.
    """
    reader = _Reader(findings, {}, layers)
    result = reader.record(message, MESSAGES[type_name])
    for (_, name), places in reader.unknown.items():
        reader.report_unknown(name, places)
    return result


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A place at which a message has a field that its type does not have."""

    type: MessageType
    span: Span


@dataclass(frozen=True, slots=True)
class _Reader:
    findings: Findings
    unknown: dict[tuple[str, str], list[_Unknown]]
    layers: Collection[str]

    def record(self, message: Message, type_: MessageType, *, known: bool = True) -> Record:
        """Return a message. Unknown fields of one that is not ``known`` are passed over."""
        entries: dict[str, list[Entry]] = {}
        known = known and not self._is_of_other_layer(message, type_)
        for field in message.fields:
            field_type = type_.fields.get(field.name)
            if field_type is None and not known:
                continue
            if field_type is None:
                places = self.unknown.setdefault((type_.name, field.name), [])
                places.append(_Unknown(type_, field.name_span))
                continue
            if field.name in entries and not field_type.repeated:
                first = entries[field.name][0].span
                self._wrong(f"{field.name} is given twice", field.name_span, f"the first time in line {first.line}")
                continue
            entry = self._entry(field, field_type, known=known)
            if entry is not None:
                entries.setdefault(field.name, []).append(entry)
        return Record(type_, {name: tuple(values) for name, values in entries.items()}, message.span)

    def _is_of_other_layer(self, message: Message, type_: MessageType) -> bool:
        """Whether a message is a layer of an unknown type, of which this is reported."""
        words = [field.value for field in message.fields if type_.name == "LayerParameter" and field.name == "type"]
        return bool(self.layers) and any(isinstance(w, Scalar) and w.text not in self.layers for w in words)

    def _entry(self, field: Field, type_: FieldType, *, known: bool) -> Entry | None:
        if isinstance(field.value, Message):
            if not type_.is_message:
                self._wrong(f"{field.name} must be {_described(type_)}, not a message", field.name_span)
                return None
            return Entry(self.record(field.value, MESSAGES[type_.type], known=known), field.span)
        if type_.is_message:
            note = f"the fields of {type_.type}: {listed(list(MESSAGES[type_.type].fields), _MANY)}"
            self._wrong(f"{field.name} must be a message, {field.name} {{ ... }}", field.value.span, note)
            return None
        value = _value(field.value, type_)
        if value is None:
            self._wrong(f"{field.name} must be {_described(type_)}", field.value.span, *_hint(field.value, type_))
            return None
        return Entry(value, field.span)

    def _wrong(self, message: str, span: Span, *notes: str) -> None:
        self.findings.add("caffe-value", message, span, notes=notes)

    def report_unknown(self, name: str, places: list[_Unknown]) -> None:
        """Report a field that a type does not have, at the first of its places."""
        first, *others = places
        fields = list(first.type.fields)
        near = self._near(name, fields)
        message = f"{first.type.name} has no field {name}" + did_you_mean(near)
        notes = []
        if not near:
            others_fields = _OTHER_LAYERS if name.endswith(_SUFFIX) else f"its fields: {listed(fields, _MANY)}"
            notes = [_elsewhere(name) or others_fields]
        if others:
            notes.append(f"the same {plural(len(others), 'more time')}, next in line {others[0].span.line}")
        self.findings.add("caffe-field", message, first.span, notes=notes)

    def _near(self, name: str, fields: Sequence[str]) -> str | None:
        """Return the field that is probably meant. What all messages of layers end with is not compared."""
        if not name.endswith(_SUFFIX):
            return self.findings.nearest(name, fields)
        stems = [field.removesuffix(_SUFFIX) for field in fields if field.endswith(_SUFFIX)]
        near = self.findings.nearest(name.removesuffix(_SUFFIX), stems)
        return f"{near}{_SUFFIX}" if near else None


def _elsewhere(name: str) -> str:
    """Return which messages have a field of this name, or what it is called here; nothing if none has."""
    if name in _OF_FORKS:
        return _OF_FORKS[name]
    owners = [type_.name for type_ in MESSAGES.values() if name in type_.fields]
    return f"it is a field of {listed(owners, 3)}" if owners else ""


def _value(scalar: Scalar, type_: FieldType) -> Plain | None:
    """Return the value of a field, ``None`` if its type does not have it."""
    if type_.words:
        return _word(scalar, type_)
    if type_.type == "string":
        return scalar.text if scalar.kind == "string" else None
    if scalar.kind == "string":
        return None
    if type_.type == "bool":
        return _BOOLEANS.get(scalar.text)
    return _real(scalar) if type_.type == "float" else _integer(scalar, type_)


def _word(scalar: Scalar, type_: FieldType) -> str | None:
    if scalar.kind == "word":
        return scalar.text if scalar.text in type_.words and scalar.text else None
    number = _whole(scalar.text) if scalar.kind == "number" else None
    return (type_.words[number] or None) if number is not None and 0 <= number < len(type_.words) else None


def _integer(scalar: Scalar, type_: FieldType) -> int | None:
    number, limits = _whole(scalar.text), type_.limits
    return number if number is not None and limits and limits[0] <= number <= limits[1] else None


def _whole(text: str) -> int | None:
    """Return an integer: decimal, hexadecimal with 0x, octal with 0."""
    digits = text.removeprefix("-")
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|[1-9][0-9]*|0[0-7]*", digits) is None or len(digits) > 20:
        return None
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    return int(digits, base) * (-1 if text[0] == "-" else 1)


def _real(scalar: Scalar) -> float | None:
    if scalar.kind == "word":
        return float(scalar.text) if _REAL_WORDS.fullmatch(scalar.text) else None
    hexadecimal = scalar.text.removeprefix("-")[:2] in ("0x", "0X")
    return None if hexadecimal else float(scalar.text.rstrip("fF"))


def _described(type_: FieldType) -> str:
    if type_.words:
        return f"one of {listed([word for word in type_.words if word], len(type_.words))}"
    if type_.limits:
        least, greatest = type_.limits
        return f"a whole number from {least} to {greatest}"
    return {"string": "a string in quotes", "bool": "true or false"}.get(type_.type, "a number")


def _hint(scalar: Scalar, type_: FieldType) -> tuple[str, ...]:
    """Return a note with the value that is probably meant."""
    if type_.words:
        near = nearest(scalar.text, [word for word in type_.words if word])
        return (f"did you mean {near}, without quotes?" if near == scalar.text else f"did you mean {near}?",) * bool(
            near
        )
    return ()
