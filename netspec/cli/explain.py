"""Explain a word."""

from __future__ import annotations

import sys

import click

from netspec.cli.common import refuse


@click.command()
@click.argument("word", metavar="[CODE|TYPE|SETTING|KEY|VALUE]", required=False)
def command(word: str | None) -> None:
    """Explain a diagnostic's code, a layer type, a setting, a key or a value.

    Without a word it lists them all. The page is Markdown, laid out on a terminal.

    \b
    Examples:
      netspec explain window-does-not-tile
      netspec explain conv
      netspec explain train
      netspec explain plateau
    """
    from netspec import explain

    text = explain.index() if word is None else explain.page(word)
    if text is None:
        from netspec.diagnostics.nearest import nearest

        near = nearest(word or "", explain.words())
        refuse(
            f"there is no page on {word!r}" + (f"; did you mean {near!r}?" if near else "; netspec explain lists all")
        )
    if sys.stdout.isatty():
        from netspec.explain.terminal import show

        show(text, sys.stdout)
    else:
        click.echo(text, nl=False)
