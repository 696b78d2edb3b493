"""Read an ONNX file. The library onnx is imported here, and only when a file is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netspec.diagnostics import CannotOpen
from netspec.diagnostics.model import source_error
from netspec.formatting import format_bytes
from netspec.importers.onnx_file.graph.fused import without_fused
from netspec.importers.operators.graph.model import Array
from netspec.opening import cannot_open
from netspec.source import Source

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

OWN_DOMAINS = ("", "ai.onnx")
"""The names of the domain of ONNX's own operators."""

MAX_BYTES = 2**31
"""A protobuf message, which an ONNX file is, has fewer bytes. Larger models keep their weights in files beside it."""


def read_model(source: Source) -> ModelProto:
    """Read the file that a source is named after, with its local functions put in place of the nodes that call them.

    Weights in files beside it are not read yet (``reader``).

    Raises
    ------
    CannotOpen
        The file cannot be read, or the library onnx is not installed.
    SpecError
        ``not-onnx``: the file is not an ONNX model, or is damaged.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ModuleNotFoundError as missing:
        raise CannotOpen(f"reading {source.name} needs {missing.name}: pip install 'netspec-compiler[onnx]'") from None

    data = _bytes(source)
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise source_error(
            "not-onnx", source, "this file is not an ONNX model, or is incomplete", _what_else(data)
        ) from None
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise source_error("not-onnx", source, "this ONNX file has no graph", _what_else(data))
    if not any(entry.domain in OWN_DOMAINS for entry in model.opset_import):
        raise source_error("not-onnx", source, "this ONNX file does not say which version of the operators it uses")
    model = without_fused(_without_functions(model, source))
    about = [model.producer_name, model.producer_version, *(entry.domain for entry in model.opset_import)]
    about += [text for entry in model.metadata_props for text in (entry.key, entry.value)]
    if not all(isinstance(text, str) for text in about) or not _is_named_by_text(model.graph):
        raise source_error("not-onnx", source, "this ONNX file is damaged: it has names that are not text")
    return model


def _is_named_by_text(graph: GraphProto) -> bool:
    """Whether all names in a graph are valid UTF-8. protobuf returns others as bytes."""
    names: list[object] = [value.name for value in (*graph.input, *graph.output, *graph.initializer)]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
        names += [text for entry in node.metadata_props for text in (entry.key, entry.value)]
        if not all(_is_named_by_text(attribute.g) for attribute in node.attribute if attribute.HasField("g")):
            return False
    return all(isinstance(name, str) for name in names)


def reader(tensor: TensorProto, source: Source) -> Callable[[], Array]:
    """Return a function that reads a tensor's values, from a file beside the model if they are there.

    It raises ``SpecError`` with ``onnx-weights`` if that file is missing, too short or outside the model's folder, or
    if the values are not as many as the shape says.
    """

    def read() -> Array:
        from onnx import numpy_helper
        from onnx.external_data_helper import uses_external_data

        folder = Path(source.name).parent
        try:
            if uses_external_data(tensor):
                _need_inside(tensor, folder)
            values: Array = numpy_helper.to_array(tensor, str(folder))
        except Exception as problem:  # the library raises many kinds for damaged tensors and missing files
            notes = (str(problem).partition("\n")[0],)
            raise source_error("onnx-weights", source, f"the values of {tensor.name} cannot be read", notes) from None
        return values

    return read


def _need_inside(tensor: TensorProto, folder: Path) -> None:
    """Raise ``ValueError`` unless a tensor's file is in the model's folder, which it may not leave by links either."""
    location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    path, root = os.path.realpath(folder / location), os.path.realpath(folder)
    if not path.startswith(f"{root.rstrip(os.sep)}{os.sep}"):
        raise ValueError(f"they are in {location}, which is outside the model's folder")
    if not Path(path).is_file():
        raise ValueError(f"they are in {location}, and there is no such file beside the model")


def _bytes(source: Source) -> bytes:
    path = Path(source.name)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size >= MAX_BYTES:
                note = f"it has {format_bytes(size)}; larger models keep their weights in files beside the model"
                raise source_error("not-onnx", source, "this file is too large for an ONNX model", (note,))
            return file.read()
    except OSError as error:
        raise cannot_open(source.name, error) from None


def _what_else(data: bytes) -> tuple[str, ...]:
    """Say what a file is that is not a model, if its first bytes tell."""
    marks = (
        (b"version https://git-lfs", "it is a pointer of Git LFS: git lfs pull fetches the file itself"),
        (b"PK\x03\x04", "it is a zip archive, as torch.save writes; torch.onnx.export writes ONNX files"),
        (b"\x89HDF", "it is HDF5, as Keras writes: with the ending .h5, netspec import converts it"),
        (b"<", "it begins as a web page does: the download may have failed"),
    )
    if not data:
        return ("it is empty",)
    return tuple(note for mark, note in marks if data.startswith(mark))


def _without_functions(model: ModelProto, source: Source) -> ModelProto:
    """Put the bodies of the model's local functions in place of the nodes that call them."""
    if not model.functions:
        return model
    from onnx.inliner import inline_local_functions

    try:
        inlined: Any = inline_local_functions(model)
    except Exception as problem:  # the library raises RuntimeError and others for functions that call themselves
        notes = (str(problem).partition("\n")[0],)
        raise source_error("not-onnx", source, "the functions of this ONNX file are not valid", notes) from None
    result: ModelProto = inlined
    return result
