"""Write a model of Keras or ONNX, a network of Caffe or of Darknet, or a cuda-convnet layer file as a spec."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.common import WRONG_SPEC, fail, print_diagnostics, stem_of
from netspec.cli.reading import is_darknet_path, is_keras_path, read, reading_options, spec_argument
from netspec.cli.writing import require_own_file, write_or_fail
from netspec.diagnostics import CannotOpen, SpecError
from netspec.source import CAFFE_FILE, KERAS_FILES, MODEL_FILES, SPEC, ModelFile

if TYPE_CHECKING:
    from netspec.cli.reading import Reading
    from netspec.net import Imported, Net

_SAVED, _GIVEN = "--save-weights", "--weights"
_NAMED = {"Caffe": "FILE.caffemodel", "Darknet": "FILE.weights", "Keras": "FILE.weights.h5"}
"""The files that have the weights of networks whose own files have none."""


@click.command()
@spec_argument
@click.option(
    "-o", "--output", metavar="OUT", help="File to write; - is standard output [default: ./<name of FILE>.net]."
)
@click.option(
    _SAVED,
    "saved",
    type=click.Path(path_type=Path),
    metavar="OUT.safetensors",
    help="Also write the weights of a model of Keras or ONNX, or those of --weights, for the option --weights of other "
    "commands.",
)
@click.option(
    _GIVEN,
    "weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Weights of a network of Caffe (.caffemodel) or Darknet (.weights), or of a model of Keras (.weights.h5), for "
    "--save-weights.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only warnings and errors.")
@reading_options
def command(
    file: str, output: str | None, saved: Path | None, weights: Path | None, quiet: bool, reading: Reading
) -> None:
    """Convert a model of Keras (.keras, .h5, .json), an ONNX model (.onnx), a network of Caffe (.prototxt) or Darknet
    (.cfg), or a cuda-convnet layer file (.cfg) to a spec.

    PyTorch and other programs export ONNX models. Layers have the names of their parameters in the model, and --input
    gives the size of the images if a file leaves it open. In a layer file, layers that are halves of one
    layer on two GPUs, such as conv1a and conv1b, become one layer of a net with GPU groups; comments are kept.

    --set changes keys of the written spec. If a spec cannot express something, an error says what. Files that this
    command did not write are never overwritten. Other commands read such files directly, without converting them first.

    \b
    Examples:
      netspec import model.keras --save-weights model.safetensors
      netspec import model.onnx --save-weights model.safetensors
      netspec import train_val.prototxt --params solver.prototxt -o alexnet.net
      netspec import deploy.prototxt --weights alexnet.caffemodel --save-weights alexnet.safetensors
      netspec import darknet53.cfg --weights darknet53.weights --save-weights darknet53.safetensors
      netspec import layers-145.cfg --params layer-params-145.cfg --history
      netspec import layers.cfg --input 3x32x32 -o cifar.net
    """
    _check_weights_options(file, saved, weights)
    try:
        imported = _imported(file, reading, weights, with_weights=saved is not None)
        files = {} if saved is None else {saved: _weights_file(imported)}
    except CannotOpen as error:
        fail(str(error))
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        sys.exit(WRONG_SPEC)
    print_diagnostics(imported.net.warnings)
    _write(imported.net, output or f"{stem_of(file)}.net", files, quiet)


def _check_weights_options(file: str, saved: Path | None, weights: Path | None) -> None:
    """Exit if there are no weights to save, or no file to save them to, or they cannot be written under its name."""
    from netspec.train.tensors.imported import is_ours

    is_caffes, is_model = file.lower().endswith(CAFFE_FILE), file.lower().endswith(MODEL_FILES)
    tool = None
    if is_caffes or not (weights or saved):
        tool = "Caffe" if is_caffes else None
    elif not is_model:
        tool = "Darknet" if is_darknet_path(file) else "Keras" if is_keras_path(file) else None
    takes = tool is not None or file.lower().endswith(KERAS_FILES)
    if weights is not None and not takes:
        networks = "a network of Caffe (.prototxt) or Darknet (.cfg), or a model of Keras (.json)"
        fail(f"{_GIVEN} {weights} is for {networks}, and {file} is not one")
    if weights is not None and saved is None:
        fail(f"{_GIVEN} {weights}: {_SAVED} says where the weights are written")
    if saved is None:
        return
    if tool is not None and weights is None:
        named = _NAMED[tool]
        fail(f"{_SAVED} {saved}: the weights of a network of {tool} are in another file: {_GIVEN} {named}")
    if tool is None and not is_model:
        fail(f"{_SAVED} writes the weights of an ONNX model or one of Keras, and {file} is neither")
    if saved.suffix != ".safetensors":
        fail(f"{_SAVED} {saved}: the file's name must end with .safetensors")
    require_own_file(saved, is_ours, option=_SAVED)


def _imported(file: str, reading: Reading, weights: Path | None, *, with_weights: bool) -> Imported:
    """Convert a file. Exits if it is a spec already.

    ``weights`` is a file of weights, ``with_weights`` says that those in the file itself are wanted. Raises
    ``CannotOpen`` and ``SpecError``.
    """
    from netspec.net import Imported, import_caffe, import_darknet, import_keras, import_layer_file, import_model
    from netspec.opening import begins_as_layer_file, is_caffe_file, is_darknet_file, is_keras_file

    source = read(file)
    reading = reading.for_file([file], 0)
    if is_keras_file(source):
        return import_keras(source, reading.shape, reading.changes, weights or with_weights)
    if isinstance(source, ModelFile):
        return import_model(source, reading.shape, reading.changes)
    if is_caffe_file(source):
        solver = reading.import_options(merged=False).params
        return import_caffe(source, reading.shape, reading.changes, solver, weights)
    if is_darknet_file(source):
        return import_darknet(source, reading.shape, reading.changes, weights)
    if file.lower().endswith(SPEC) and not begins_as_layer_file(source):
        fail(f"{file} is a spec already; compile --to cuda-convnet writes it as a layer file")
    return Imported(import_layer_file(source, reading.shape, reading.changes, reading.import_options(merged=True)), {})


def _weights_file(imported: Imported) -> bytes:
    """Return the weights as a file. Raises ``SpecError`` if they cannot be read."""
    from netspec.train.tensors.imported import imported as in_file

    try:
        return in_file(imported.net.graph, imported.arrays)
    except ValueError as problem:  # --set has changed what a parameter looks like
        fail(f"{_SAVED}: the weights of the model do not fit the changed spec", str(problem))


def _write(net: Net, destination: str, files: Mapping[Path, bytes], quiet: bool) -> None:
    """Write the spec and the other files. Exits if that fails or the spec's file is not this command's."""
    contents: dict[Path, str | bytes] = {**files}
    if destination != "-":
        require_own_file(Path(destination), _is_ours, "this command")
        contents[Path(destination)] = net.source.text
    write_or_fail(contents)
    if destination == "-":
        click.echo(net.source.text.encode(), nl=False)  # a spec is UTF-8, whatever the terminal's is
    elif not quiet:
        for path in reversed(contents):
            click.echo(f"wrote {path}")


def _is_ours(path: Path) -> bool:
    from netspec.importers.spec.text import FIRST_WORDS

    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline(len(FIRST_WORDS)) == FIRST_WORDS
