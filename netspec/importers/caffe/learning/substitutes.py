"""What a spec says in place of what Caffe does, or of what a file leaves out."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic
from netspec.source import Span


def substitute(message: str, span: Span, *notes: str) -> Diagnostic:
    """Return the warning about it."""
    return Diagnostic("caffe-substitute", message, (span,), notes, severity="warning")
