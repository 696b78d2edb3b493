"""Keys and the kinds of their values."""

from netspec.keys.channels import PerChannel
from netspec.keys.initialisers import HE, ZERO, BiasInit, Init, Initialiser
from netspec.keys.key import REQUIRED, Key, of_training
from netspec.keys.kinds import (
    LARGEST,
    Argument,
    BadValue,
    Choice,
    GpuPlace,
    ImageShape,
    Kind,
    LayerNames,
    OneOf,
    Padding,
    Real,
    Size2,
    Whole,
)
from netspec.keys.neurons import IDENTITY, NEURONS, NeuronWord
from netspec.keys.optional import BOUND, OrNone
from netspec.keys.tables import Rows

__all__ = [
    "BOUND",
    "HE",
    "IDENTITY",
    "LARGEST",
    "NEURONS",
    "REQUIRED",
    "ZERO",
    "Argument",
    "BadValue",
    "BiasInit",
    "Choice",
    "GpuPlace",
    "ImageShape",
    "Init",
    "Initialiser",
    "Key",
    "Kind",
    "LayerNames",
    "NeuronWord",
    "OneOf",
    "OrNone",
    "Padding",
    "PerChannel",
    "Real",
    "Rows",
    "Size2",
    "Whole",
    "of_training",
]
