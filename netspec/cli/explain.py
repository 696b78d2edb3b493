"""Explain a word."""

from __future__ import annotations

import sys

import click

from netspec.cli.common import fail


@click.command()
@click.argument("word", metavar="[CODE|TYPE|SETTING|KEY|VALUE]", required=False)
@click.option(
    "-q", "--quiet", is_flag=True, help="Print only the first paragraph of the page; without a word, only the names."
)
def command(word: str | None, quiet: bool) -> None:
    """Explain a diagnostic code, a layer type, a setting, a key or a value.

    Without an argument, all of them are listed. The output is Markdown, which is formatted on a terminal.

    \b
    Examples:
      netspec explain window-does-not-tile
      netspec explain conv
      netspec explain train
      netspec explain plateau
    """
    from netspec import explain

    text: str | None
    if word is None:
        text = "".join(f"{name}\n" for name in explain.words()) if quiet else explain.index()
    else:
        text = explain.brief(word) if quiet else explain.page(word)
    if text is None:
        program = click.get_current_context().parent
        if (
            program is not None
            and isinstance(program.command, click.Group)
            and word in program.command.list_commands(program)
        ):
            fail(f"{word} is a command, not a word of a spec: netspec {word} --help")
        from netspec.explain.other_tools import advice

        fail(f"there is no page on {word!r}; {advice(word or '', explain.words()) or 'netspec explain lists all'}")
    if sys.stdout.isatty() and not (quiet and word is None):
        from netspec.explain.terminal import show

        show(text, sys.stdout)
    else:
        click.echo(text, nl=False)
    if word is not None and not quiet:
        from netspec.explain.other_tools import same_name

        if other := same_name(word):
            click.echo(other, err=True)
