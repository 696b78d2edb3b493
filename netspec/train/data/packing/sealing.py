"""The last files of a pack: labels, file names, mean, colours, and the manifest, which marks the pack as complete."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import __version__ as pillow

from netspec.train.data.moments import Colours, Moments, colours
from netspec.train.data.sources import shards as form
from netspec.train.data.sources.listing import Files, Listing
from netspec.train.data.sources.shards import Shard, as_json, as_npy
from netspec.train.data.splits import Frame
from netspec.train.errors import TrainError
from netspec.train.files import write_atomically


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """Facts about images of a shard: a (row, reason) pair for each unreadable one, the sums over the others, and how
    many pixels of their masks have each number, 0 to 255."""

    unreadable: tuple[tuple[int, str], ...]
    moments: Moments
    pixels: NDArray[np.int64]

    def __add__(self, other: ShardFacts) -> ShardFacts:
        return ShardFacts(self.unreadable + other.unreadable, self.moments + other.moments, self.pixels + other.pixels)


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of images of a split: ``listed`` = ``stored`` + ``unreadable``."""

    listed: int
    stored: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class Packed:
    """The content of a pack. ``bytes`` is the total size of its files; ``already`` says whether it was complete before
    the command ran."""

    splits: dict[str, Counts]
    classes: int
    bytes: int
    already: bool


def seal(
    listing: Listing, out: Path, frame: Frame, fingerprint: str, shards: Sequence[tuple[Shard, ShardFacts]]
) -> None:
    """Write all files of a pack except the shards. Raises ``TrainError`` if no training image could be read."""
    moments = sum((facts.moments for _, facts in shards), Moments.zero(frame))
    if moments.images == 0:
        raise _none_readable(listing, shards)
    splits: dict[str, Any] = {}
    problems: list[dict[str, str]] = []
    for name, files in listing.splits.items():
        own = [(shard, facts) for shard, facts in shards if shard.split == name]
        labels, unreadable = _labels(files, own)
        write_atomically(out / form.labels_name(name), as_npy(labels))
        write_atomically(out / form.files_name(name), as_json(files.names))
        splits[name] = {
            "listed": len(labels),
            "stored": len(labels) - len(unreadable),
            "unreadable": len(unreadable),
            "shards": [shard.name for shard, _ in own],
            "folder": files.folder,
        }
        if listing.has_masks:
            splits[name]["pixels"] = np.sum([facts.pixels for _, facts in own], axis=0).tolist()
        for index, reason in unreadable.items():
            problems.append({"split": name, "path": files.path(index), "reason": reason})
    write_atomically(out / form.MEAN, as_npy(moments.total / moments.images))
    if problems:
        write_atomically(out / form.UNREADABLE, b"".join(as_json(problem) for problem in problems))
    manifest = {
        "format": form.FORMAT,
        "version": form.VERSION,
        "size": frame.height,
        "channels": frame.channels,
        "masks": listing.has_masks,
        "shard_images": form.SHARD,
        "classes": listing.classes,
        "splits": splits,
        "colours": _as_json(colours(moments)),
        "ignored_entries": len(listing.ignored),
        "notes": listing.notes,
        "source": {"sha256": fingerprint},
        "pillow": pillow,
    }
    write_atomically(out / form.MANIFEST, as_json(manifest, indent=1))


def _none_readable(listing: Listing, shards: Sequence[tuple[Shard, ShardFacts]]) -> TrainError:
    """Return the error for a folder without a readable training image, with the first one and the reason."""
    unreadable = (
        f"{listing.splits[shard.split].path(shard.start + row)}: {reason}"
        for shard, facts in shards
        for row, reason in facts.unreadable
    )
    message = f"none of the {len(listing.train.names)} training images of {listing.root} can be read"
    return TrainError(message, *itertools.islice(unreadable, 1))


def _labels(files: Files, shards: Sequence[tuple[Shard, ShardFacts]]) -> tuple[NDArray[np.int32], dict[int, str]]:
    """Return the labels of a split's images, -1 for those that could not be read, and why, by the image's index."""
    unreadable = {shard.start + row: reason for shard, facts in shards for row, reason in facts.unreadable}
    labels = files.labels.astype(np.int32)
    labels[list(unreadable)] = -1
    return labels, unreadable


def read_pack(out: Path, *, already: bool) -> Packed:
    """Read the content of a complete pack from its manifest."""
    manifest = json.loads((out / form.MANIFEST).read_bytes())
    splits = {
        name: Counts(split["listed"], split["stored"], split["unreadable"])
        for name, split in manifest["splits"].items()
    }
    total = sum(path.stat().st_size for path in out.iterdir() if path.is_file())
    return Packed(splits, form.count_classes(manifest), total, already)


def _as_json(distribution: Colours) -> dict[str, Any]:
    return {
        "mean": distribution.mean.tolist(),
        "covariance": distribution.covariance.tolist(),
        "eigenvalues": distribution.values.tolist(),
        "eigenvectors": distribution.vectors.tolist(),
    }
