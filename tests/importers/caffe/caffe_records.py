"""Messages of Caffe's from short texts."""

from __future__ import annotations

from netspec.check.report import Findings
from netspec.diagnostics import Diagnostic
from netspec.importers.caffe.schema.reading import read_record
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.text_format import read
from netspec.source import Source


def read_text(type_: str, text: str) -> tuple[Record, list[Diagnostic]]:
    """Return a message and the diagnostics of what is wrong with it."""
    source = Source("a.prototxt", text)
    findings = Findings(source)
    return read_record(read(source), type_, findings), findings.all


def record(type_: str, text: str) -> Record:
    result, found = read_text(type_, text)
    assert found == []
    return result
