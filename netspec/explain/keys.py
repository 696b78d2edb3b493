"""Tables of keys and of their values, and the pages of keys and settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from netspec import layers
from netspec.explain.markdown import spec, table
from netspec.keys import Argument, Key
from netspec.keys.calls import Form, forms_of
from netspec.setting_keys import SETTINGS


def key_table(keys: Iterable[Key], *, several: bool = False) -> str:
    """Return a table of keys: value, unit, default and meaning.

    ``several``: the layer type may have several inputs, so the text also lists the keys that take a value for each.
    """
    definitions = tuple(keys)
    rows = [(f"`{k.name}`", k.kind.doc, k.unit, k.shown_default, k.doc) for k in definitions]
    text = table(("key", "value", "unit", "default", "meaning"), rows)
    per_input = [key.name for key in definitions if key.per_input] if several else []
    if per_input:
        names = ", ".join(f"`{name}`" for name in per_input)
        text += (
            f"\nIf the layer has several inputs, these keys may have a value for each, `{per_input[0]}=A,B`: {names}.\n"
        )
    return text


def forms_table(keys: Iterable[Key]) -> str:
    """Return a section for each key whose values are words with docs or arguments; empty if there are no such keys.

    The section has a table of the words, or a reference to the section of an earlier key that has them all.
    """
    by_name: dict[str, dict[str, Form]] = {}
    for key in keys:
        by_name.setdefault(key.name, {}).update(forms_of(key.kind))
    parts = []
    tables: dict[str, dict[str, Form]] = {}
    for name, forms in by_name.items():
        heading = f"## Values of `{name}`\n\n"
        same = next((earlier for earlier, words in tables.items() if forms.items() <= words.items()), None)
        if forms and same is None:
            tables[name] = forms
            rows = [(f"`{word}`", "; ".join(map(argument_line, f.arguments)), f.doc) for word, f in forms.items()]
            parts.append(heading + table(("word", "arguments", "meaning"), rows))
        elif forms and same:
            others = ", ".join(f"`{word}`" for word in tables[same] if word not in forms)
            parts.append(f"{heading}The same as for `{same}`{f', except {others}' if others else ''}.\n")
    return "\n".join(parts)


def words_line(keys: Iterable[Key]) -> str:
    """Return a line that refers to the pages of the keys whose values are words with docs; empty if there are none."""
    names = [key.name for key in keys if forms_of(key.kind)]
    if not names:
        return ""
    pages = ", ".join(f"`netspec explain {name}`" for name in names)
    return f"\nThe words and their arguments are explained by {pages}.\n"


def argument_line(argument: Argument) -> str:
    """Return an argument with its kind and default, in Markdown."""
    if argument.required or argument.default_text:
        return f"`{argument.name}`: {argument.kind.doc}, {default_line(argument)}"
    return f"`{argument.name}={argument.shown_default}`: {argument.kind.doc}"


def default_line(definition: Key | Argument) -> str:
    """Return ``default: `` and the default, or ``required``."""
    return "required" if definition.required else f"default: {definition.shown_default}"


@cache
def owners() -> Mapping[str, tuple[tuple[Key, tuple[str, ...]], ...]]:
    """Return the definitions of each key name, each with the layer types and settings that have it."""
    types = ((layer_type.name, layer_type.keys) for layer_type in layers.all_types())
    settings = ((word, setting.keys) for word, setting in SETTINGS.items())
    result: dict[str, list[tuple[Key, tuple[str, ...]]]] = {}
    for word, keys in (*types, *settings):
        for key in keys:
            definitions = result.setdefault(key.name, [])
            index = next((i for i, (definition, _) in enumerate(definitions) if definition == key), None)
            if index is None:
                definitions.append((key, (word,)))
            else:
                definitions[index] = (key, (*definitions[index][1], word))
    return {name: tuple(definitions) for name, definitions in result.items()}


def names() -> tuple[str, ...]:
    """Return the names of all keys, in alphabetical order."""
    return tuple(sorted(owners()))


def page(name: str) -> str | None:
    """Return a key's page, or ``None`` if no layer type or setting has a key of this name."""
    definitions = owners().get(name)
    if definitions is None:
        return None
    rows = [
        (", ".join(f"`{word}`" for word in words), key.kind.doc, key.unit, key.shown_default, key.doc)
        for key, words in definitions
    ]
    parts = [f"# {name}\n", table(("of", "value", "unit", "default", "meaning"), rows)]
    forms = forms_table(key for key, _ in definitions)
    return "\n".join([*parts, forms] if forms else parts)


def setting_page(word: str) -> str:
    """Return the page of a setting: its doc, an example line, and its keys."""
    setting = SETTINGS[word]
    parts = [f"# {word}", setting.doc, spec(setting.example, kind="").rstrip()]
    if setting.keys:
        parts += ["## Keys", key_table(setting.keys).rstrip()]
    forms = forms_table(setting.keys)
    return "\n\n".join([*parts, forms.rstrip()] if forms else parts) + "\n"
