"""Real layer files, and what their own parsers computed of them, in the folder that NETSPEC_CORPUS names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from netspec.ir.shape import Shape
from netspec.source import Source

_GIVEN = os.environ.get("NETSPEC_CORPUS")
CORPUS = Path(_GIVEN) / "cuda-convnet" if _GIVEN else None


def golden(name: str) -> Any:
    return json.loads((CORPUS / name).read_text("utf-8")) if CORPUS else {}


FILES: list[dict[str, Any]] = golden("golden.json").get("files", []) if CORPUS else []
PAIRS = [(file, pair) for file in FILES for pair in file.get("pairs", [])]


def source(name: str) -> Source:
    assert CORPUS is not None
    return Source(name, (CORPUS / name).read_text("utf-8"))


def shape(file: dict[str, Any]) -> Shape:
    return Shape(*file["data"])
