"""Load and check specs and networks of other programs: the class ``Net`` and the functions that return one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.check import Checked, check
from netspec.diagnostics import CannotOpen, Diagnostic, SpecError, in_order
from netspec.diagnostics.nearest import did_you_mean, nearest
from netspec.formatting import format_count, plural
from netspec.ir.graph import Graph
from netspec.ir.settings import Aspect
from netspec.ir.shape import Shape
from netspec.language.bases import Folder
from netspec.language.parser import parse
from netspec.language.syntax import by_key
from netspec.language.variants import Texts, collect_texts
from netspec.language.written import written_out
from netspec.opening import is_caffe_file, is_darknet_file, is_keras_file, is_layer_file, open_folder, read_named
from netspec.source import ModelFile, Source
from netspec.stats import LayerNumbers, Totals, layer_numbers, totals

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.nn import Module

    from netspec.importers.cuda_convnet import Dialect
    from netspec.importers.spec.translation import Translation
    from netspec.solve.rewriting import Rewritten


@dataclass(frozen=True, repr=False)
class Net:
    """A network that has passed the checker.

    ``net["conv1"].output`` is ``Shape(96, 55, 55)``. ``net.total.connections`` is the number of multiply-accumulates in
    one image's forward pass. ``warnings`` are the checker's. ``source`` is the spec as one text; ``texts`` are its own
    text, those that it starts from and changes of keys, or ``None`` for a file of another program. ``unstated``
    is what such a file does not state; the graph has the defaults of a spec there.
    """

    source: Source
    graph: Graph
    warnings: tuple[Diagnostic, ...] = ()
    texts: Texts | None = field(default=None, compare=False)
    unstated: frozenset[Aspect] = frozenset()

    @property
    def name(self) -> str:
        return self.graph.name

    @cached_property
    def layers(self) -> dict[str, LayerNumbers]:
        """The numbers of each layer, by name, in the order of the spec."""
        return {numbers.name: numbers for numbers in layer_numbers(self.graph)}

    def __getitem__(self, name: str) -> LayerNumbers:
        if name not in self.layers:
            near = nearest(name, self.layers)
            raise KeyError(f"{self.name} has no layer {name!r}" + did_you_mean(near and repr(near)))
        return self.layers[name]

    def __repr__(self) -> str:
        total = self.total
        counts = f"{format_count(total.parameters)} parameters, {format_count(total.connections)} connections"
        return f"<Net {self.name}: {plural(len(self.layers), 'layer')}, {counts}>"

    @cached_property
    def kept_text(self) -> str:
        """The spec as one text to keep: its own text, with its comments and the claims that hold, and with the changes
        of keys written into it. For a variant, and if the changed text does not check without another input shape, it
        is that of ``source``.
        """
        if self.texts is None or self.texts.bases or not self.texts.changes:
            return self.source.text
        from netspec.solve.rewriting import rewritten  # needed only for changed texts

        try:
            return _formatted(rewritten(self.texts).source).text
        except SpecError:
            return self.source.text

    def require_class_weights(self) -> None:
        """Raise ``SpecError`` if only training images say how much classes weigh: ``class_weights=balanced``."""
        if self.graph.train.class_weights != "balanced":
            return
        file = self.texts.file() if self.texts is not None else parse(self.source)
        (train,) = (setting for setting in file.settings if setting.word.text == "train")
        message = "class_weights=balanced are numbers that training images give, and there are none here"
        notes = (
            "netspec train --data computes them, and writes them into the run's spec.net, which can be compiled",
            "netspec check-data --format json has them as balanced_weights",
        )
        raise SpecError((Diagnostic("class-weights", message, (by_key(train.pairs)["class_weights"].span,), notes),))

    @cached_property
    def total(self) -> Totals:
        """The sums over all layers."""
        return totals(self.layers.values())


def load(
    path: str | os.PathLike[str],
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    params: str | os.PathLike[str] | None = None,
    *,
    history: bool = False,
) -> Net:
    """Load and check a spec, a layer file of cuda-convnet or a network of Darknet (``.cfg``), a network of Caffe
    (``.prototxt``), an ONNX model (``.onnx``) or a model of Keras (``.keras``, ``.h5``, ``.json``).

    ``params`` is the parameter file of a layer file, or the solver of a network of Caffe. With ``history``, the
    learning rates are those with which the run began, which the notes in a parameter file record. ``changes`` are
    changes of keys, ``conv1.stride=2``.

    Raises
    ------
    SpecError
        The spec has mistakes; ``.diagnostics`` has them.
    CannotOpen
        A file cannot be opened, or a library for reading it is not installed.
    ValueError
        ``params`` is given for a file that is not a layer file, or ``history`` without ``params``.
    """
    source = read_named(path)
    if params is not None and not (is_layer_file(source) or is_caffe_file(source)):
        needed = "a layer file (.cfg) or a network of Caffe (.prototxt)"
        raise ValueError(f"params={os.fspath(params)!r} needs {needed}, and {source.name} is not one")
    if history and is_caffe_file(source):
        raise ValueError(f"history=True needs a layer file (.cfg), and {source.name} is not one")
    if history and params is None:
        raise ValueError("history=True needs params=: it reads the notes of the parameter file")
    options = ImportOptions(read_named(params), history=history) if params is not None else ImportOptions()
    return load_source(source, input_shape, changes, folder=Path(path).parent, options=options)


def loads(text: str, name: str = "<text>", input_shape: Shape | None = None, changes: Sequence[str] = ()) -> Net:
    """Check a spec that is given as text. Raises ``SpecError``."""
    return load_source(Source(name, text.removeprefix("\ufeff")), input_shape, changes)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read a layer file of cuda-convnet, or a network of Caffe.

    ``params`` is its parameter file, or the solver of a network of Caffe. ``dialect`` is its version (``None``:
    recognise it by the content). ``merged``: twin layers on several GPUs, ``conv1a`` and ``conv1b``, become one layer.
    ``history``: use the learning rates with which the run began, by the notes in the parameter file, instead of the
    values in it.
    """

    params: Source | None = None
    dialect: Dialect | None = None
    merged: bool = False
    history: bool = False


