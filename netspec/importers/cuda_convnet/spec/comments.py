"""Carry the comments of a layer file and its parameter file over to the spec. They often contain results of runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePath

from netspec.importers.cuda_convnet.reading import Config
from netspec.importers.cuda_convnet.spec.lines import Line
from netspec.importers.cuda_convnet.spec.twins import Merged
from netspec.importers.spec.text import one_line, origin

_SHORT = 12
_DIGITS = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Commented:
    """Lines with comments above them, and the comments at the beginning and at the end of the spec."""

    lines: Sequence[Line]
    head: Sequence[str]
    tail: Sequence[str]


def with_comments(twins: Merged, config: Config, params: Config | None) -> Commented:
    """Return the lines with the comments in and above their sections.

    Lines that list the shares of an input in another order than that of the GPUs get an additional comment.
    """
    place_of = _places(twins, list(config.sections))
    last = len(twins.lines) - 1
    head = [origin(config.source, f" and {PurePath(params.source.name).name}" if params is not None else "")]
    tail: list[str] = []
    comments_at: dict[int, list[str]] = {}
    first = next(iter(config.sections), None)
    for comment in config.comments:
        if comment.section is None:
            tail.append(comment.text)
        elif comment.section == first:
            head.append(comment.text)
        else:
            comments_at.setdefault(place_of.get(comment.section, last), []).append(comment.text)
    for name, order in twins.reordered.items():
        text = f"{name} lists the shares of its input in the order {', '.join(map(str, order))}"
        comments_at.setdefault(place_of.get(name, last), []).append(text)
    if params is not None and (params_comments := _params_comments(params)):
        tail += [one_line(f"In {PurePath(params.source.name).name}:"), *params_comments]
    lines = [replace(line, comments=_without_repeats(comments_at.get(i, ()))) for i, line in enumerate(twins.lines)]
    return Commented(lines, head, tail)


def _places(twins: Merged, sections: Sequence[str]) -> dict[str, int]:
    """Return the index of the first line that a section has become, alone or with its twins.

    Sections without a line, such as labels, have that of the next section with one.
    """
    places = {line.origin: i for i, line in reversed(list(enumerate(twins.lines)))}
    for line in twins.lines:
        if line.name in twins.families:
            places |= dict.fromkeys(twins.families[line.name].members, places[line.origin])
    for name, below in zip(reversed(sections[:-1]), reversed(sections[1:]), strict=True):
        places.setdefault(name, places.get(below, len(twins.lines) - 1))
    return places


def _without_repeats(comments: Iterable[str]) -> tuple[str, ...]:
    """Remove comments that twins repeat. Join short ones that only differ in a number, such as "GPU 0" and "GPU 1"."""
    result: list[str] = []
    for comment in dict.fromkeys(comments):
        if result and len(comment) < _SHORT and _DIGITS.sub("", comment) == _DIGITS.sub("", result[-1].split(", ")[0]):
            result[-1] += f", {comment.strip()}"
        else:
            result.append(comment)
    return tuple(result)


def _params_comments(params: Config) -> list[str]:
    """Return the comments of a parameter file, each block with its section's name except at the beginning.

    Blocks without any letter or digit are dropped.
    """
    result: list[str] = []
    first = next(iter(params.sections), None)
    for section, comments in groupby(params.comments, key=lambda comment: comment.section):
        texts = [comment.text for comment in comments]
        if any(map(str.isalnum, "".join(texts))):
            result += [f"at [{section}]:"] if section not in (None, first) else []
            result += texts
    return result
