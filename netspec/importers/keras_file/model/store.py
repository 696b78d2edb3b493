"""Weights in HDF5: of Keras 3, where layers are named by their classes, and of older files, by their names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from netspec.importers.keras_file.model.containers import needs_h5py
from netspec.importers.keras_file.model.fields import Broken
from netspec.importers.keras_file.model.network import Layer

WEIGHTS_ALONE = "layer_names"
"""An attribute of a file that has weights, in the result of ``attributes``."""


_BFLOAT16 = "V2"
"""What a file has for bfloat16, which HDF5 does not know: the first half of a float32, as bytes."""
_ERRORS = (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, MemoryError)
"""What h5py raises of a file that is damaged: any of these, by where it is."""


class Damaged(Broken):
    """Weights cannot be read."""


@contextmanager
def _reading(name: str, problem: type[Broken] = Damaged) -> Iterator[None]:
    """Raise what h5py raises of a damaged file as a ``Broken``."""
    try:
        yield
    except _ERRORS as error:
        raise problem(f"{name} is damaged: {error}") from None


class Store(Protocol):
    """Weights. ``name`` is that of their file."""

    @property
    def name(self) -> str: ...

    def find(self, layer: Layer, place: int, variable: str) -> Any:
        """Return a layer's variable as an object with ``shape`` that NumPy can read, ``None`` if there is none.

        ``place`` is its number in the order in which the layer makes them, ``variable`` its name. Raises ``Damaged``.
        """


@dataclass(frozen=True, slots=True)
class ByClass:
    """Weights of Keras 3, ``layers/conv2d_1/vars/0`` (``_save_state`` of keras/src/saving/saving_lib.py)."""

    name: str
    file: Any

    def find(self, layer: Layer, place: int, variable: str) -> Any:
        with _reading(self.name):
            return _dataset(self.file, "/".join((*layer.path, "vars", str(place))))


@dataclass(frozen=True, slots=True)
class ByName:
    """Weights by layers' names (``save_weights_to_hdf5_group`` of keras/src/legacy/saving/legacy_h5_format.py)."""

    name: str
    file: Any

    def find(self, layer: Layer, place: int, variable: str) -> Any:
        with _reading(self.name):
            return self._found(layer, place, variable)

    def _found(self, layer: Layer, place: int, variable: str) -> Any:
        group = self.file.get(layer.names[0])
        stated = [_text(name) for name in getattr(group, "attrs", {}).get("weight_names", ())]
        names = {f"/{name.split(':')[0]}": name for name in stated}
        for start in range(len(layer.names)):  # with the names of all models around it, if several have such a layer
            ending = "/".join(("", *layer.names[start:], variable))
            if found := next((path for name, path in names.items() if name.endswith(ending)), None):
                return _dataset(group, found)
        alone = len(layer.names) == 1 and place < len(names)  # Keras 2 leaves out a layer's name if that has a slash
        return _dataset(group, [*names.values()][place]) if alone else None


def store_of(file: Path | BytesIO, name: str) -> Store:
    """Open weights. Raises ``Damaged`` if they are not Keras's, and ``CannotOpen`` without h5py."""
    opened = _opened(file, name)
    with _reading(name):
        legacy = opened.get("model_weights", opened)
        if "layer_names" in legacy.attrs:
            return ByName(name, legacy)
        if "layers" in opened:
            return ByClass(name, opened)
    raise Damaged(f"{name} has no weights as Keras writes them")


def attributes(path: Path) -> dict[str, str]:
    """Return the texts among the attributes of a file. Raises ``Broken`` if it is not HDF5."""
    with _opened(path, path.name, Broken) as file, _reading(path.name, Broken):
        return {str(key): _text(value) for key, value in file.attrs.items() if isinstance(value, (str, bytes))} | (
            {WEIGHTS_ALONE: ""} if {"layer_names", "layers"} & {*file.attrs, *file} else {}
        )


def values(found: Any) -> NDArray[Any]:
    """Return the numbers of a variable. Raises ``Damaged``."""
    import numpy as np

    with _reading(found.name):
        array = np.asarray(found)
    return (array.view("<u2").astype("<u4") << 16).view("<f4") if array.dtype == _BFLOAT16 else array


def _opened(file: Path | BytesIO, name: str, problem: type[Broken] = Damaged) -> Any:
    try:
        import h5py
    except ModuleNotFoundError:
        raise needs_h5py(name) from None
    try:
        return h5py.File(file, "r")
    except OSError as error:
        raise problem(f"{name} is not HDF5, or a part of it is missing: {error}") from None


def _dataset(group: Any, path: str) -> Any:
    """Return the numbers at a path in a file, ``None`` if there are none. What the file has as a link to another file,
    or as the place of the numbers in one, is not read."""
    import h5py

    found = group
    for part in path.split("/"):
        if not isinstance(found, h5py.Group) or not isinstance(found.get(part, getlink=True), h5py.HardLink):
            return None
        found = found[part]
    own = isinstance(found, h5py.Dataset) and not found.external and not found.is_virtual
    return found if own and (found.dtype.kind in "fiu" or found.dtype == _BFLOAT16) else None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
