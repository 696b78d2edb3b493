"""What is meant by an option that a command does not have."""

from __future__ import annotations

import click

from netspec.diagnostics.nearest import nearest
from netspec.setting_keys import SETTINGS, Optimizer


def meant(unknown: click.NoSuchOption) -> click.NoSuchOption:
    """The complaint about an unknown option, with the nearest one that there is, or with the place in a spec where it
    is said: how a network learns is no option, but a key that ``--set`` changes."""
    command = unknown.ctx.command if unknown.ctx is not None else None
    known = [name for option in command.params for name in option.opts if name.startswith("--")] if command else []
    word = unknown.option_name.lstrip("-")
    near = nearest(word, [name.lstrip("-") for name in known])
    message = f"No such option '{unknown.option_name}'."
    if near:
        message += f" Did you mean '--{near}'?"
    elif "--set" in known and (place := _said_in_a_spec(word.replace("-", "_"))):
        message += f" A spec says it: {place}"
    return click.NoSuchOption(unknown.option_name, message, ctx=unknown.ctx)


def _said_in_a_spec(word: str) -> str:
    """The option ``--set`` for a key of a setting, or for a number of the optimizer; empty where it is neither."""
    for setting, keys in SETTINGS.items():
        for key in keys:
            if key.name == word:
                return f"--set {setting}.{key.name}=..."
            if isinstance(key.kind, Optimizer) and (number := nearest(word, key.kind.numbers)):
                return f"--set '{setting}.{key.name}=sgd({number}=..., ...)'"
    return ""
