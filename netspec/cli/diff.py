"""Compare two specs."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from netspec.cli.common import WRONG_SPEC, fail, format_option, name_of
from netspec.cli.reading import Reading, read_net, reading_options
from netspec.source import ONNX_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netspec.net import Net

_MERGED = """has no batch normalisations: many exporters merge them into convolutions
  PyTorch's keeps them with training=torch.onnx.TrainingMode.PRESERVE; netspec.from_torch reads the module itself"""


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
        first = read_net(a, replace(reading, shape=None, changes=()), merged=True)
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
        for name in _merged_norms((first, second), files):
            click.echo(f"{name} {_MERGED}", err=True)
    if (exit_code or quiet) and not difference.same:
        sys.exit(WRONG_SPEC)


def _merged_norms(nets: tuple[Net, Net], files: tuple[str, str]) -> Iterator[str]:
    """Yield an ONNX model that has no batch normalisations where the other network has some."""
    for net, other, file in zip(nets, reversed(nets), files, strict=True):
        has, other_has = (any(layer.type == "batchnorm" for layer in n.layers.values()) for n in (net, other))
        if file.lower().endswith(ONNX_FILE) and other_has and not has:
            yield file


def _files(a: str, b: str | None, reading: Reading) -> tuple[str, str]:
    """Return display names for the two specs: their files, or the file and the options that change it."""
    first, second = map(name_of, (a, b or a))
    if b is None:
        options = [f"--input {reading.shape}"] if reading.shape is not None else []
        second = " ".join([second, *options, *(f"--set {change}" for change in reading.changes)])
    return first, second
