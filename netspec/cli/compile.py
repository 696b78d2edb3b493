"""Compile a spec to a standalone program, or to another program's files."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.backend import Target, targets
from netspec.cli.common import WRONG_SPEC, fail, print_diagnostics, stem_of
from netspec.cli.reading import read_net, reading_options, spec_argument
from netspec.cli.runs import exit_on_error, warn
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.diagnostics import SpecError

if TYPE_CHECKING:
    from netspec.backend import Trained
    from netspec.cli.reading import Reading
    from netspec.net import Net

_TARGETS = targets()
_WEIGHTS = (".pt", ".pth", ".safetensors")
"""The endings of files of weights, which people expect of other compilers."""


def _supported_by(option: str) -> str:
    """Return the note for an option's help that lists the targets which take it."""
    return f" (--to {', '.join(word for word, target in _TARGETS.items() if option in target.options)})"


@click.command()
@spec_argument
@click.option(
    "--to",
    "word",
    type=click.Choice(list(_TARGETS)),
    help="Output: "
    + "; ".join(f"{target.word}, {target.doc}" for target in _TARGETS.values())
    + " [default: python, or by the ending of OUT].",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="File or folder to write; - is standard output [default: the name of the spec with the ending of the output, "
    "in the current folder].",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Run or .safetensors file whose weights to use{_supported_by('weights')}.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Seed of the initial values [default: 0]{_supported_by('seed')}.",
)
@click.option(
    "--losses",
    is_flag=True,
    help=f"Add the losses to the outputs, and the class labels as a second input{_supported_by('losses')}.",
)
@click.option("-q", "--quiet", is_flag=True, help="Do not print the names of the files written.")
@reading_options
def command(
    file: str,
    word: str | None,
    output: str | None,
    weights: Path | None,
    seed: int | None,
    losses: bool,
    quiet: bool,
    reading: Reading,
) -> None:
    """Compile a spec to a standalone Python program, an ONNX file or cuda-convnet layer files.

    If the output format cannot express something, an error names the line. With --to cuda-convnet, --dialect is also
    the version to write [default: 2012 if it can express the net]. Files that netspec did not write are never
    overwritten.

    \b
    Examples:
      netspec compile specs/alexnet.net -o alexnet.py
      python alexnet.py --synthetic --steps 5
      netspec compile specs/digits.net --to onnx --weights runs/digits
      netspec compile specs/alexnet.net --to cuda-convnet -o alexnet-cfg
    """
    target = _target(word, output)
    options = _given_options(target, weights=weights, seed=seed, losses=losses or None)
    if weights is not None and seed is not None:
        fail("--seed has no effect with --weights: no initial values are drawn")
    if output == "-" and not target.ending:
        fail(f"{target.word} is several files, which cannot go to standard output; -o names a folder")
    net = read_net(file, reading)
    default = Path(f"{stem_of(file)}{target.ending}")
    path = default if output in (None, "-") else Path(str(output))
    if target.ending and output != "-":
        require_own_file(path, target.ours)
    if weights is not None:
        options["weights"] = _read_weights(net, weights)
    stem = path.stem if target.ending else path.name
    contents = _make_files(target, net, stem, options | _extra_options(target, reading))
    if output == "-":
        _print(next(iter(contents.values())))
    elif target.ending:
        note = ""
        if "weights" in target.options and weights is None:
            note = f": untrained, its weights drawn from seed {seed or 0}; --weights takes those of a run"
        _write({path: next(iter(contents.values()))}, quiet, note)
    else:
        _make_folder(path)
        files = {path / name: content for name, content in contents.items()}
        for file_path in files:
            require_own_file(file_path, target.ours)
        _write(files, quiet)


def _target(word: str | None, output: str | None) -> Target:
    """Return the target of a word, else of the ending of the output. Exits if the two do not agree."""
    ending = Path(output or "").suffix.lower()
    by_ending = [other for other in _TARGETS.values() if other.ending and other.ending == ending]
    target = _TARGETS[word] if word is not None else next(iter(by_ending), _TARGETS["python"])
    if ending and target.ending and target.ending != ending:
        files = ", ".join(f"--to {other.word} writes {other.ending}" for other in _TARGETS.values() if other.ending)
        hint = "\n  weights are written by netspec export" if ending in _WEIGHTS else ""
        fail(f"the name {output} does not fit: {files}{hint}")
    return target


def _given_options(target: Target, **given: object) -> dict[str, object]:
    """Return the options that were given. Exits if the target does not take one of them."""
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in target.options:
            others = [word for word, other in _TARGETS.items() if name in other.options]
            fail(f"--to {target.word} takes no --{name}; --to {' and --to '.join(others)} does")
    return options


def _make_files(target: Target, net: Net, stem: str, options: Mapping[str, object]) -> Mapping[str, str | bytes]:
    """Return the target's files as ``{name: content}``. Exits if the spec is wrong or a library is missing."""
    try:
        return target.make(net, stem, **options)
    except ModuleNotFoundError as missing:
        if not target.extra:
            raise
        fail(f"--to {target.word} needs {missing.name}: pip install 'netspec-compiler[{target.extra}]'")
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        sys.exit(WRONG_SPEC)


def _read_weights(net: Net, path: Path) -> Trained:
    with exit_on_error():
        from netspec.train.tensors.trained import read_trained

        return read_trained(net.graph, path, warn)


def _extra_options(target: Target, reading: Reading) -> dict[str, object]:
    """Return the further arguments that the target takes: cuda-convnet's version, and the function for its warnings."""
    available: dict[str, object] = {"dialect": reading.dialect, "tell": print_diagnostics}
    return {name: value for name, value in available.items() if name in target.options}


def _print(content: str | bytes) -> None:
    sys.stdout.buffer.write(content.encode() if isinstance(content, str) else content)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(exist_ok=True)
    except FileExistsError:
        fail(f"{path} already exists and is not a folder")
    except OSError as error:
        fail(f"cannot make the folder {path}: {error.strerror or error}")


def _write(files: Mapping[Path, str | bytes], quiet: bool, note: str = "") -> None:
    write_or_fail(files)
    if not quiet:
        for path in files:
            click.echo(f"wrote {path}{note}")
