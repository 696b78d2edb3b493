"""Compare two specs."""

from __future__ import annotations

import sys

import click

from netspec.cli.common import WRONG_SPEC, fail, format_option
from netspec.cli.reading import Reading, read_net, reading_options


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="[B]", required=False)
@format_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; exit with 1 if anything differs.")
@reading_options
def command(
    a: str,
    b: str | None,
    form: str,
    exit_code: bool,
    quiet: bool,
    reading: Reading,
) -> None:
    """Compare two specs: what differs, what each difference changes, and what it costs.

    The networks are compared, not the texts: a default that is written out is not a difference. For each difference the
    result states what it changes: the class scores computed with the same weights, only the output after the scores,
    only training, testing or the placement on GPUs, or nothing.

    --input and --set apply to both specs. Without B, A is compared with A as changed by --input and --set. A or B may
    be -, which is standard input. The exit code is 0 even if the specs differ, unless --exit-code or --quiet is given.

    \b
    Examples:
      netspec diff specs/alexnet.net specs/alexnet-2012.net
      netspec diff specs/alexnet.net --set conv1.neuron=tanh
    """
    from netspec.diff import compare

    if b is None:
        if reading.shape is None and not reading.changes:
            fail("there is nothing to compare with; name a second spec, or a change with --set or --input")
        if a == "-":
            fail("standard input can be read only once; name a file")
        first = read_net(a, Reading(layer_files=reading.layer_files), merged=True)
        second = read_net(a, reading, merged=True, printed=first.warnings)
    else:
        if a == b == "-":
            fail("only one of the two can be standard input")
        first = read_net(a, reading.for_file([a, b], 0), merged=True)
        second = read_net(b, reading.for_file([a, b], 1), merged=True, printed=first.warnings)
    difference = compare(first, second)
    files = _files(a, b, reading)
    if quiet:
        pass
    elif form == "json":
        from netspec.diff.machine_readable import to_json

        click.echo(to_json(difference, files))
    else:
        from netspec.diff.terminal import show

        show(difference, files, sys.stdout)
    if (exit_code or quiet) and not difference.same:
        sys.exit(WRONG_SPEC)


def _files(a: str, b: str | None, reading: Reading) -> tuple[str, str]:
    """Return display names for the two specs: their files, or the file and the options that change it."""
    first, second = ("<stdin>" if path == "-" else path for path in (a, b or a))
    if b is None:
        options = [f"--input {reading.shape}"] if reading.shape is not None else []
        second = " ".join([second, *options, *(f"--set {change}" for change in reading.changes)])
    return first, second
