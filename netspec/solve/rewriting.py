"""Write changes of keys (``--set``) and another input shape (``--input``) into a spec's own text.

Comments and line breaks stay. Claims that hold stay too; what the changes refute of them is left out. What a variant
inherits is changed by a line in the variant, never in its base.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.check import check, check_file
from netspec.check.claims import read_claim, read_network_claim
from netspec.check.report import Findings
from netspec.check.totals import computed_totals
from netspec.diagnostics import Diagnostic, Edit, SpecError, apply
from netspec.diagnostics.fixes import insertion, removal
from netspec.ir.shape import Shape
from netspec.keys.counts import Count, all_hold
from netspec.language.parser import parse, parse_change
from netspec.language.syntax import Claim, Number, Pair, Section, Setting, Value, Values, Word, by_key
from netspec.language.variants import EITHER, Texts
from netspec.language.written import written
from netspec.solve.edits import addition
from netspec.source import Source, Span

Keys = Sequence[tuple[str, str]]
"""Keys and the texts of their values."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A changed spec, not laid out. ``refuted`` are the layers whose claims were left out, in file order, after
    "the network" if the ``net`` line's claim was; with the parts in brackets if it was not all of the claim."""

    source: Source
    refuted: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """One line on the claims that were left out, empty if there are none."""
        if not self.refuted:
            return ""
        claims = "claim" if len(self.refuted) == 1 else "claims"
        layers = ", ".join(self.refuted)
        return f"{self.source.name}: left out the {claims} of {layers}: not true of the changed network"


def rewritten(texts: Texts, shape: Shape | None = None) -> Rewritten:
    """Return the spec's own text with the changes of ``texts``, and with the input ``shape``, if any, written into it.

    The spec must check with these changes. Raises ``SpecError`` for what a variant's text cannot express.
    """
    unchanged = replace(texts, changes=())
    layers = {section.name.text for section in unchanged.file().sections}
    source = texts.root
    for change in texts.changes:
        for section in parse_change(change).sections:
            keys = [(pair.key.text, written(pair.value)) for pair in section.pairs]
            source = _with_keys(source, section.name.text, keys, layer=section.name.text in layers)
    if shape is not None:
        source = _with_crop(replace(unchanged, root=source), shape)
        source = _with_shape(replace(unchanged, root=source), shape)
    return _without_refuted_claims(replace(unchanged, root=source))


def _with_keys(source: Source, name: str, keys: Keys, *, layer: bool) -> Source:
    """Give a layer or a setting other values of keys, in its own line or, if there is none, in a new one."""
    statement = _layer(source, name) if layer else _setting(source, name)
    if statement is None:
        head = f"[{name}]" if layer else name
        return _with_line(source, "  ".join([head, *_assignments(keys)]), layer=layer, first=name == "net")
    old = by_key(statement.pairs)
    edits = [Edit(old[key].value.span, text) for key, text in keys if key in old]
    new = [(key, text) for key, text in keys if key not in old]
    if name == "train" and not layer:
        replacing = {EITHER[key]: f"{key}={text}" for key, text in new if EITHER.get(key) in old}
        edits += [Edit(old[key].span, text) for key, text in replacing.items()]
        new = [(key, text) for key, text in new if EITHER.get(key) not in old]
    return _edited(source, (*edits, addition(source, statement, _assignments(new))))


def _with_crop(texts: Texts, shape: Shape) -> Source:
    """Give ``augment`` the crop of another input shape, without ``from=`` if that is too small for it."""
    source = texts.root
    inherited = next((s for s in texts.file().settings if s.word.text == "augment"), None)
    pairs = by_key(inherited.pairs if inherited else ())
    square = shape.is_image and shape.height == shape.width
    if "crop" in pairs and square:
        source = _with_keys(source, "augment", [("crop", str(shape.height))], layer=False)
    lost = {"crop"} if not square else set[str]()
    longer = max(shape.height, shape.width)
    # with a colour, images smaller than the crop are padded, and only those of validation need its size
    pads = "fill" in pairs and written(pairs["fill"].value) != "reflect"
    if "from" in pairs and _side(pairs["from"], mean=pads) < longer:
        lost |= {"from"} if "pad" in pairs else {"from", "fill"}
    own = _setting(source, "augment")
    source = _without_pairs(source, own, lost) if own else source
    tests = _setting(source, "test")
    tested = by_key(tests.pairs).get("from") if tests else None
    return _without_pairs(source, tests, {"from"}) if tests and tested and _side(tested) < longer else source


def _side(pair: Pair, *, mean: bool = False) -> float:
    """Return the number of a pair; of several, the first or the ``mean``, as of the sides of images."""
    values = pair.value.items if isinstance(pair.value, Values) else (pair.value,)
    numbers = [value.value for value in values if isinstance(value, Number)] or [math.inf]
    return sum(numbers) // len(numbers) if mean else numbers[0]


def _without_pairs(source: Source, setting: Setting, lost: set[str]) -> Source:
    left = [pair for pair in setting.pairs if pair.key.text not in lost]
    spans = [pair.span for pair in setting.pairs if pair.key.text in lost] if left else [setting.span]
    return _edited(source, (Edit(span, "") for span in spans))


