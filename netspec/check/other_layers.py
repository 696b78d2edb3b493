"""Words of other tools for a layer type with certain keys."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from netspec.diagnostics.other_tools import plain_word

_GLOBAL_POOLING = re.compile(r"(?:adaptive|global)(avg|average|max)pool(?:ing)?|gap")
_WITH_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("droppath", "stochasticdepth"), "dropout over=images"),
    **dict.fromkeys(("channeldropout", "dropout2d", "featuredropout", "spatialdropout"), "dropout over=channels"),
    "layerscale": "affine bias=none init=constant(1e-6)",
}
"""Types of other tools, in small letters without signs between words, and how a spec writes them."""


def global_pooling(word: str) -> str | None:
    """Translate another tool's word for global pooling, such as ``GlobalAveragePooling2D``."""
    match = _GLOBAL_POOLING.fullmatch(plain_word(word))
    return match and f"{'maxpool' if match[1] == 'max' else 'avgpool'} kernel=global"


def with_its_keys(word: str, given: Container[str] = ()) -> str | None:
    """Translate another tool's type: ``dropout over=images`` for ``DropPath``.

    ``None`` for another word, or if one of the translation's keys is ``given``.
    """
    meant = global_pooling(word) or _WITH_KEYS.get(re.sub("[_-]", "", word.lower())) or _WITH_KEYS.get(plain_word(word))
    if meant is None or any(part.partition("=")[0] in given for part in meant.split()[1:]):
        return None
    return meant
