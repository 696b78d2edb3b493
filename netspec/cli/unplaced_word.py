"""Suggestions for surplus positional arguments, which are often values whose option was forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import click

from netspec.source import LAYER_FILE, SPEC_ENDINGS

_CHANGE = re.compile(r"[A-Za-z_][\w-]*\.[a-z_]+=.+")
_SHAPE = re.compile(r"\d+x\d+x\d+")


def meant(problem: click.UsageError, words: Sequence[str]) -> click.UsageError:
    """Return the error with a suggestion which option the first surplus argument belongs to, if that is clear.

    Only errors about surplus arguments or missing parameters are changed. ``words`` are the command-line arguments,
    the command's name included.
    """
    about_words = isinstance(problem, click.MissingParameter) or type(problem) is click.UsageError
    if problem.ctx is None or problem.ctx.info_name not in words or not about_words:
        return problem
    command = problem.ctx.command
    own = words[words.index(problem.ctx.info_name) + 1 :]
    given, unplaced, _ = command.make_parser(problem.ctx).parse_args(list(own))
    if not unplaced:
        return problem
    free = [one for one in command.params if isinstance(one, click.Option) and one.name not in given]
    first = next((str(given[one.name]) for one in command.params if isinstance(one, click.Argument) and one.name), "")
    said = next(_readings(str(problem.ctx.info_name), unplaced[0], first, free), None)
    if said is None:
        return problem
    return click.UsageError(f"{problem.format_message().rstrip('.')}. Did you mean '{said}'?", problem.ctx)


def _readings(command: str, word: str, first: str, free: Sequence[click.Option]) -> Iterator[str]:
    """Yield options of ``free`` that ``word`` may be the value of, the likeliest first.

    ``first`` is the value of the command's first positional argument, ``free`` are the options that were not given.
    """
    names = {name for one in free for name in one.opts}
    for one in free:
        if isinstance(one.type, click.Choice) and word in one.type.choices:
            yield f"{one.opts[-1]} {word}"
    if "--set" in names and _CHANGE.fullmatch(word):
        yield f"--set {word}"
    if "--input" in names and _SHAPE.fullmatch(word):
        yield f"--input {word}"
    if "--gpus" in names and word.isdecimal():
        yield f"--gpus {word}"
    if "--params" in names and word.endswith(LAYER_FILE) and first.endswith(LAYER_FILE):
        yield f"--params {word}"
    if "--net" in names and word.endswith(SPEC_ENDINGS):
        yield f"--net {word}"
    if "--net" in names and first.endswith(SPEC_ENDINGS):
        yield f"{word} --net {first}"
    if "--data" in names and not word.endswith(SPEC_ENDINGS):
        yield f"--data {word}"
    if "-o" in names and (command == "import" or not word.endswith(SPEC_ENDINGS)):
        yield f"-o {word}"
