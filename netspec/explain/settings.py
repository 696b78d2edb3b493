"""The page of a setting, generated from the definitions of its keys."""

from __future__ import annotations

from netspec.explain.keys import forms_table, key_table
from netspec.explain.markdown import spec
from netspec.setting_keys import SETTINGS


def page(word: str) -> str:
    """Return the page of a setting: its doc, an example line, and its keys."""
    setting = SETTINGS[word]
    parts = [f"# {word}", setting.doc, spec(setting.example, kind="").rstrip()]
    if setting.keys:
        parts += ["## Keys", key_table(setting.keys).rstrip()]
    forms = forms_table(setting.keys)
    return "\n\n".join([*parts, forms.rstrip()] if forms else parts) + "\n"
