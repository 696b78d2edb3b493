"""The parameters of normalisations that are not in the parameter file, but in the layer file or nowhere."""

from __future__ import annotations

from collections.abc import Collection

from netspec.formatting import format_literal, plural
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.model import POWER, SCALE, Norm, Parameters

NORMS = ("cmrnorm", "rnorm", "cnorm")
_NUMBERS = ("scale", "pow")


def warn_of_ignored_parameters(layer: Layer) -> None:
    """Warn if the layer file has a normalisation's parameters that are ignored in favour of the parameter file's."""
    if _has_own_parameters(layer):
        message = "scale and pow are ignored here, since the parameter file has a section of the same name"
        layer.options.warn("cfg-ignored-key", message, *_NUMBERS)


def notes_on_misplaced_parameters(layer: Layer) -> tuple[str, ...]:
    """Return the notes of the error that a layer has no section of parameters, if the layer file has its parameters."""
    if not _has_own_parameters(layer):
        return ()
    numbers = " and ".join(f"{key}={layer.options.text(key)}" for key in _NUMBERS)
    return (f"{numbers} are in the layer file, where old programs read them; move them to such a section",)


def norms_of_layer_file(layers: Collection[Layer]) -> dict[str, Parameters]:
    """Return the parameters of normalisations in a layer file without a parameter file.

    These are only the ones given in the layer file. A single warning reports the values that are assumed for the
    others.
    """
    norms = {layer.name: Parameters(norm=_own_norm(layer)) for layer in layers if _has_own_parameters(layer)}
    without = [layer for layer in layers if layer.type in NORMS and layer.name not in norms]
    if without:
        without[0].options.warn(
            "cfg-no-params",
            f"its numbers are in the parameter file; scale={format_literal(SCALE)} pow={format_literal(POWER)} "
            "minDiv=1 are assumed",
            "type",
            notes=(f"the same for {plural(len(without), 'normalisation')}; --params names the file",),
        )
    return norms


def _has_own_parameters(layer: Layer) -> bool:
    """Whether a layer is a normalisation with parameters in the layer file, as in the oldest files."""
    return layer.type in NORMS and "scale" in layer.values


def _own_norm(layer: Layer) -> Norm:
    message = "scale and pow are read from the layer file, where old files have them"
    layer.options.warn("cfg-old-habit", message, *_NUMBERS)
    return Norm(layer.values["scale"], layer.values["pow"])
