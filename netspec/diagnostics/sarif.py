"""Diagnostics as SARIF 2.1.0 (OASIS standard, 27 March 2020), for code hosts and editors that read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from netspec.diagnostics.model import Diagnostic, Edit, Fix
from netspec.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(diagnostics: Sequence[Diagnostic], version: str) -> str:
    """Return a SARIF log of one run of this version, with a result for each diagnostic and a rule for each code."""
    codes = sorted({d.code for d in diagnostics})
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "netspec",
                        "version": version,
                        "rules": [{"id": code, "help": {"text": f"netspec explain {code}"}} for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(d, codes) for d in diagnostics],
            }
        ],
    }
    return json.dumps(log, indent=1)


def _result(diagnostic: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    message = "\n".join([diagnostic.message, *diagnostic.notes])
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": diagnostic.severity,
        "message": {"text": message},
        "locations": [_labelled(diagnostic.span, diagnostic.own_label)],
    }
    others = diagnostic.other_labels
    if others:
        result["relatedLocations"] = [
            {"id": number, **_labelled(label.span, label.text)} for number, label in enumerate(others)
        ]
    if diagnostic.fixes:
        result["fixes"] = [_fix(fix) for fix in diagnostic.fixes]
    return result


def _fix(fix: Fix) -> dict[str, Any]:
    """Return a fix with its edits grouped by file, as the standard requires."""
    by_file: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.span.source.name, []).append(edit)
    return {
        "description": {"text": fix.text},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(name)},
                "replacements": [
                    {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in edits
                ],
            }
            for name, edits in by_file.items()
        ],
    }


def _labelled(span: Span, label: str) -> dict[str, Any]:
    """Return a location with its label, if there is one."""
    message = {"message": {"text": label}} if label else {}
    return {"physicalLocation": _location(span), **message}


def _location(span: Span) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(span.source.name)}, "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(name: str) -> str:
    """Return a file's name as a relative or absolute URI."""
    path = PurePath(name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
