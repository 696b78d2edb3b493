"""Keys of lines that take a part of a value."""

from __future__ import annotations

from netspec.keys.texts import pair


def slice_keys(first: int, count: int) -> dict[str, str]:
    """Return the keys of ``slice`` for this many channels from a first one on."""
    return {"channels": str(count), **({"first": str(first)} if first else {})}


def crop_keys(top: int, left: int, height: int, width: int) -> dict[str, str]:
    """Return the keys of ``crop`` for a rectangle."""
    corner = {key: str(number) for key, number in (("top", top), ("left", left)) if number}
    return {"size": pair((height, width)), **corner}
