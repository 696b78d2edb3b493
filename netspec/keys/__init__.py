"""The keys of a spec, and the kinds of values that they take."""

from netspec.keys.calls import Argument
from netspec.keys.channels import PerChannel, PixelRange
from netspec.keys.initialisers import HE, ZERO, BiasInit, Init, Initialiser
from netspec.keys.key import REQUIRED, Key, by_name
from netspec.keys.kind import BadValue, Kind
from netspec.keys.neurons import IDENTITY, NEURONS, NeuronWord
from netspec.keys.numbers import MAX_WHOLE, OneOf, Real, Whole
from netspec.keys.sizes import ImageShape, Padding, Size2
from netspec.keys.tables import Rows
from netspec.keys.words import BOUND, YES_NO, Choice, GpuPlace, LayerNames, Mirrors, OrNone

__all__ = [
    "BOUND", "HE", "IDENTITY", "MAX_WHOLE", "NEURONS", "REQUIRED", "YES_NO", "ZERO", "Argument", "BadValue", "BiasInit",
    "Choice", "GpuPlace", "ImageShape", "Init", "Initialiser", "Key", "Kind", "LayerNames", "Mirrors", "NeuronWord",
    "OneOf", "OrNone", "Padding", "PerChannel", "PixelRange", "Real", "Rows", "Size2", "Whole", "by_name",
]  # fmt: skip
