"""Translate a model of Keras to a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.model import first_line_span, source_error
from netspec.formatting import plural
from netspec.importers.keras_file.graph.building import FIRST, LAST, Building
from netspec.importers.keras_file.model.containers import File, read_file, weights_in
from netspec.importers.keras_file.model.fields import Broken
from netspec.importers.keras_file.model.network import INPUT_LAYER, Layer, Network, network_of
from netspec.importers.keras_file.model.store import Damaged, Store
from netspec.importers.keras_file.running import NoInput, graph_of
from netspec.importers.keras_file.training import optimizer_of, training_of
from netspec.importers.operators.graph.model import Array
from netspec.importers.operators.translation import Origin, Translation
from netspec.importers.operators.translation import translate as translate_graph
from netspec.ir.settings import ASPECTS
from netspec.ir.shape import Shape
from netspec.source import ModelFile, Source

_MOST = 8


def translate(source: Source, shape: Shape | None = None, weights: Path | bool = False) -> Translation:
    """Translate the model in a file. ``shape`` is that of the input, if it is to be another one.

    ``weights`` is the file from which the arrays of the result are read, or says whether they are read from the model's
    own file; without, they have no meaning.

    Raises
    ------
    CannotOpen
        The file cannot be read, or the library h5py is not installed and needed.
    SpecError
        ``keras-model``: it is not a model. ``keras-input``: it does not read images of one size.
        ``keras-not-expressible``: a list of all that a spec cannot express. ``keras-weights``: the weights are not
        those of the network.
    """
    place = source if isinstance(source, ModelFile) else ModelFile(source.name, "")
    try:
        file = read_file(source)
        network = network_of(file.model)
        return _translated(file, network, place, shape, weights)
    except Damaged as problem:
        raise _unreadable(problem, place) from None
    except Broken as problem:
        raise source_error("keras-model", place, f"this is no model of Keras that can be read: {problem}") from None
    except NoInput as problem:
        raise source_error("keras-input", place, str(problem), problem.notes) from None


def _translated(file: File, network: Network, place: Source, shape: Shape | None, weights: Path | bool) -> Translation:
    layers = [*_all(network)]
    store = weights_in(weights) if isinstance(weights, Path) else _store(file, layers, weights)
    building = Building(_data_format(layers), file.is_before_3, store, optimizer_of(file.compiled)[0])
    model, preparation = graph_of(network, building, shape)
    settings = training_of(file.compiled, building.leave_out)
    aspects = frozenset(ASPECTS) - ({"preparation"} if preparation.applied else set())
    about = Origin(
        ("keras-not-expressible", "keras-left-out"),
        f", a model of Keras {file.version}" if file.version else ", a model of Keras",
        preparation.keys(),
        unstated=aspects - ({"training"} if settings else set()),
        settings={"train": settings},
        layers=sum(layer.network is None and layer.kind != INPUT_LAYER for layer in layers),
    )
    translation = translate_graph(model, place, about)
    if building.wrong and store is not None and weights:
        message = f"the weights in {store.name} are not those of the model"
        raise source_error("keras-weights", place, message, building.wrong[:_MOST])
    warnings = [*_left_out(building, place)]
    arrays = {key: _reader(read, place) for key, read in translation.arrays.items()}
    return replace(translation, arrays=arrays, diagnostics=(*translation.diagnostics, *warnings))


def _unreadable(problem: Damaged, place: Source) -> SpecError:
    return source_error("keras-weights", place, f"the weights cannot be read: {problem}")


def _reader(read: Callable[[], Array], place: Source) -> Callable[[], Array]:
    """Return a function that reads an array when it is needed, with a diagnostic if it cannot be read."""

    def checked() -> Array:
        try:
            return read()
        except Damaged as problem:
            raise _unreadable(problem, place) from None

    return checked


def _all(network: Network) -> Iterator[Layer]:
    """Yield all layers, and those of models among them."""
    for layer in network.layers:
        yield layer
        if layer.network is not None:
            yield from _all(layer.network)


def _store(file: File, layers: Sequence[Layer], wanted: bool) -> Store | None:
    """Open the weights of the file, if they are to be read or a layer has numbers there that the spec states."""
    found = any(layer.kind == "Normalization" and layer.config.get("mean") is None for layer in layers)
    return file.weights() if file.weights is not None and (wanted or found) else None


def _data_format(layers: Sequence[Layer]) -> str:
    """Return the order of the axes of images, as the first layer states it that does."""
    stated = (layer.config.get("data_format") for layer in layers)
    return FIRST if next((word for word in stated if word), LAST) == FIRST else LAST


def _left_out(building: Building, place: Source) -> Iterator[Diagnostic]:
    """Yield a warning with all that is left out, if there is anything."""
    notes = building.notes()
    if notes:
        message = f"the spec leaves out {plural(len(notes), 'thing')} of the file"
        yield Diagnostic("keras-left-out", message, (first_line_span(place),), tuple(notes), severity="warning")
