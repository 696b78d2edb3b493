"""Carry the comments of a layer file and its parameter file over to the spec. They often contain results of runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import PurePath

from netspec.importers.cuda_convnet.reading import Config
from netspec.importers.cuda_convnet.spec.lines import Line
from netspec.importers.cuda_convnet.spec.twins import Merged

_SHORT = 12
_DIGITS = re.compile("[0-9]+")


def with_comments(twins: Merged, config: Config, params: Config | None) -> tuple[list[Line], list[str], list[str]]:
    """Return the lines with the comments in and above their sections, and the comments at the file's beginning and end.

    Lines that list the shares of an input in another order than that of the GPUs get an additional comment.
    """
    lines = list(twins.lines)
    # The index of the first of the lines that a layer, or its twins, have become.
    home = {line.origin: i for i, line in reversed(list(enumerate(lines)))}
    for line in lines:
        if line.name in twins.families:
            home |= dict.fromkeys(twins.families[line.name].members, home[line.origin])
    head = [f"Imported from {PurePath(config.source.name).name}" + _of(params) + "."]
    tail: list[str] = []
    kept: dict[int, list[str]] = {}
    sections = list(config.sections)
    for name, below in zip(reversed(sections[:-1]), reversed(sections[1:]), strict=True):
        home.setdefault(name, home.get(below, len(lines) - 1))
    first = next(iter(sections), None)
    for comment in config.comments:
        if comment.section is None:
            tail.append(comment.text)
        elif comment.section == first:
            head.append(comment.text)
        else:
            kept.setdefault(home.get(comment.section, len(lines) - 1), []).append(comment.text)
    for name, order in twins.reordered.items():
        said = f"{name} lists the shares of its input in the order {', '.join(map(str, order))}"
        kept.setdefault(home.get(name, len(lines) - 1), []).append(said)
    if params is not None and (told := _told(params)):
        tail += [f"In {PurePath(params.source.name).name}:", *told]
    return [replace(line, comments=_once(kept.get(i, ()))) for i, line in enumerate(lines)], head, tail


def _once(comments: Iterable[str]) -> tuple[str, ...]:
    """Remove comments that twins repeat. Join short ones that only differ in a number, such as "GPU 0" and "GPU 1"."""
    result: list[str] = []
    for comment in dict.fromkeys(comments):
        if result and len(comment) < _SHORT and _DIGITS.sub("", comment) == _DIGITS.sub("", result[-1].split(", ")[0]):
            result[-1] += f", {comment.strip()}"
        else:
            result.append(comment)
    return tuple(result)


def _of(params: Config | None) -> str:
    return f" and {PurePath(params.source.name).name}" if params is not None else ""


def _told(params: Config) -> list[str]:
    """Return the comments of a parameter file, each block with its section's name except at the beginning.

    Blocks without any letter or digit are dropped.
    """
    told: list[str] = []
    first = next(iter(params.sections), None)
    for section, comments in groupby(params.comments, key=lambda comment: comment.section):
        texts = [comment.text for comment in comments]
        if any(map(str.isalnum, "".join(texts))):
            told += [f"at [{section}]:"] if section not in (None, first) else []
            told += texts
    return told
