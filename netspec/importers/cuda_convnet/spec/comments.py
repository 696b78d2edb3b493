"""Carry the comments of a layer file and its parameter file over to the spec. They often contain results of runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import PurePath

from netspec.importers.cuda_convnet.reading import Config
from netspec.importers.cuda_convnet.spec.families import Merged
from netspec.importers.cuda_convnet.spec.lines import Line

_SHORT = 12
_DIGITS = re.compile("[0-9]+")


def with_comments(twins: Merged, config: Config, params: Config | None) -> tuple[list[Line], list[str], list[str]]:
    """Return the lines with the comments in and above their sections, and the comments at the file's beginning and end.

    Lines that list the shares of an input in another order than that of the GPUs get an additional comment.
    """
    lines = list(twins.lines)
    # The index of the first of the lines that a layer, or its twins, have become.
    index_of = {line.origin: i for i, line in reversed(list(enumerate(lines)))}
    for line in lines:
        if line.name in twins.families:
            index_of |= dict.fromkeys(twins.families[line.name].members, index_of[line.origin])
    head = [f"Imported from {PurePath(config.source.name).name}" + _and_name(params) + "."]
    tail: list[str] = []
    comments_of: dict[int, list[str]] = {}
    sections = list(config.sections)
    for name, below in zip(reversed(sections[:-1]), reversed(sections[1:]), strict=True):
        index_of.setdefault(name, index_of.get(below, len(lines) - 1))
    first = next(iter(sections), None)
    for comment in config.comments:
        if comment.section is None:
            tail.append(comment.text)
        elif comment.section == first:
            head.append(comment.text)
        else:
            comments_of.setdefault(index_of.get(comment.section, len(lines) - 1), []).append(comment.text)
    for name, order in twins.reordered.items():
        comment_text = f"{name} lists the shares of its input in the order {', '.join(map(str, order))}"
        comments_of.setdefault(index_of.get(name, len(lines) - 1), []).append(comment_text)
    if params is not None and (params_comments := _params_comments(params)):
        tail += [f"In {PurePath(params.source.name).name}:", *params_comments]
    commented = [replace(line, comments=_without_repeats(comments_of.get(i, ()))) for i, line in enumerate(lines)]
    return commented, head, tail


def _without_repeats(comments: Iterable[str]) -> tuple[str, ...]:
    """Remove comments that twins repeat. Join short ones that only differ in a number, such as "GPU 0" and "GPU 1"."""
    result: list[str] = []
    for comment in dict.fromkeys(comments):
        if result and len(comment) < _SHORT and _DIGITS.sub("", comment) == _DIGITS.sub("", result[-1].split(", ")[0]):
            result[-1] += f", {comment.strip()}"
        else:
            result.append(comment)
    return tuple(result)


def _and_name(params: Config | None) -> str:
    return f" and {PurePath(params.source.name).name}" if params is not None else ""


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
