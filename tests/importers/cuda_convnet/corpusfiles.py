"""Real layer files, and the results of their own parsers, in the folder that NETSPEC_CORPUS names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netspec.importers.cuda_convnet import Dialect
from netspec.ir.shape import Shape
from netspec.net import ImportOptions, Net, import_layer_file
from netspec.source import Source

_FOLDER = os.environ.get("NETSPEC_CORPUS")
CORPUS = Path(_FOLDER) / "cuda-convnet" if _FOLDER else None


def golden(name: str) -> Any:
    return json.loads((CORPUS / name).read_text("utf-8")) if CORPUS else {}


FILES: list[dict[str, Any]] = golden("golden.json").get("files", []) if CORPUS else []
PAIRS = [(file, pair) for file in FILES for pair in file.get("pairs", [])]
PROBES: list[dict[str, Any]] = golden("probes.json") if CORPUS else []
Case = tuple[dict[str, Any], str | None]
CASES: list[Case] = [
    *((file, None) for file in FILES),
    *((f, p["params"]) for f, p in PAIRS if p["accepted_by_original"] or p.get("ok_after_naming_schedules")),
]


def source(name: str) -> Source:
    assert CORPUS is not None
    return Source(name, (CORPUS / name).read_text("utf-8"))


def shape(file: dict[str, Any]) -> Shape:
    return Shape(*file["data"])


def probes() -> Iterator[tuple[dict[str, Any], Dialect]]:
    for probe in PROBES:
        if probe["name"] != "gpu_out_of_range":  # the number of GPUs is chosen for a run, not in the file
            yield probe, "2012"
            yield probe, "v2"


def case_id(case: Case) -> str:
    file, params = case
    return str(params or file["file"])


def import_options(params: str | None) -> ImportOptions:
    return ImportOptions(source(params) if params else None, merged=True)


def import_case(file: dict[str, Any], params: str | None) -> Net:
    return import_layer_file(source(file["file"]), shape(file), options=import_options(params))


def corpus_param(number: int, case: Case) -> Any:
    """A parametrize case; all but one in eight are slow."""
    return pytest.param(case, id=case_id(case), marks=() if number % 8 == 0 else pytest.mark.slow)
