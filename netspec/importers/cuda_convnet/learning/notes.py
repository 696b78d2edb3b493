"""Interpret a line of the notes on a run that the authors of 2012 kept in comments at the end of its parameter file.

Examples are ``epoch 25: set epsw to 0.001 from 0.01``, ``epoch 72: set epsw to 0 on conv1``, ``init epsw 0.001 on
conv1-5, 0.01 on fc``, ``set color noise to 0 from 0.1`` and ``epoch 91: killed``. They were written for people and
contain typing errors (``epcoh``, ``epstw ot``). Remarks about learning that cannot be interpreted become ``Unread``.
All other remarks are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from netspec.diagnostics.nearest import distance
from netspec.source import Span


@dataclass(frozen=True, slots=True)
class Change:
    """Learning rates are set ``to`` a number, or divided ``by`` one.

    This applies to the given ``layers``; with ``elsewhere``, to all layers that other changes of the same epoch do not
    name; otherwise to all layers. ``was`` is the previous rate if the note states it. ``epoch`` is 0 at the beginning
    of a run; a negative number counts epochs from the previous change. ``biases``: the rate is ``epsB`` instead of
    ``epsW``. ``both``: it is both of them.
    """

    span: Span
    epoch: float
    to: float = 0.0
    by: float = 0.0
    was: float | None = None
    layers: tuple[str, ...] = ()
    elsewhere: bool = False
    biases: bool = False
    both: bool = False


@dataclass(frozen=True, slots=True)
class Colour:
    """The colour noise is set ``to`` a standard deviation. ``was`` is the previous one if the note states it."""

    span: Span
    epoch: float
    to: float
    was: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The run ended, or with ``planned`` was meant to end, at an epoch if the note states it."""

    span: Span
    epoch: float | None
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """The run had batches of this size."""

    span: Span
    size: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A remark about learning that is not understood, or that a spec cannot express. ``why`` says which."""

    span: Span
    why: str


Note = Change | Colour | End | Batch | Unread


MAX_LINE_LENGTH = 400
"""The number of characters of a line that are read."""

_R = r"(?:\d{1,9}\.?\d{0,15}|\.\d{1,15})(?:e(?:-\d{1,2}|\+?\d))?"
_FILL = r"(?:(?:now|then|also|again|and|i|we|just|lets)\s+)*"
_BEGIN = r"(?:start(?:ed|ing)?|init(?:ial(?:ly)?)?|beg[aiu]n(?:ning)?)\b"
_VERB = rf"(?:set|chang|lower|drop|reduc|decreas|divid|cut|rais|increas|put|push|restor|turn)\w*|{_BEGIN}"
_LAYER = r"(?!(?:to|from|by|of|on|in|for|the|all|elsewhere|at|with|both|using)\b)[a-z][\w./+-]*(?:\s+layers?)?"
_AND = r"\s*(?:,|\band\b|&)\s*"
_NAME = rf"(?!(?:{_VERB}|eps[wb]+|and|to)\b)[a-z][\w.-]*"
_NAMES = re.compile(rf"\b{_NAME}(?:{_AND}{_NAME}){{1,20}}(?=\s+eps[wb]+\b)")
_BOTH = re.compile(rf"\beps([wb])(?:{_AND}|\s*/\s*)eps(?!\1)[wb]\b")
_ON = r"(?:on|of|for|in)\s+(?:(?:all|the)\s+)*"
_AT = re.compile(
    r"(?:(?:at|after|in|from)\s+)?([a-z]{2,7})\s*#?\s*(\d{1,6}(?:\.\d{1,9})?)\s*(?:[:,;.-]+|\s|$)\s*(.*)", re.DOTALL
)
"""``epoch 25: set epsw to 0.001``: the unit, the number, and the rest."""
_AFTER = re.compile(rf"(?:after\s+)?({_R})\s+(epoch|batch|minibatch|iteration)\w*\s*[:,;.-]*\s*(.*)", re.DOTALL)
"""``after 25 epochs: ...``, ``25 epochs, ...``: the same with the number first."""
_RATE = re.compile(
    rf"{_FILL}(?:(?P<verb>{_VERB})\s+)?(?:(?:all|the|both|with|at)\s+)*(?:(?P<above>{_LAYER})\s+)?eps(?P<which>wb|[wb])\b"
    rf"(?:\s+(?:{_ON})?(?P<beside>{_LAYER}))??\s*(?:back\s+)?(?:(?:from\s+)?(?P<first>{_R})\s*)?(?:(?:to|of|=|:|->)\s*|\s)"
    rf"(?P<to>{_R})(?:\s+from\s+(?P<was>{_R}))?(?:\s+(?:(?P<rest>elsewhere)|{_ON}(?P<on>{_LAYER})))?"
)
"""``set epsw to 0.001 from 0.01 on conv1``, ``conv1 epsw 0.001``, ``epsw = 0.01 elsewhere``."""
_MORE = re.compile(rf"(?P<to>{_R})(?:\s+from\s+(?P<was>{_R}))?\s+(?:(?P<rest>elsewhere)|{_ON}(?P<on>{_LAYER}))")
"""``0.01 on fc``, ``0.1 elsewhere``: continues an earlier clause about a rate."""
_DIVIDED = re.compile(
    rf"{_FILL}(?:(?:{_VERB})\s+(?:(?:all|the)\s+)*eps(?P<which>wb|[wb])\s+by\s+(?:(?:a|another)\s+)?|another\s+)"
    rf"(?P<factor>factor\s+(?:of\s+)?)?(?P<by>{_R})(?:\s+(?:after|at)\s+(?:epoch\s+)?(?P<at>{_R})(?P<more>\s+more)?(?:\s+epochs?)?)?"
)
"""``divided epsw by 10``, ``another factor of 10 after 20 more epochs``."""
_COLOUR = re.compile(
    rf"{_FILL}(?:(?:{_VERB})\s+)?(?:the\s+)?colou?r\s+noise\s+(?:back\s+)?(?:from\s+(?P<first>{_R})\s+)?(?:(?:to|of|=|:|->)\s*)?(?P<to>{_R})"
    rf"(?:\s+from\s+(?P<was>{_R}))?"
)
"""``set color noise to 0 from 0.1``."""
_STILL = re.compile(
    rf"\(\s*(?:still\s+(?P<to>{_R})\s+on\s+(?P<on>[^()]+)|(?P<who>[^()]+?)\s+still\s+(?P<at>{_R}))\s*\)"
)
"""``(still 0.01 on fc)``, ``(fc still 0.01)``: layers that a change does not apply to."""
_END = re.compile(r"\b(?:kill(?:ed|ing)|on hold|stopped|finished|ended|interrupted)\b")
"""Words for the end of a run."""
_PLANNED = re.compile(rf"\b(?:run|train)\w*\s+(?:this\s+|it\s+)?for\s+({_R})\s+epochs")
"""``train this for 90 epochs``."""
_BATCH = re.compile(
    r"\b(?:mini-?batch|mini|batch)(?:es)?(?:\s+of)?(?:\s+size)?(?:\s+of)?\s+(\d{1,6})\b(?!\s*(?:x|\*|batch|\.\d))"
)
"""``minibatch size 256``, but not ``batch 12.0`` or ``batch 2x128``."""
_LIST = re.compile(rf"(?:(?:all|the)\s+)*(?P<on>{_LAYER})")
"""``conv2``: the next layer in a list."""
_SAYS_SOMETHING = re.compile(r"\d|kill|hold|stop|finish|end|interrupt|dropout")
_ENDED_AFTER = re.compile(rf"after\s+({_R})\s+epochs?")
"""``killed after 60 epochs``: when a run ended."""
_THEN = re.compile(rf"\s+(?:(?:at|after|in|from)\s+epoch\s+(?P<at>{_R})|after\s+(?P<after>{_R})\s+epochs)$")
"""``set epsw to 0.001 at epoch 25``: a time at the end of a clause."""
_LATER = re.compile(rf"\b(?:then|later|afterwards)\b.*{_R}")
"""``then 0.001``: a later change without an epoch."""
_ASIDE = re.compile(r"\((\s*(?:on|for|from|except|all|only|but|not|everywhere)\b[^()]*)\)")
"""``(on conv1)``, ``(all but fc)``: parentheses that are part of the sentence."""
_ITEM = re.compile(r"\A\d{1,2}[.)]\s+(?=[a-z])")
"""``2. ``: the number of a list item."""
_OTHER_TIMES = ("batch", "batches", "iter", "step")
_BARE = re.compile(r"\d{1,6}(?:\.\d{1,9})?\s*:\s*(.*\beps[wb]+\b.*|.*\bcolou?r noise\b.*)", re.DOTALL)
"""``25: epsw 0.001``: a number that is not explicitly an epoch."""
_OTHERWISE = re.compile(
    r"=|->|\bto\s+[\d.]|\bno\s+(?:more\s+)?(?:colou?r|noise|dropout)|\b(?:without|remov\w*|disabl\w*|enabl\w*)\b"
)
"""Words and signs for a change of something."""
_ONE_FOR_THE_RUN = re.compile(r"\b(?:mom\w*|wc|sched\w*|noise)\b.*\bto\b")
"""``momw to 0.95``: a change of something that in a spec has one value for the whole run."""
_DOES = re.compile(rf"{_FILL}(?:{_VERB}|using)\b")
"""``now set ...``, ``using ...``: the beginning of a clause about an action."""
_OF_A_RATE = re.compile(r"\beps[wb]+\b")
_LEARNING = re.compile(r"\beps[wb]+\b|\bnoise\b|\bdropout\b|\bmom\w*\b|\bwc\b|\bsched\w*|\bepochs\b")


def interpret(text: str, span: Span, above: float | None) -> tuple[Note, ...]:
    """Interpret a line of the notes.

    ``above`` is the epoch of the previous line. It also applies to a line that is indented or begins with ``set``.
    """
    line = _plain(text[:MAX_LINE_LENGTH])
    if not _SAYS_SOMETHING.search(line):
        return ()
    epoch, rest = _time(line)
    if epoch is None and rest != line:
        return (Unread(span, "its time is not an epoch"),) if _LEARNING.search(rest) else ()
    timed = epoch is not None
    if epoch is None and above is not None and (text.startswith("   ") or line.startswith("set ")):
        epoch = above
    notes: list[Note] = list(_clauses(rest, span, epoch))
    if timed and re.match("re-?enabled|enabled|turned on", rest) and "dropout" in rest:
        return (Unread(span, "a spec's dropout applies in all epochs"),)
    if (size := _BATCH.search(rest)) and int(size[1]) > 0 and not any(isinstance(n, Change) for n in notes):
        notes.append(Batch(span, int(size[1])))
    if planned := _PLANNED.search(rest):
        notes.append(End(span, float(planned[1]), planned=True))
    return tuple(notes)


def epoch_of(text: str) -> float | None:
    """Return the epoch that a line begins with, if any."""
    return _time(_plain(text[:MAX_LINE_LENGTH]))[0]


def _plain(text: str) -> str:
    """Return a line in lower case, without remarks after a dash, and with corrected spelling of rates and ``to``."""
    line = re.sub(
        r"\b(?:learn(?:ing)?[ -]+rates?|lr)\b", "epsw", text.lower().strip().lstrip("#").strip().partition(" -- ")[0]
    )
    line = re.sub(r"[a-z]+", lambda m: _corrected(m[0]), _ITEM.sub("", line.lstrip("@*- \t"), 1))
    return _BOTH.sub("epswb", line)


def _corrected(word: str) -> str:
    if word == "ot":
        return "to"
    if len(word) < 3 or word[0] != "e" or word in ("epsw", "epsb"):
        return word
    return next((known for known in ("epsw", "epsb") if distance(word, known, 2) < 2), word)


def _time(line: str) -> tuple[float | None, str]:
    """Split a line into the epoch that it begins with and the rest. The epoch is ``None`` if it counts batches."""
    begins = _AT.fullmatch(line)
    if begins and (begins[1] == "ep" or distance(begins[1], "epoch", 2) < 2):
        return float(begins[2]), begins[3]
    if begins and begins[1] in _OTHER_TIMES and _OF_A_RATE.search(begins[3]):
        return None, begins[3]
    after = _AFTER.fullmatch(line)
    if after:
        return (float(after[1]) if after[2] == "epoch" else None), after[3]
    bare = _BARE.fullmatch(line)
    return None, bare[1] if bare else line


def _clauses(text: str, span: Span, epoch: float | None) -> Iterator[Note]:
    """Yield the notes in the clauses of a sentence."""
    if "eps" in text:
        text = _NAMES.sub(lambda names: "+".join(re.split(_AND, names[0])), text)
    aside = re.sub(r"\([^()]*\)", " ", _ASIDE.sub(r" \1 ", text))
    pieces = re.split(r"[,;]\s*|\.(?=\s|$)\s*|\s+and\s+|\s*&\s*", aside)
    rate: Change | None = None
    for piece in (" ".join(piece.split()).rstrip(".!") for piece in pieces):
        if not piece:
            continue
        note = _clause(piece, span, epoch, rate)
        if isinstance(note, Change):
            if rate is not None:
                yield rate
            rate = note
        elif note is not None:
            yield note
        elif rate is not None and rate.layers and (listed := _LIST.fullmatch(piece)):
            rate = replace(rate, layers=(*rate.layers, listed["on"]))
        elif rate is not None and _LATER.search(piece):
            yield Unread(span, "it is not understood")
        elif rate is not None and rate.layers and piece.isdigit():  # conv1 and 2
            rate = replace(rate, layers=(*rate.layers, rate.layers[-1].rstrip("0123456789") + piece))
    if rate is not None:
        yield rate
        for still in _STILL.finditer(text):
            words = tuple(re.split(r"\s*,\s*|\s+and\s+", (still["on"] or still["who"]).strip()))
            yield replace(rate, to=float(still["to"] or still["at"]), was=None, layers=words, elsewhere=False)


def _clause(piece: str, span: Span, epoch: float | None, rate: Change | None) -> Note | None:
    """Interpret one clause of a sentence. ``rate`` is the change of a rate in the clauses before it."""
    if (then := _THEN.search(piece)) and (epoch is None or _END.search(piece)) and not _DIVIDED.fullmatch(piece):
        piece, epoch = piece[: then.start()], float(then["at"] or then["after"])
    if match := _RATE.fullmatch(piece):
        return _rate(match, span, epoch)
    if rate is not None and (match := _MORE.fullmatch(piece)):
        layers = (match["on"],) if match["on"] else ()
        elsewhere = match["rest"] is not None
        return replace(
            rate, to=float(match["to"]), was=_optional_float(match["was"]), layers=layers, elsewhere=elsewhere
        )
    if match := _DIVIDED.fullmatch(piece):
        return _divided(match, span, epoch)
    if match := _COLOUR.fullmatch(piece):
        if "brightness" in span.text.lower():
            return Unread(span, "noise of the brightness is not noise of the colours")
        return Colour(span, epoch or 0.0, float(match["to"]), _optional_float(match["was"] or match["first"]))
    if _END.search(piece) and not piece.startswith("not "):
        after = _ENDED_AFTER.search(piece)
        return End(span, float(after[1]) if after and epoch is None else epoch)
    return _of_learning(piece, span, epoch)


def _rate(match: re.Match[str], span: Span, epoch: float | None) -> Note | None:
    """Interpret a clause that sets a rate to a number."""
    verb = match["verb"] or ""
    at = 0.0 if epoch is None and re.match(_BEGIN, verb) else epoch
    if at is None:
        return Unread(span, "it names no epoch") if verb else None
    return Change(
        span,
        at,
        float(match["to"]),
        was=_optional_float(match["was"] or match["first"]),
        layers=tuple(word for key in ("above", "beside", "on") if (word := match[key])),
        elsewhere=match["rest"] is not None,
        biases=match["which"] == "b",
        both=match["which"] == "wb",
    )


def _divided(match: re.Match[str], span: Span, epoch: float | None) -> Note:
    """Interpret a clause that divides rates: ``epsW``, ``epsB``, or all learning rates. Its epoch is negative if it
    counts from the previous change."""
    at = _optional_float(match["at"])
    if at is None:
        at = epoch
    if at is None or float(match["by"]) <= 0:
        return Unread(span, "it names no epoch")
    all_rates = match["which"] in (None, "wb") or not re.search(r"\beps[wb]\b", span.text, re.IGNORECASE)
    biases = match["which"] == "b"
    return Change(span, -at if match["more"] else at, by=float(match["by"]), biases=biases, both=all_rates)


def _of_learning(piece: str, span: Span, epoch: float | None) -> Unread | None:
    """Return an ``Unread`` if a clause is about learning, else ``None``."""
    if epoch is not None and _ONE_FOR_THE_RUN.search(piece):
        return Unread(span, "a spec has a single value of it for the whole run")
    learning = _LEARNING.search(piece) is not None
    if (epoch is not None or re.match(_BEGIN, piece)) and _DOES.match(piece):
        of_learning = piece.startswith("set ") or learning
    elif epoch is not None:
        of_learning = _OF_A_RATE.search(piece) is not None or (learning and _OTHERWISE.search(piece) is not None)
    else:
        of_learning = _OF_A_RATE.search(piece) is not None and re.match(rf"(?:{_VERB})\b", piece) is not None
    return Unread(span, "it is not understood") if of_learning else None


def _optional_float(text: str | None) -> float | None:
    return None if text is None else float(text)
