"""Suggestions for surplus positional arguments, which are often values whose option was forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from netspec.source import LAYER_FILE, names_network

_CHANGE = re.compile(r"[A-Za-z_][\w-]*\.[a-z_]+=.+")
_SHAPE = re.compile(r"\d+x\d+x\d+")


def with_suggestion(problem: click.UsageError, words: Sequence[str]) -> click.UsageError:
    """Return the error with a suggestion which option the first surplus argument belongs to, if that is clear.

    Only errors about surplus arguments or missing parameters are changed. ``words`` are the command-line arguments,
    the command's name included.
    """
    about_words = isinstance(problem, click.MissingParameter) or type(problem) is click.UsageError
    if problem.ctx is None or problem.ctx.info_name not in words or not about_words:
        return problem
    command = problem.ctx.command
    own_words = words[words.index(problem.ctx.info_name) + 1 :]
    given, surplus, _ = command.make_parser(problem.ctx).parse_args(list(own_words))
    if not surplus:
        return problem
    free = [option for option in command.params if isinstance(option, click.Option) and option.name not in given]
    arguments = [argument for argument in command.params if isinstance(argument, click.Argument)]
    first = next((str(given[argument.name]) for argument in arguments if argument.name), "")
    suggestion = next(_suggestions(str(problem.ctx.info_name), surplus[0], first, free), None)
    if suggestion is None:
        return problem
    return click.UsageError(f"{problem.format_message().rstrip('.')}. Did you mean '{suggestion}'?", problem.ctx)


def refuse_option_values(ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``words``, the files of a command that takes several (a callback of click).

    Raises ``click.UsageError`` for a word that is no file but looks like the value of one of the command's options.
    """
    options = [option for option in ctx.command.params if isinstance(option, click.Option)]
    for word in words:
        suggestion = next(_values(word, options), None)
        if suggestion is not None and not Path(word).exists():
            raise click.UsageError(f"{word!r} is not a file. Did you mean '{suggestion}'?", ctx)
    return words


def _suggestions(command: str, word: str, first: str, free: Sequence[click.Option]) -> Iterator[str]:
    """Yield options of ``free`` that ``word`` may be the value of, the likeliest first.

    ``first`` is the value of the command's first positional argument, ``free`` are the options that were not given.
    """
    yield from _values(word, free)
    if command == "diff" and names_network(word):
        yield "netspec summary A B C"
    names = {name for option in free for name in option.opts}
    if "--params" in names and word.endswith(LAYER_FILE) and first.endswith(LAYER_FILE):
        yield f"--params {word}"
    if "--net" in names and names_network(word):
        yield f"--net {word}"
    if "--net" in names and names_network(first):
        yield f"{word} --net {first}"
    if "--data" in names and not names_network(word):
        yield f"--data {word}"
    if "-o" in names and (command == "import" or not names_network(word)):
        yield f"-o {word}"


def _values(word: str, free: Sequence[click.Option]) -> Iterator[str]:
    """Yield options of ``free`` with values of a form of their own, which ``word`` has."""
    names = {name for option in free for name in option.opts}
    for option in free:
        if isinstance(option.type, click.Choice) and word in option.type.choices:
            yield f"{option.opts[-1]} {word}"
    if "--set" in names and _CHANGE.fullmatch(word):
        yield f"--set {word}"
    if "--input" in names and _SHAPE.fullmatch(word):
        yield f"--input {word}"
    if "--gpus" in names and word.isdecimal():
        yield f"--gpus {word}"