def load_source(
    source: Source,
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    folder: Path | None = None,
    options: ImportOptions | None = None,
) -> Net:
    """Check a spec, a layer file or a model, and search for fixes of a spec's mistakes. Raises ``SpecError``.

    ``folder`` is where a variant finds the file that it starts from. ``options``: how to read the other program's file.
    """
    if is_keras_file(source):
        return import_keras(source, input_shape, changes).net
    if isinstance(source, ModelFile):
        return import_model(source, input_shape, changes).net
    if is_caffe_file(source):
        return import_caffe(source, input_shape, changes, options.params if options else None).net
    if is_darknet_file(source):
        return import_darknet(source, input_shape, changes).net
    if is_layer_file(source):
        return import_layer_file(source, input_shape, changes, options or ImportOptions())

    checked = check(collect_texts(source, open_folder(folder), changes), input_shape)
    diagnostics = checked.diagnostics
    if diagnostics:
        from netspec.solve import with_fixes  # needed only if there are mistakes

        diagnostics = with_fixes(checked, input_shape)
    if checked.graph is None:
        raise SpecError(diagnostics)
    return Net(_merged_source(checked), checked.graph, diagnostics, checked.texts)


def import_layer_file(
    source: Source,
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    options: ImportOptions | None = None,
) -> Net:
    """Convert a layer file of cuda-convnet to a spec that is meant to be read, the ``source`` of the net. ``changes``
    of keys are written into it. Raises ``SpecError``.
    """
    from netspec.importers.cuda_convnet import translate  # needed only for such files

    options = options or ImportOptions(merged=True)
    translation = translate(
        source,
        params=options.params,
        dialect=options.dialect,
        shape=input_shape,
        merged=options.merged,
        history=options.history,
    )
    return _of_translation(translation, changes)


@dataclass(frozen=True, slots=True)
class Imported:
    """A network from another program's file, its ``source`` meant to be read, and its parameters and running statistics
    by key, as functions that return float32 values in netspec's layout (``SpecError`` if they cannot be read)."""

    net: Net
    arrays: Mapping[str, Callable[[], NDArray[Any]]]


def import_model(source: ModelFile, input_shape: Shape | None = None, changes: Sequence[str] = ()) -> Imported:
    """Convert an ONNX model to a spec that is meant to be read. ``changes`` of keys are written into it.

    Raises
    ------
    SpecError
        The file is not a model, or a spec cannot express it.
    CannotOpen
        The file cannot be read, or the library onnx is not installed.
    """
    try:
        from netspec.importers.onnx_file import translate  # needed only for such files
    except ModuleNotFoundError as missing:
        raise CannotOpen(f"reading {source.name} needs {missing.name}: pip install 'netspec-compiler[onnx]'") from None

    translation = translate(source, input_shape)
    return Imported(_of_translation(translation, changes), translation.arrays)


def import_module(module: Module, input_shape: Shape, name: str | None = None) -> Imported:
    """Convert a module of PyTorch to a spec that is meant to be read.

    ``name`` is that of the net, by default that of the module's class. What only runs another module, as that of
    ``torch.compile`` does, is left out.

    Raises ``SpecError`` if the module cannot be followed, or if a spec cannot express it.
    """
    from netspec.importers.torch_module import translate, unwrapped  # needs torch

    module = unwrapped(module)
    translation = translate(module, input_shape, ModelFile(name or type(module).__name__, ""))
    return Imported(_of_translation(translation, ()), translation.arrays)


