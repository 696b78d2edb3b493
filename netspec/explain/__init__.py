"""Reference pages in Markdown for layer types, settings, keys, values and diagnostics.

The pages of types, settings and keys are generated from their definitions, with examples computed by the compiler.
"""

from __future__ import annotations

from netspec import layers, setting_keys
from netspec.explain import codes, keys, types, values
from netspec.explain.markdown import first_sentence

__all__ = ["brief", "index", "page", "words"]


def page(word: str) -> str | None:
    """Return the page of a word, or ``None`` if nothing has this name.

    If several things have this name, the page is that of the first of these: layer type, setting, diagnostic, key.
    Sections on its meanings as a value, or as an argument of a value, follow.
    """
    first, others = _main_page(word), values.sections(word)
    if first is None:
        return f"# {word}\n\n{others}" if others else None
    return f"{first}\n{others}" if others else first


def brief(word: str) -> str | None:
    """Return the first paragraph of a word's page, or ``None`` if nothing has this name."""
    paragraphs = (page(word) or "").split("\n\n")
    return next((f"{text.strip()}\n" for text in paragraphs if text and not text.startswith("#")), None)


def _main_page(word: str) -> str | None:
    layer_type = layers.find(word)
    if layer_type is not None:
        return types.page(layer_type)
    if word in setting_keys.SETTINGS:
        return keys.setting_page(word)
    if word in codes.names():
        return codes.page(word)
    return keys.page(word)


def words() -> tuple[str, ...]:
    """Return all words that have a page."""
    return tuple(
        dict.fromkeys((*layers.names(), *setting_keys.SETTINGS, *codes.names(), *keys.names(), *values.names())),
    )


def index() -> str:
    """Return a page that lists all layer types, settings and diagnostics with a line on each, and all keys and
    values."""
    parts = [
        ("Layer types", [(layer_type.name, layer_type.doc) for layer_type in layers.all_types()]),
        ("Settings", [(word, setting.doc) for word, setting in setting_keys.SETTINGS.items()]),
        ("Diagnostics", [(code, codes.summary(code)) for code in codes.names()]),
    ]
    lists = [
        f"## {title}\n\n" + "".join(f"- `{w}`: {first_sentence(doc)}\n" for w, doc in rows) for title, rows in parts
    ]
    for title, words in (("Keys", keys.names()), ("Values, and the numbers that they take", values.names())):
        lists.append(f"## {title}\n\n" + ", ".join(f"`{word}`" for word in words) + "\n")
    return "\n".join(lists)
