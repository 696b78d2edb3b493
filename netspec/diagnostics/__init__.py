"""Diagnostics as data, and their renderings as text, JSON and SARIF."""

from netspec.diagnostics.model import (
    CannotFind,
    CannotOpen,
    Diagnostic,
    Edit,
    Fix,
    Label,
    OutsideFolder,
    Rejected,
    Severity,
    SpecError,
    apply,
    in_order,
)

__all__ = [
    "CannotFind", "CannotOpen", "Diagnostic", "Edit", "Fix", "Label", "OutsideFolder", "Rejected", "Severity",
    "SpecError", "apply", "in_order",
]  # fmt: skip
