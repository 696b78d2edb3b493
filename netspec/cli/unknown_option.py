"""Suggestions for options that a command does not have."""

from __future__ import annotations

import click

from netspec.diagnostics.nearest import nearest
from netspec.keys.optimizers import Optimizer
from netspec.keys.other_rules import argument_meant
from netspec.setting_keys import SETTINGS

_POSITIONAL = {
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

_COUNTERPARTS = {"--format": "--to", "--solver": "--params", "--to": "--format"}
"""Options that commands, or their users, have for the same purpose under different names."""

_OUTPUT = ("-o", "--out", "--output")
_NO_OUTPUT = {
    "fmt": "Specs are laid out in place; - is standard input, laid out on standard output",
    "lsp": "",
}
"""What to do in a command without an output option, where it is something other than ``_REDIRECTED``."""
_REDIRECTED = "The result goes to standard output: > FILE"

_MAX_COMMANDS = 7
"""An option that more commands have than this is too general to be explained by listing them."""


def with_suggestion(unknown: click.NoSuchOption) -> click.NoSuchOption:
    """Return the error for an unknown option, with a suggestion if there is one."""
    message = f"No such option '{unknown.option_name}'."
    suggestion = _suggestion(unknown.ctx, unknown.option_name) if unknown.ctx is not None else ""
    return click.NoSuchOption(unknown.option_name, f"{message} {suggestion}".rstrip(), ctx=unknown.ctx)


def _suggestion(ctx: click.Context, option: str) -> str:
    """Return a suggestion for an unknown option, or an empty string.

    It may be the positional argument that takes the value, a similar option, the commands that have the option, or a
    key of the spec, to be changed with ``--set``.
    """
    command, word = ctx.command, option.lstrip("-")
    names = [name for parameter in command.params for name in parameter.opts]
    arguments = [str(parameter.metavar) for parameter in command.params if isinstance(parameter, click.Argument)]
    if any(metavar in arguments for metavar in _POSITIONAL.get(word, ())):
        return f"It is an argument here: {ctx.command_path} {' '.join(arguments)}"
    if _COUNTERPARTS.get(option) in names:
        return f"Did you mean '{_COUNTERPARTS[option]}'?"
    if option in _OUTPUT and not any(name in names for name in _OUTPUT):
        return _NO_OUTPUT.get(str(ctx.info_name), _REDIRECTED)
    if option not in _OUTPUT and (others := _commands_with(ctx, option)):
        return f"It is an option of {', '.join(others)}"
    if near := nearest(word, [name.lstrip("-") for name in names if name.startswith("--")]):
        return f"Did you mean '--{near}'?"
    set_option = _set_option(word.replace("-", "_")) if "--set" in names else ""
    return f"A spec says it: {set_option}" if set_option else ""


def _commands_with(ctx: click.Context, option: str) -> list[str]:
    """Return the names of the commands that have an option; none if there are more than ``_MAX_COMMANDS``."""
    group = ctx.parent.command if ctx.parent is not None else None
    if ctx.parent is None or not isinstance(group, click.Group):
        return []
    matches = []
    for name in group.list_commands(ctx.parent):
        command = group.get_command(ctx.parent, name)
        if command is not None and any(option in parameter.opts for parameter in command.params):
            matches.append(name)
    return matches if len(matches) <= _MAX_COMMANDS else []


def _set_option(word: str) -> str:
    """Return the ``--set`` option for a setting's key or an optimizer's parameter, or an empty string."""
    for setting, definition in SETTINGS.items():
        for key in definition.keys:
            if key.name == word:
                return f"--set {setting}.{key.name}=..."
            found = argument_meant(word, None) if isinstance(key.kind, Optimizer) else None
            if found is not None:
                rule, argument = found
                return f"--set '{setting}.{key.name}={rule}({argument}=..., ...)'"
    return ""
