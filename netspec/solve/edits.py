"""Edits of a spec's text: setting a layer's keys, a setting's key, or the input's size.

In a variant, inherited values are overridden in the variant itself; the file that it starts from is not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Edit
from netspec.diagnostics.fixes import insertion
from netspec.ir.shape import Shape
from netspec.language.syntax import Section, Setting
from netspec.language.written import written
from netspec.solve.trial import Proposal
from netspec.source import Source, Span


def propose_keys(
    checked: Checked, facts: LayerFacts, values: Mapping[str, str], gives: str = "", more: Sequence[Edit] = ()
) -> Proposal:
    """Propose other values of a layer's keys, together with ``more`` edits that the title does not mention."""
    title = " ".join([facts.name, *(f"{key}={value}" for key, value in values.items())])
    return Proposal(title, (*set_keys(checked, facts, values), *more), gives)


def set_keys(checked: Checked, facts: LayerFacts, values: Mapping[str, str]) -> tuple[Edit, ...]:
    """Return edits that set a layer's keys, replacing their values or adding the keys."""
    edits = []
    new = []
    for key, value in values.items():
        pair = facts.pairs.get(key)
        if pair is not None and _is_own(checked, pair.span):
            edits.append(Edit(pair.value.span, value))
        else:
            new.append(f"{key}={value}")
    if new:
        edits.append(_with_added_keys(checked, facts, " ".join(new)))
    return tuple(edits)


def set_setting(checked: Checked, word: str, key: str, value: str) -> Edit:
    """Return the edit that sets a key of a setting, on a new line if the file does not have the setting."""
    pair = checked.settings.pairs(word).get(key)
    if pair is not None and _is_own(checked, pair.span):
        return Edit(pair.value.span, value)
    statement = _own_setting(checked, word)
    if statement is not None:
        return addition(checked.texts.root, statement, [f"{key}={value}"])
    if word != "net":
        return _appended_line(checked, f"{word} {key}={value}")
    return _inserted(checked, _first_statement(checked), f"{word} {key}={value}{checked.texts.root.newline}")


def set_input(checked: Checked, facts: LayerFacts, shape: Shape) -> tuple[Edit, ...]:
    """Return edits that change the input's shape, or none if its shape is not written in a way that can be changed."""
    values = facts.section.values
    if len(values) < 2:
        return ()
    if _is_own(checked, values[1].span):
        return (Edit(values[1].span, str(shape)),)
    if _own_section(checked, facts) is not None:
        return ()
    keys = "".join(f"  {written(pair)}" for pair in facts.section.pairs)
    return (_appended_line(checked, f"[{facts.name}] input {shape}{keys}"),)


def set_crop(checked: Checked, side: int) -> tuple[Edit, ...]:
    """Return the edit that changes the size of crops, if the file has crops."""
    return (set_setting(checked, "augment", "crop", str(side)),) if checked.settings.augment.crop else ()


def addition(source: Source, statement: Section | Setting, items: Sequence[str]) -> Edit:
    """Return the edit that adds items to a statement of a file, before its claim.

    A key that was changed on the command line is no part of the file.
    """
    begin = statement.name_end if isinstance(statement, Section) else statement.word.span.end
    parts = (*statement.values, *statement.pairs)
    place = max([begin, *(part.span.end for part in parts if part.span.source is source)])
    return insertion(source, place, "".join(f" {item}" for item in items))


def _is_own(checked: Checked, span: Span) -> bool:
    """Whether a span is in the file itself or on the command line, not in a file that it starts from."""
    return span.source not in checked.texts.bases


def _with_added_keys(checked: Checked, facts: LayerFacts, keys: str) -> Edit:
    section = _own_section(checked, facts)
    if section is None:
        return _appended_line(checked, f"[{facts.name}] {keys}")
    return addition(checked.texts.root, section, [keys])


def _own_section(checked: Checked, facts: LayerFacts) -> Section | None:
    """The layer's statement in the file itself, if it has one there."""
    if not checked.texts.bases:
        return facts.section
    name = facts.name
    return next((s for s in checked.texts.own.sections if s.name.text == name), None)


def _own_setting(checked: Checked, word: str) -> Setting | None:
    if not checked.texts.bases and not checked.texts.changes:
        return checked.settings.statements.get(word)
    return next((s for s in checked.texts.own.settings if s.word.text == word), None)


def _first_statement(checked: Checked) -> int:
    """The offset of the first statement."""
    root = checked.texts.root
    spans = [*(s.span for s in checked.file.sections), *(s.span for s in checked.file.settings)]
    return min((span.start for span in spans if span.source is root), default=0)


def _appended_line(checked: Checked, line: str) -> Edit:
    root = checked.texts.root
    line_break = "" if not root.text or root.text.endswith(("\n", "\r")) else root.newline
    return _inserted(checked, len(root.text), f"{line_break}{line}{root.newline}")


def _inserted(checked: Checked, place: int, text: str) -> Edit:
    return insertion(checked.texts.root, place, text)