def import_caffe(
    source: Source,
    input_shape: Shape | None = None,
    changes: Sequence[str] = (),
    solver: Source | None = None,
    weights: Path | None = None,
) -> Imported:
    """Convert a network of Caffe to a spec that is meant to be read. ``changes`` of keys are written into it.

    ``solver`` is the file that says how it is trained, and ``weights`` a ``.caffemodel`` file.

    Raises
    ------
    SpecError
        The files are wrong, a spec cannot express them, or the weights are not those of the network.
    CannotOpen
        The file with the weights cannot be read.
    """
    from netspec.importers.caffe import translate  # needed only for such files

    translation = translate(source, input_shape, solver)
    net = _of_translation(translation, changes)
    if weights is None:
        return Imported(net, {})
    from netspec.importers.caffe.weights.matching import read_weights  # needs numpy

    read = read_weights(weights, net.graph, translation.blobs, translation.layers, source)
    return Imported(replace(net, warnings=(*net.warnings, *read.warnings)), read.arrays)


def import_darknet(
    source: Source, input_shape: Shape | None = None, changes: Sequence[str] = (), weights: Path | None = None
) -> Imported:
    """Convert a network of Darknet to a spec that is meant to be read. ``changes`` of keys are written into it.

    ``weights`` is a ``.weights`` file.

    Raises
    ------
    SpecError
        The file is wrong, a spec cannot express it, or the weights are not those of the network.
    CannotOpen
        The file with the weights cannot be read.
    """
    from netspec.importers.darknet import translate  # needed only for such files

    translation = translate(source, input_shape)
    net = _of_translation(translation, changes)
    if weights is None:
        return Imported(net, {})
    from netspec.importers.darknet.weights import read_weights  # needs numpy

    return Imported(net, read_weights(weights, net.graph, translation.arrays, translation.pieces, source))


def import_keras(
    source: Source, input_shape: Shape | None = None, changes: Sequence[str] = (), weights: Path | bool = False
) -> Imported:
    """Convert a model of Keras to a spec that is meant to be read. ``changes`` of keys are written into it.

    ``weights`` is a file of weights beside one that has none, as JSON, or says whether those of the file are wanted.

    Raises
    ------
    SpecError
        The file is not a model, a spec cannot express it, or the weights are not those of the model.
    CannotOpen
        A file cannot be read, or the library h5py is needed and not installed.
    """
    from netspec.importers.keras_file import translate  # needed only for such files

    translation = translate(source, input_shape, weights)
    return Imported(_of_translation(translation, changes), translation.arrays if weights else {})


def rewrite(source: Source, input_shape: Shape | None, changes: Sequence[str], folder: Path | None) -> Rewritten:
    """Return a spec's own text with an input shape and changes of keys written into it.

    ``folder`` is as in ``load_source``. Raises ``SpecError`` if the changed spec has mistakes.
    """
    from netspec.solve.rewriting import rewritten  # needed only for changed texts

    load_source(source, input_shape, changes, folder)
    return rewritten(collect_texts(source, open_folder(folder), changes), input_shape)


_TOLD = {
    "onnx-axes": "channels-last",
    **dict.fromkeys(
        ("caffe-outputs", "cfg-left-out", "darknet-left-out", "keras-left-out", "onnx-outputs", "torch-outputs"),
        "linear-layers",
    ),
}
"""Warnings about other programs' files, each with one about the spec that is told with it, or may be wrong then."""


def _of_translation(translation: Translation, changes: Sequence[str]) -> Net:
    """Check the spec that another program's network was translated to, and write changes into it. Raises
    ``SpecError``."""
    checked = check(collect_texts(translation.source, Folder(), changes))
    # A layer that seems unread, or read by one other alone, may have been read by a cost that the spec leaves out, or
    # be a further output. The order of a model's axes that nothing tells has its warning already.
    told = {"unread-layer", *(_TOLD[d.code] for d in translation.diagnostics if d.code in _TOLD)}
    found = [d for d in checked.diagnostics if d.code not in told]
    placed = [translation.placed(d) if d.span.source is translation.source else d for d in found]
    diagnostics = in_order((*translation.diagnostics, *placed))
    if checked.graph is None:
        raise SpecError(diagnostics)
    source = translation.source
    if changes:
        from netspec.solve.rewriting import rewritten  # needed only for changed texts

        source = _formatted(rewritten(checked.texts).source)
    return Net(source, checked.graph, diagnostics, unstated=translation.unstated)


def _merged_source(checked: Checked) -> Source:
    """Return the spec as one file: its own text, or, for a variant or a changed spec, the merged text."""
    texts = checked.texts
    if not texts.bases and not texts.changes:
        return texts.root
    return _formatted(Source(texts.root.name, written_out(checked.file)))


def _formatted(source: Source) -> Source:
    from netspec.language.formatter import formatted  # needed only for changed texts

    return Source(source.name, formatted(source))
