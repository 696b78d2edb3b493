"""Checking that a data source has the same images as when a run started."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from netspec.formatting import format_count, format_sizes
from netspec.train.data.sources.folder import ImageFiles
from netspec.train.data.sources.masks.folder import MaskFiles
from netspec.train.data.splits import Data, Split
from netspec.train.errors import TrainError


def fingerprint(data: Data) -> dict[str, Any]:
    """Return a fingerprint of a source: numbers, strings and lists.

    The hashes cover the images' classes, and if they are files, their names, those of their masks, and the colours of
    the classes in these; no image is read.
    """
    return {
        "source": data.source,
        "classes": list(data.classes),
        "stored": list(dataclasses.astuple(data.frame)),
        "peak": data.peak,
        "train": _split_fingerprint(data.train),
        "validation": _split_fingerprint(data.validation),
    }


def require_same_data(then: Mapping[str, Any], data: Data) -> None:
    """Raise ``TrainError``, listing the differences, if a source does not have the fingerprint ``then``."""
    now = fingerprint(data)
    differences = []
    if then["classes"] != now["classes"]:
        differences.append(_class_difference(then["classes"], now["classes"]))
    for key, noun in (("train", "training images"), ("validation", "validation images")):
        if then[key]["images"] != now[key]["images"]:
            differences.append(
                f"{format_count(then[key]['images'])} {noun} then, {format_count(now[key]['images'])} now"
            )
        elif then[key]["sha256"] != now[key]["sha256"]:
            differences.append(
                f"{format_count(now[key]['images'])} {noun} then and now, but with other names or classes"
            )
    for key, words in (("stored", "stored as"), ("peak", "full brightness is")):
        if then[key] != now[key]:
            differences.append(f"{words} {_format(then[key])} then, {_format(now[key])} now")
    if differences:
        source = then["source"] if then["source"] == data.source else f"{data.source} (it was {then['source']})"
        raise TrainError(
            f"the data have changed since the run began: {source}",
            *differences,
            "put back what it was trained on, or begin a new run (--weights can take over what was learnt)",
        )


def _class_difference(then: list[str], now: list[str]) -> str:
    gone, new = [x for x in then if x not in now], [x for x in now if x not in then]
    if not gone and not new:
        return f"{format_count(len(now))} classes then and now, but in another order"
    text = f"{format_count(len(then))} classes then, {format_count(len(now))} now"
    for names, words in ((gone, "gone"), (new, "new")):
        if names:
            text += f"; {words}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
    return text


def _format(value: object) -> str:
    return format_sizes(value) if isinstance(value, list) else str(value)


def _split_fingerprint(split: Split | None) -> dict[str, Any]:
    if split is None:
        return {"images": 0, "sha256": ""}
    digest = hashlib.sha256(split.labels.astype("<i8").tobytes())
    if isinstance(split, ImageFiles):
        names = (*split.files.names, *(split.files.masks or ()))
        digest.update("\0".join(names).encode("utf-8", "surrogateescape"))
    if isinstance(split, MaskFiles) and split.colours is not None:
        digest.update(split.colours.digest)
    return {"images": len(split.labels), "sha256": digest.hexdigest()}
