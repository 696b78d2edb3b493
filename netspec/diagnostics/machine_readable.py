"""Diagnostics as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from netspec.diagnostics.model import Diagnostic
from netspec.source import Span


def to_json(diagnostics: Sequence[Diagnostic]) -> str:
    """Return diagnostics as a JSON list, in the format that scripts rely on. Lines and columns count from 1."""
    return json.dumps([as_dict(d) for d in diagnostics], indent=1)


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return one diagnostic as plain data."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **span_fields(diagnostic.span),
        "notes": [
            *diagnostic.notes,
            *(rejected.text for rejected in diagnostic.rejected),
        ],
        "fixes": [
            {
                "title": fix.text,
                "edits": [{**span_fields(edit.span), "text": edit.text} for edit in fix.edits],
                "checks": fix.checks,
            }
            for fix in diagnostic.fixes
        ],
        "labels": [{**span_fields(label.span), "text": label.text} for label in diagnostic.labels],
    }


def span_fields(span: Span) -> dict[str, Any]:
    """Return a span as plain data: file, line and column of its start and end."""
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
