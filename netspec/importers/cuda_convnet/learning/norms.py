"""The numbers of normalisations that do not stand in the parameter file."""

from __future__ import annotations

from collections.abc import Collection

from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.model import POWER, SCALE, Norm
from netspec.units import literal, plural

NORMS = ("cmrnorm", "rnorm", "cnorm")
_NUMBERS = ("scale", "pow")


def passed_over(layer: Layer) -> None:
    """Warn where the numbers of a layer's own section do not count, since the parameter file has some."""
    if _stand_there(layer):
        message = "scale and pow are ignored here, since the parameter file has a section of the same name"
        layer.options.warn("cfg-ignored-key", message, *_NUMBERS)


def to_be_moved(layer: Layer) -> tuple[str, ...]:
    """What is said of a layer that lacks its section of parameters, if the layer file has what belongs there."""
    if not _stand_there(layer):
        return ()
    numbers = " and ".join(f"{key}={layer.options.text(key)}" for key in _NUMBERS)
    return (f"{numbers} stand in the layer file, where old programs read them; they belong into such a section",)


def without_parameters(layers: Collection[Layer]) -> dict[str, Norm]:
    """The numbers of all normalisations of a file that is read alone. Of those that nothing says, it is told once what
    stands in for them."""
    norms = {layer.name: _taken(layer) for layer in layers if _stand_there(layer)}
    without = [layer for layer in layers if layer.type in NORMS and layer.name not in norms]
    if without:
        without[0].options.warn(
            "cfg-no-params",
            f"its numbers are in the parameter file; scale={literal(SCALE)} pow={literal(POWER)} minDiv=1 are taken",
            "type",
            notes=(f"so for {plural(len(without), 'normalisation')}; --params gives the file",),
        )
    return norms


def _stand_there(layer: Layer) -> bool:
    """Whether a layer is a normalisation whose own section has its numbers, as in the oldest files."""
    return layer.type in NORMS and "scale" in layer.values


def _taken(layer: Layer) -> Norm:
    message = "scale and pow are taken from the layer file, where old files have them"
    layer.options.warn("cfg-old-habit", message, *_NUMBERS)
    return Norm(layer.values["scale"], layer.values["pow"])