def _with_shape(texts: Texts, shape: Shape) -> Source:
    """Give the input another shape. In a variant, the whole line of its base is repeated with this shape."""
    source = texts.root
    merged = next(s for s in texts.file().sections if isinstance(s.values[0], Word) and s.values[0].text == "input")
    own = _layer(source, merged.name.text)
    if own is not None and own.values:
        place = own.values[1].span if len(own.values) > 1 else _after(own.values[0].span)
        return _edited(source, [Edit(place, f" {shape}" if place.start == place.end else str(shape))])
    given = by_key(own.pairs) if own else {}
    inherited = [written(pair) for pair in merged.pairs if pair.key.text not in given]
    words = ["input", str(shape), *inherited]
    if own is None:
        return _with_line(source, "  ".join([f"[{merged.name.text}]", *words]), layer=True, first=False)
    return _edited(source, [Edit(_after_name(own), " " + "  ".join(words))])


def _without_refuted_claims(texts: Texts) -> Rewritten:
    source = texts.root
    checked = check_file(texts.file().without_claims(), texts=texts)
    facts = {layer.name: layer for layer in checked.layers}
    net = _setting(source, "net")
    false: list[tuple[str, Claim, list[Value | Pair]]] = []
    if net and net.claim and checked.graph:
        counts = read_network_claim(net.claim, Findings(source))
        false.append(("the network", net.claim, [*_refuted(net.claim, counts, computed_totals(checked.graph))]))
    for section in parse(source).sections:
        if section.claim:
            layer = facts[section.name.text]
            shape, counts = read_claim(section.claim, Findings(source), layer.name)
            wrong = () if shape in (None, layer.computed) else section.claim.values
            false.append((layer.name, section.claim, [*wrong, *_refuted(section.claim, counts, layer.counts)]))
    refuted, edits = list[str](), list[Edit]()
    for name, claim, parts in (one for one in false if one[2]):
        whole = len(parts) == len(claim.values) + len(claim.pairs)
        words = ", ".join(part.key.text if isinstance(part, Pair) else "shape" for part in parts)
        refuted.append(name if whole else f"{name} ({words})")
        edits += _removal(source, claim) if whole else [removal(part.span) for part in parts]
    source = _edited(source, edits)
    problems = check(replace(texts, root=source)).errors
    if problems:
        raise SpecError(_as_unwritten(problems, source))
    return Rewritten(source, tuple(refuted))


def _refuted(claim: Claim, stated: Mapping[str, Count], true: Mapping[str, int]) -> Iterator[Pair]:
    """Yield the counts of a claim that are not true; not those that cannot be read, which are mistakes."""
    for pair in claim.pairs:
        count = stated.get(pair.key.text)
        if count is not None and not all_hold({pair.key.text: count}, true):
            yield pair


def _as_unwritten(problems: Iterable[Diagnostic], source: Source) -> tuple[Diagnostic, ...]:
    note = f"{source.name} is not changed: this would be its mistake with the changes written into it"
    return tuple(replace(d, notes=(*d.notes, note)) for d in problems)


def _removal(source: Source, claim: Claim) -> list[Edit]:
    """Return the edits that remove a claim, but no comment between its parts."""
    arrow = source.text.rindex("->", 0, claim.span.start)
    parts = sorted((part.span for part in (*claim.values, *claim.pairs)), key=lambda span: span.start)
    return [Edit(span, "") for span in (Span(source, arrow, arrow + 2), *parts)]


def _with_line(source: Source, line: str, *, layer: bool, first: bool) -> Source:
    """Add a line: that of a layer below the last layer, the ``first`` above the first statement, others at the end."""
    file = parse(source)
    spans = [*(s.span for s in file.sections), *(s.span for s in file.settings)]
    place = len(source.text)
    if first:
        place = min(span.start for span in spans)
    elif layer and file.sections:
        next_line = source.position(file.sections[-1].span.end)[0]
        place = [*source.line_starts, place][next_line]
    before = source.newline if place and source.text[place - 1] not in "\r\n" else ""
    if not (layer or first) and file.sections and file.sections[-1].span.start == max(span.start for span in spans):
        before += source.newline  # a blank line between the layers and the settings below them
    return _edited(source, [insertion(source, place, f"{before}{line}{source.newline}")])


def _after_name(section: Section) -> Span:
    return Span(section.span.source, section.name_end, section.name_end)


def _after(span: Span) -> Span:
    return Span(span.source, span.end, span.end)


def _layer(source: Source, name: str) -> Section | None:
    return next((s for s in parse(source).sections if s.name.text == name), None)


def _setting(source: Source, word: str) -> Setting | None:
    return next((s for s in parse(source).settings if s.word.text == word), None)


def _assignments(keys: Keys) -> list[str]:
    return [f"{key}={text}" for key, text in keys]


def _edited(source: Source, edits: Iterable[Edit]) -> Source:
    return Source(source.name, apply(edits, source.text))
