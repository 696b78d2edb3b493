"""Which page helps with a word that has none: one of another tool, or a misspelt one."""

from __future__ import annotations

import re

from netspec import layers
from netspec.check.other_tools.types import with_its_keys
from netspec.diagnostics.nearest import nearest
from netspec.diagnostics.other_tools.augmentations import AUGMENTATIONS
from netspec.diagnostics.other_tools.keys import ABSENT_COUNTS, ABSENT_KEYS, ABSENT_SETTINGS, STANDS_FOR
from netspec.diagnostics.other_tools.types import ABSENT_TYPES
from netspec.diagnostics.other_tools.words import WORDS, plain_word
from netspec.keys.counts import OF_NETWORK

_QUALIFIED = re.compile(r"(?:\w+\.)+(?=\w)|\(.*")
"""What stands around a word in a program: ``nn.`` of ``nn.Conv2d``, and the arguments of a call."""

_MODULES = (
    "in Python, netspec.from_torch(model, (3, 224, 224)) makes a network of a module, its source.text is the spec, and "
    "netspec.torch_module makes a module of a network (netspec explain torch-not-expressible)"
)

_MASKED = (
    "a network whose scores are maps is trained on images with masks, PNG files whose pixels are numbers of classes "
    "(netspec train --help)"
)

FILES = {
    "pytorch": _MODULES,
    **dict.fromkeys(("mask", "masks", "segmentation", "semanticsegmentation"), _MASKED),
    "keras": "all commands read models of Keras (netspec diff SPEC model.keras), and netspec import converts them "
    "(netspec explain keras-not-expressible)",
    "onnx": "all commands read ONNX models of other programs (netspec diff SPEC model.onnx), netspec import converts "
    "them, and netspec compile --to onnx writes them (netspec explain onnx-not-expressible)",
}
"""Words for files and modules that netspec reads or writes, and how."""


def advice(word: str, known: tuple[str, ...]) -> str:
    """Say which page of those on the ``known`` words helps with a word that has none; empty if that is not known."""
    word = _QUALIFIED.sub("", word)
    plain = plain_word(word)
    if plain in FILES:
        return FILES[plain]
    meant = WORDS.get(plain, ("",))[0]
    if layers.find(meant) is None and (translated := with_its_keys(word)):
        return f"a spec writes it as {translated} (netspec explain {translated.split()[0]})"
    if (count := meant or plain) in OF_NETWORK and count not in known:
        return f"a claim states it, -> {count}=1000: {OF_NETWORK[count]} (netspec explain claim-refuted)"
    same_type = layers.find(meant or plain) or layers.find(plain)
    if not meant and same_type is None and (note := _note(plain, known)):
        return note
    near = same_type.name if same_type else nearest(word, known)
    return f"did you mean {near!r}?" if near else ""


def _note(plain: str, known: tuple[str, ...]) -> str:
    """Return the note on what specs do not have, with the page of what it names instead, if it names something."""
    if plain in AUGMENTATIONS:
        note = AUGMENTATIONS[plain]
        names = [*re.findall(r"(\w+)=", note), "augment"]
    elif plain in ABSENT_TYPES:
        note = ABSENT_TYPES[plain]
        names = [name for name in re.findall(r"\w+", note) if layers.find(name)]
    else:
        note = ABSENT_KEYS.get(plain) or ABSENT_SETTINGS.get(plain) or ABSENT_COUNTS.get(plain, "")
        names = [STANDS_FOR.get(plain, ""), *re.findall(r"(\w+)=", "" if plain in ABSENT_COUNTS else note)]
    page = next((name for name in names if name in known), None)
    return note if page is None or "netspec explain" in note else f"{note} (netspec explain {page})"


def same_name(layer_type: str) -> str:
    """Say which other layer type other tools call by the name of this one; empty if there is none."""
    meant = next(filter(layers.find, WORDS.get(layer_type, ())), None) if layers.find(layer_type) else None
    return f"what other tools call {layer_type} is {meant} here: netspec explain {meant}" if meant else ""
