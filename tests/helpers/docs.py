"""The generated parts of the documentation. ``python tests/helpers/docs.py`` rewrites them.

They are the outputs in the diagnostics' pages, and parts of docs/language.md and docs/diagnostics.md. The outputs in
README.md and other pages of docs/ come from ``pages.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import alexnet_sizes
from examples import fresh
from places import ROOT

from netspec import layers, setting_keys
from netspec.explain import codes, types
from netspec.explain.keys import forms_table, setting_page
from netspec.explain.markdown import table
from netspec.keys import Init, Key, Kind, NeuronWord
from netspec.net import loads

LANGUAGE = ROOT / "docs" / "language.md"
INDEX = ROOT / "docs" / "diagnostics.md"
GRAMMAR = ROOT / "netspec" / "language" / "netspec.lark"
OF_ONNX = (
    *("random-in-onnx", "not-onnx", "onnx-axes", "onnx-input", "onnx-not-expressible", "onnx-outputs", "onnx-shapes"),
    "onnx-weights",
)
"""Codes of diagnostics whose example needs the library onnx."""
OF_H5PY = ("keras-weights",)
"""Codes of diagnostics whose example needs the library h5py."""


def documents() -> tuple[Path, ...]:
    """Return all documents with generated parts, except those that need a library that is not installed."""
    missing = {
        code
        for of_library, library in ((OF_ONNX, "onnx"), (OF_H5PY, "h5py"))
        if find_spec(library) is None
        for code in of_library
    }
    shown = (code for code in codes.names() if code not in missing)
    return (LANGUAGE, INDEX, *(codes.FOLDER / f"{code}.md" for code in shown))


def up_to_date(path: Path) -> str:
    """Return the up-to-date text of a document."""
    return fresh(path.read_text("utf-8"), PARTS)


def grammar() -> str:
    """Return the parser's grammar in a code block."""
    return f"```\n{GRAMMAR.read_text('utf-8')}```\n"


def lowered(page: str) -> str:
    """Return a page with its headings two levels lower, for use inside another page."""
    return re.sub(r"^(?=#+ )", "##", page, flags=re.MULTILINE)


def layer_types() -> str:
    """Return the pages of all layer types, as sections."""
    return "\n".join(lowered(types.page(layer_type)) for word in layers.names() if (layer_type := layers.find(word)))


def settings() -> str:
    """Return the pages of all settings, as sections."""
    return "\n".join(lowered(setting_page(word)) for word in setting_keys.SETTINGS)


def initial_values() -> str:
    """Return a table of the distribution that each initialiser gives AlexNet's first layer."""
    rows = []
    for word in INITIALISERS:
        text = f"{word}({INITIALISERS[word]})" if INITIALISERS[word] else word
        net = loads(f"[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4 init={text}")
        rows.append((f"`init={text}`", str(net.graph.parameters["conv1.weight"].distribution)))
    return table(("written", "drawn from"), rows)


def words(kind: Kind) -> str:
    """Return a table of the words of a kind of value, with the numbers that they take."""
    return forms_table((Key("words", kind, "words"),)).partition("\n\n")[2]


def index() -> str:
    """Return a table of all codes, with a summary and a link to the page of each."""
    rows = [(f"[{code}](../netspec/diagnostics/pages/{code}.md)", codes.summary(code)) for code in codes.names()]
    return table(("code", "what is wrong"), rows)


INITIALISERS = {
    "gaussian": "0.01",
    "uniform": "0.05",
    "constant": "0",
    "xavier": "",
    "he": "",
    "torch": "",
    "bilinear": "",
}
"""The words of ``init=``, with the argument that each has in the example."""

PARTS: Mapping[str, Callable[[], str]] = {
    "grammar": grammar,
    "initial-values": initial_values,
    "initialisers": lambda: words(Init(of_kernels=True)),
    "neurons": lambda: words(NeuronWord()),
    "layer-types": layer_types,
    "settings": settings,
    "index": index,
    "repairs": alexnet_sizes.repairs,
    "differences": alexnet_sizes.differences,
    "others": alexnet_sizes.others,
}

if __name__ == "__main__":
    for path in documents():
        path.write_text(up_to_date(path), "utf-8")
