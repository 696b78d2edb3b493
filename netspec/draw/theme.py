"""The colours of each role, on light and on dark paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

ThemeName: TypeAlias = Literal["light", "dark", "auto"]

_LIGHT_DARK: Mapping[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#57606a", "#9da7b3"),
    "line": ("#6e7781", "#8b949e"),
    "cross": ("#d1480c", "#ff8a4c"),
    "cone": ("#8c959f", "#768390"),
    "band": ("#f4f6f9", "#161b22"),
    "band-edge": ("#d5dbe3", "#2d343d"),
    "input-front": ("#d9dee5", "#4a535f"),
    "input-top": ("#e8ecf1", "#5c6673"),
    "input-side": ("#c3cad4", "#3b434d"),
    "input-edge": ("#6b7683", "#aab4c0"),
    "conv-front": ("#a9cdf3", "#1f4f82"),
    "conv-top": ("#cfe3f9", "#2d659f"),
    "conv-side": ("#86b5e6", "#183f69"),
    "conv-edge": ("#2f6aa8", "#7db3ee"),
    "pool-front": ("#b6dfc4", "#22573a"),
    "pool-top": ("#d7eedf", "#2f7049"),
    "pool-side": ("#95cba8", "#1a442d"),
    "pool-edge": ("#3b7f55", "#7fcb9b"),
    "fc-front": ("#d2c3ef", "#4c3a78"),
    "fc-top": ("#e6ddf7", "#614b95"),
    "fc-side": ("#b9a5e2", "#3c2d60"),
    "fc-edge": ("#6b4fae", "#b49ceb"),
    "concat-front": ("#f2dfa9", "#5e4a14"),
    "concat-top": ("#f8edcd", "#765e1d"),
    "concat-side": ("#e3ca82", "#4a3a0f"),
    "concat-edge": ("#8f6d12", "#dfbb58"),
    "other-front": ("#dcdcdc", "#494949"),
    "other-top": ("#ebebeb", "#5a5a5a"),
    "other-side": ("#c6c6c6", "#3a3a3a"),
    "other-edge": ("#6f6f6f", "#b0b0b0"),
    "neuron-fill": ("#fde8df", "#41261a"),
    "neuron-edge": ("#e0a68e", "#8a553f"),
    "norm-fill": ("#e0f1f4", "#14363c"),
    "norm-edge": ("#8fc3cd", "#3d7a86"),
    "dropout-fill": ("#f1f1f1", "#2a2d31"),
    "dropout-edge": ("#b5b5b5", "#5f666e"),
    "end-fill": ("#f6e6f3", "#3a2037"),
    "end-edge": ("#cf9dc5", "#85507c"),
}

LIGHT: Mapping[str, str] = {role: light for role, (light, _) in _LIGHT_DARK.items()}
DARK: Mapping[str, str] = {role: dark for role, (_, dark) in _LIGHT_DARK.items()}
