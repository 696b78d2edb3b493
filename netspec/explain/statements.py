"""The page of a setting, generated from the definitions of its keys."""

from __future__ import annotations

from netspec.explain.keys import forms_table, key_table
from netspec.explain.markdown import spec
from netspec.setting_keys import ABOUT, SETTINGS


def page(word: str) -> str:
    """Return the page of a setting: its doc, an example line, and its keys."""
    about = ABOUT[word]
    parts = [f"# {word}", about.doc, spec(about.example, kind="").rstrip()]
    keys = SETTINGS.get(word, ())
    if keys:
        parts += ["## Keys", key_table(keys).rstrip()]
    forms = forms_table(keys)
    return "\n\n".join([*parts, forms.rstrip()] if forms else parts) + "\n"
