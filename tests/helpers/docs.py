"""What is generated of the documentation. ``python tests/helpers/docs.py`` writes it anew.

That is: the outputs in the diagnostics' pages, docs/language.md and docs/diagnostics.md.
``pages.py`` has the pages whose commands are run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import puzzle
from examples import fresh
from places import ROOT

from netspec import layers, setting_keys
from netspec.explain import codes, statements, types
from netspec.explain.keys import forms_table
from netspec.explain.markdown import lowered, table
from netspec.keys import Init, Key, Kind, NeuronWord
from netspec.net import loads

LANGUAGE = ROOT / "docs" / "language.md"
INDEX = ROOT / "docs" / "diagnostics.md"
GRAMMAR = ROOT / "netspec" / "language" / "netspec.lark"
OF_ONNX = ("random-in-onnx",)
"""Pages whose example needs the library onnx."""


def written() -> tuple[Path, ...]:
    """Every document of which a part is generated, with the libraries that there are."""
    shown = (code for code in codes.names() if code not in OF_ONNX or find_spec("onnx") is not None)
    return (LANGUAGE, INDEX, *(codes.FOLDER / f"{code}.md" for code in shown))


def anew(path: Path) -> str:
    """A document as it should be now."""
    return fresh(path.read_text("utf-8"), PARTS)


def grammar() -> str:
    """The grammar, as the parser reads it."""
    return f"```\n{GRAMMAR.read_text('utf-8')}```\n"


def layer_types() -> str:
    """The page of every layer type."""
    return "\n".join(lowered(types.page(found), 2) for word in layers.names() if (found := layers.find(word)))


def settings_() -> str:
    """The page of every setting."""
    return "\n".join(lowered(statements.page(word), 2) for word in setting_keys.ABOUT)


def initial_values() -> str:
    """What each initialiser draws for AlexNet's first layer."""
    rows = []
    for word in INITIALISERS:
        text = f"{word}({INITIALISERS[word]})" if INITIALISERS[word] else word
        net = loads(f"[image] input 3x227x227\n[conv1] conv filters=96 kernel=11 stride=4 init={text}")
        rows.append((f"`init={text}`", str(net.graph.parameters["conv1.weight"].distribution)))
    return table(("written", "drawn from"), rows)


def words(kind: Kind) -> str:
    """The words of a kind of value, with the numbers that they take."""
    return forms_table((Key("words", kind, "words"),)).partition("\n\n")[2]


def index() -> str:
    """Every code with what is wrong, and its page."""
    rows = [(f"[{code}](../netspec/diagnostics/pages/{code}.md)", codes.summary(code)) for code in codes.names()]
    return table(("code", "what is wrong"), rows)


INITIALISERS = {"gaussian": "0.01", "uniform": "0.05", "constant": "0", "xavier": "", "he": "", "torch": ""}
"""Every word of ``init=``, with the number of the example."""

PARTS: Mapping[str, Callable[[], str]] = {
    "grammar": grammar,
    "initial-values": initial_values,
    "initialisers": lambda: words(Init()),
    "neurons": lambda: words(NeuronWord()),
    "layer-types": layer_types,
    "settings": settings_,
    "index": index,
    "repairs": puzzle.repairs,
    "differences": puzzle.differences,
    "others": puzzle.others,
}

if __name__ == "__main__":
    for document in written():
        document.write_text(anew(document), "utf-8")
