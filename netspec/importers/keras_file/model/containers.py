"""The files that Keras writes: a zip archive (``.keras``), JSON (``to_json``), and HDF5 (``.h5``).

Nothing in a file is executed: a program that a file has, as that of a ``Lambda`` layer, is a text like any other.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import CannotOpen
from netspec.formatting import format_count
from netspec.importers.keras_file.model.fields import Broken, Fields
from netspec.opening import cannot_open
from netspec.source import KERAS_ARCHIVE, ModelFile, Source

if TYPE_CHECKING:
    from netspec.importers.keras_file.model.store import Store

_MAX_JSON = 32 * 2**20
"""In bytes. The largest network of keras.applications has 1,100,000."""
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF"
"""The first bytes of files."""
_ARCHIVED = ("config.json", "metadata.json", "model.weights.h5")


@dataclass(frozen=True, slots=True)
class File:
    """What a file of Keras has: the model's JSON, the version of Keras if it is stated, and how it was compiled.

    ``weights`` opens the weights in the file (``CannotOpen``, ``Broken``), ``None`` if the file is a text.
    """

    model: Fields
    version: str
    compiled: Any
    weights: Callable[[], Store] | None

    @property
    def is_before_3(self) -> bool:
        """Whether the file is of Keras 2 or 1; a text without a version is if its layers have no modules."""
        return not self.version.startswith("3") if self.version else "module" not in self.model.values


def read_file(source: Source) -> File:
    """Read a file: the text of JSON, or the file that a ``ModelFile`` names.

    Raises ``Broken`` if it is not a model, and ``CannotOpen`` if it cannot be read.
    """
    if not isinstance(source, ModelFile):
        return _file(source.text, "", None, None)
    path = Path(source.name)
    try:
        with path.open("rb") as opened:
            start = opened.read(len(_ZIP))
    except OSError as error:
        raise cannot_open(source.name, error) from None
    is_archive = start == _ZIP or (start != _HDF5 and source.name.lower().endswith(KERAS_ARCHIVE))
    return _archive(path) if is_archive else _hdf5(path)


def weights_in(path: Path) -> Store:
    """Open the weights in a file of them alone or of a whole model, HDF5 or a zip archive.

    Raises ``CannotOpen`` and ``Damaged``.
    """
    from netspec.importers.keras_file.model.store import store_of

    try:
        with path.open("rb") as opened:
            is_archive = opened.read(len(_ZIP)) == _ZIP
    except OSError as error:
        raise cannot_open(path, error) from None
    return _archived(path) if is_archive else store_of(path, path.name)


def _archived(path: Path) -> Store:
    """Open the weights in a zip archive. Raises ``Damaged`` and ``CannotOpen``."""
    from netspec.importers.keras_file.model.store import Damaged, store_of

    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open(_ARCHIVED[2]) as member:
                if member.read(len(_HDF5)) != _HDF5:  # before all of it is read
                    raise Damaged(f"{_ARCHIVED[2]} in {path.name} is not HDF5")
            return store_of(io.BytesIO(archive.read(_ARCHIVED[2])), path.name)
    except KeyError:
        raise Damaged(f"{path.name} has no weights: it is a zip archive without {_ARCHIVED[2]}") from None
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, zlib.error) as error:
        raise Damaged(f"{path.name}: {error}") from None


def _archive(path: Path) -> File:
    try:
        with zipfile.ZipFile(path) as archive:
            config, metadata = (_member(archive, name) for name in _ARCHIVED[:2])
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error) as error:
        raise Broken(f"it is no zip archive as Keras writes it: {error}") from None
    version = _json(metadata).get("keras_version", "")
    model = _json(config)
    return _file(config, str(version), model.get("compile_config"), lambda: _archived(path))


def _member(archive: zipfile.ZipFile, name: str) -> str:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise Broken(f"it is a zip archive without {name}") from None
    with archive.open(info) as member:
        data = member.read(_MAX_JSON + 1)
    if len(data) > _MAX_JSON:
        raise Broken(f"its {name} has more than {format_count(_MAX_JSON)} bytes")
    return data.decode()


def _hdf5(path: Path) -> File:
    from netspec.importers.keras_file.model.store import WEIGHTS_ALONE, attributes, store_of

    found = attributes(path)
    if "model_config" not in found:
        alone = WEIGHTS_ALONE in found
        note = (
            "a file of weights alone, which --weights takes beside a model.json" if alone else "HDF5 of another program"
        )
        raise Broken(f"it has no attribute model_config: it is {note}")
    training = found.get("training_config", "null")
    return _file(
        found["model_config"], found.get("keras_version", ""), _any(training), lambda: store_of(path, path.name)
    )


def _file(text: str, version: str, compiled: Any, weights: Callable[[], Store] | None) -> File:
    model = _json(text)
    if isinstance(topology := model.get("modelTopology"), dict):  # TensorFlow.js, whose weights are in other files
        model = topology.get("model_config", topology)
        version = str(topology.get("keras_version", ""))
        if not isinstance(model, dict):
            raise Broken("its modelTopology is not an object")
    stated = version or model.get("keras_version", "")
    return File(Fields(model, "the model"), str(stated), compiled or model.get("compile_config"), weights)


def _json(text: str) -> dict[str, Any]:
    value = _any(text)
    if not isinstance(value, dict):
        raise Broken(f"its JSON is {type(value).__name__}, not an object")
    return value


def _any(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise Broken("its JSON is nested too deep") from None
    except ValueError as error:
        raise Broken(f"its JSON is wrong: {error}") from None


def needs_h5py(name: str) -> CannotOpen:
    """Return the error if the library h5py is not installed."""
    return CannotOpen(f"reading {name} needs h5py: pip install 'netspec-compiler[keras]'")
