"""Messages of Caffe's from short texts."""

from __future__ import annotations

from netspec.check.report import Findings
from netspec.importers.caffe.schema.reading import read_record
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.text.parser import read
from netspec.source import Source


def record(type_: str, text: str) -> Record:
    source = Source("a.prototxt", text)
    findings = Findings(source)
    result = read_record(read(source), type_, findings)
    assert findings.all == []
    return result
