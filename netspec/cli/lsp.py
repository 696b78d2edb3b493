"""Serve editors."""

from __future__ import annotations

import logging
import os
import sys

import click

from netspec.cli.common import fail


@click.command()
@click.option(
    "--stdio",
    is_flag=True,
    help="Communicate over standard input and output; this is always so, and accepted for editors.",
)
@click.option("-q", "--quiet", is_flag=True, help="Write no log to standard error.")
def command(stdio: bool, quiet: bool) -> None:
    """Run the language server for specs, which gives editors diagnostics, fixes, hover and completion.

    Editors start it themselves; docs/editors.md shows how to set them up. It needs the extra `lsp`: pip install
    'netspec-compiler[lsp]'.

    \b
    Example:
      netspec lsp
    """
    try:
        from netspec.lsp.handlers import server
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        fail("the language server needs pygls: pip install 'netspec-compiler[lsp]'")
    if quiet:
        logging.disable()
    # The server closes its output when the editor ends it. It gets a duplicate, since Python closes sys.stdout itself.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        server().start_io(stdout=output)
