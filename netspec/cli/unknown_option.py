"""Suggestions for options that a command does not have."""

from __future__ import annotations

import click

from netspec.diagnostics.nearest import nearest
from netspec.setting_keys import SETTINGS, Optimizer

_ARGUMENTS = {
    "checkpoint": ("RUN",),
    "data": ("SOURCE", "DIR"),
    "image": ("IMAGE...",),
    "images": ("IMAGE...",),
    "model": ("RUN", "RUN...", "FILE"),
    "net": ("FILE", "FILE...", "[FILE]"),
    "run": ("RUN", "RUN..."),
    "spec": ("FILE", "FILE...", "[FILE]"),
}
"""Words that users may write as options, and the metavars of the positional arguments that take their values."""

_ALIKE = {"--format": "--to", "--to": "--format"}
"""Options that commands use for the same purpose under different names."""

_OUTPUT = ("-o", "--out", "--output")
_NO_OUTPUT = {
    "fmt": "Specs are laid out in place; - is standard input, laid out on standard output",
    "lsp": "",
}
"""What to do in a command without an output option, where it is something other than ``_REDIRECTED``."""
_REDIRECTED = "The result goes to standard output: > FILE"

_OF_A_NETWORK = ("--input", "--set")
_OF_A_TEXT = {
    "fmt": "It changes how a spec is read; here its text is only laid out",
    "import": "It changes how a spec is read: give it where the spec that is written here is read, or edit that",
}
"""What to do in the commands that lack ``_OF_A_NETWORK``, since they treat a spec as text only."""

_MOST_COMMANDS = 7
"""An option that more commands have than this is too general to be explained by listing them."""


def meant(unknown: click.NoSuchOption) -> click.NoSuchOption:
    """Return the error for an unknown option, with a suggestion if there is one."""
    message = f"No such option '{unknown.option_name}'."
    said = _said(unknown.ctx, unknown.option_name) if unknown.ctx is not None else ""
    return click.NoSuchOption(unknown.option_name, f"{message} {said}".rstrip(), ctx=unknown.ctx)


def _said(ctx: click.Context, option: str) -> str:
    """Return a suggestion for an unknown option, or an empty string.

    It may be the positional argument that takes the value, a similar option, the commands that have the option, or a
    key of the spec, to be changed with ``--set``.
    """
    command, word = ctx.command, option.lstrip("-")
    known = [name for one in command.params for name in one.opts]
    arguments = [str(one.metavar) for one in command.params if isinstance(one, click.Argument)]
    argument = next((place for place in _ARGUMENTS.get(word, ()) if place in arguments), None)
    if argument is not None:
        return f"It is an argument here: {ctx.command_path} {' '.join(arguments)}"
    if _ALIKE.get(option) in known:
        return f"Did you mean '{_ALIKE[option]}'?"
    if option in _OF_A_NETWORK and ctx.info_name in _OF_A_TEXT:
        return _OF_A_TEXT[str(ctx.info_name)]
    if option in _OUTPUT and not any(name in known for name in _OUTPUT):
        return _NO_OUTPUT.get(str(ctx.info_name), _REDIRECTED)
    if option not in _OUTPUT and (others := _commands_with(ctx, option)):
        return f"It is an option of {', '.join(others)}"
    if near := nearest(word, [name.lstrip("-") for name in known if name.startswith("--")]):
        return f"Did you mean '--{near}'?"
    return f"A spec says it: {place}" if "--set" in known and (place := _said_in_a_spec(word.replace("-", "_"))) else ""


def _commands_with(ctx: click.Context, option: str) -> list[str]:
    """Return the names of the commands that have an option; none if there are more than ``_MOST_COMMANDS``."""
    group = ctx.parent.command if ctx.parent is not None else None
    if ctx.parent is None or not isinstance(group, click.Group):
        return []
    commands = {name: group.get_command(ctx.parent, name) for name in group.list_commands(ctx.parent)}
    having = [name for name, one in commands.items() if one and any(option in each.opts for each in one.params)]
    return having if len(having) <= _MOST_COMMANDS else []


def _said_in_a_spec(word: str) -> str:
    """Return the ``--set`` option for a setting's key or an optimizer's parameter, or an empty string."""
    for setting, keys in SETTINGS.items():
        for key in keys:
            if key.name == word:
                return f"--set {setting}.{key.name}=..."
            if isinstance(key.kind, Optimizer) and (number := nearest(word, key.kind.numbers)):
                return f"--set '{setting}.{key.name}=sgd({number}=..., ...)'"
    return ""
