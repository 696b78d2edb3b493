"""Caffe's files for the tests: layers as text."""

from __future__ import annotations

from collections.abc import Sequence


def message(**fields: object) -> str:
    """Return the fields of a message: strings in quotes, words as they are if they are in capitals, dicts in braces."""
    parts = []
    for name, value in fields.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, dict):
                parts.append(f"{name} {{ {message(**item)} }}")
            elif isinstance(item, str) and not item.isupper():
                parts.append(f'{name}: "{item}"')
            else:
                parts.append(f"{name}: {str(item).lower() if isinstance(item, bool) else item}")
    return " ".join(parts)


def layer(
    name: str, type_: str, bottom: str | Sequence[str] = (), top: str | Sequence[str] = "", **fields: object
) -> str:
    """Return a layer on a line of its own. Its top has by default its name."""
    text = f'name: "{name}" type: "{type_}" {message(bottom=bottom, top=top or name, **fields)}'
    return f"layer {{ {text} }}\n"


def images(*sizes: int, name: str = "data") -> str:
    """Return the layer with the images: channels, height, width."""
    return layer(name, "Input", input_param={"shape": {"dim": [1, *sizes]}})


def labelled(*sizes: int) -> str:
    """Return layers with images and labels, to train with."""
    dims = [{"dim": [10, *sizes]}, {"dim": [10]}]
    return layer("data", "DummyData", top=["data", "label"], dummy_data_param={"shape": dims})
