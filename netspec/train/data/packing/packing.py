"""Pack an image folder into arrays (see ``shards`` for the format), with several processes and resumably.

A shard is written to a temporary file, flushed and renamed. Before the renaming, facts about the shard (which images
are unreadable, the sums for the mean and the colours) are saved in ``.packing``. A killed process loses only the
current shard; the next process continues after the last complete one. All sums are integers and every row has a fixed
place, so the resulting files are identical to the byte whatever the number of processes and interruptions.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from netspec.train.data.moments import Moments
from netspec.train.data.packing.outfolder import claim
from netspec.train.data.packing.processes import CHUNK, in_processes
from netspec.train.data.packing.sealing import Packed, ShardFacts, read_pack, seal
from netspec.train.data.sources.folder import ImageFiles
from netspec.train.data.sources.listing import Files, Listing
from netspec.train.data.sources.masks.folder import MaskFiles, as_split
from netspec.train.data.sources.masks.looking import require_masks
from netspec.train.data.sources.shards import Shard, bytes_of, header, shards
from netspec.train.data.splits import Frame, Unreadable
from netspec.train.files import finish_atomically, write_atomically


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A worker's task: the images of consecutive rows of a shard, from ``row`` on. ``file`` is the shard's temporary
    file, ``offset`` the position of the first row's pixels in it. If ``measured``, the images' sums are computed too.
    """

    images: ImageFiles
    row: int
    file: Path
    offset: int
    measured: bool


def _ignore(done: int) -> None:
    """Ignore progress."""


def pack(
    listing: Listing,
    out: Path,
    size: int,
    processes: int,
    *,
    begin: Callable[[int], None] = _ignore,
    progress: Callable[[int], None] = _ignore,
) -> Packed:
    """Pack a listed folder into ``out``, or continue the pack of an earlier process.

    Parameters
    ----------
    size:
        Images are scaled so that their shorter side has this length, and their central square is stored.
    begin, progress:
        Called with the number of images done, including those of earlier processes: ``begin`` once before any image is
        read, ``progress`` after each chunk.

    Raises
    ------
    RequestError
        ``out`` contains other files, or another process is packing into it.
    TrainError
        No training image can be read, the masks cannot be used (see ``require_masks``), or a process was killed.
    OSError
        ``out`` cannot be written.
    """
    frame = Frame(3, size, size)
    stored = replace(frame, channels=frame.channels + listing.has_masks)
    fingerprint = fingerprint_of(listing, frame)
    with claim(listing.root, out, fingerprint) as state:
        if state.complete:
            return read_pack(out, already=True)
        splits = {name: as_split(files, listing, frame) for name, files in listing.splits.items()}
        if isinstance(splits["train"], MaskFiles):
            require_masks(splits["train"])
        all_shards = [shard for name, files in listing.splits.items() for shard in shards(name, len(files.names))]
        saved = {shard.name: _load_facts(shard, out, state.facts, stored) for shard in all_shards}
        finished = {name: facts for name, facts in saved.items() if facts is not None}
        done = sum(shard.rows for shard in all_shards if shard.name in finished)
        begin(done)
        remaining = [shard for shard in all_shards if shard.name not in finished]
        chunks = _chunks(splits, remaining, out, stored)
        results = in_processes(_read_chunk, chunks, min(processes, _useful_processes(remaining)))
        try:
            for shard in remaining:
                facts = ShardFacts((), Moments.zero(frame), np.zeros(256, np.int64))
                for start in range(shard.start, shard.stop, CHUNK):
                    facts += next(results)
                    done += min(CHUNK, shard.stop - start)
                    progress(done)
                _finish(shard, out, state.facts, facts)
                finished[shard.name] = facts
        finally:
            results.close()
        seal(listing, out, frame, fingerprint, [(shard, finished[shard.name]) for shard in all_shards])
    return read_pack(out, already=False)


def fingerprint_of(listing: Listing, frame: Frame) -> str:
    """Return a hash that identifies a source: its classes, and their colours if it has any; the path, class and size in
    bytes of each file, and of each mask the path and size; and the size of the packed images. It depends neither on the
    folder's location nor on modification times."""
    digest = hashlib.sha256(json.dumps([str(frame), listing.classes]).encode())
    if listing.colours is not None:
        digest.update(listing.colours.digest)
    for name, files in listing.splits.items():
        for path, label in zip(files.names, files.labels.tolist(), strict=True):
            digest.update(json.dumps([name, path, label, _size(files, path)]).encode())
        for path in files.masks or ():
            digest.update(json.dumps([name, path, _size(files, path)]).encode())
    return digest.hexdigest()


def _size(files: Files, name: str) -> int:
    try:
        return (files.root / name).stat().st_size
    except OSError:
        return -1  # deleted since it was listed; reading it will fail and be reported


def _useful_processes(remaining: Sequence[Shard]) -> int:
    """Return the number of processes that can be kept busy: one per chunk, and at least one."""
    return max(1, sum(-(-shard.rows // CHUNK) for shard in remaining))


def _chunks(splits: Mapping[str, ImageFiles], remaining: Sequence[Shard], out: Path, stored: Frame) -> Iterator[_Chunk]:
    """Yield the chunks in order, in rows of the size ``stored``. A shard's file is created when its first chunk is
    yielded."""
    for shard in remaining:
        path = _temporary_file(out, shard)
        start_of_pixels = header(shard.rows, stored)
        path.unlink(missing_ok=True)  # a process of an earlier attempt may still have it open
        with path.open("wb") as file:
            file.write(start_of_pixels)
            file.truncate(bytes_of(shard, stored))
        for start in range(shard.start, shard.stop, CHUNK):
            images = splits[shard.split].part(start, min(start + CHUNK, shard.stop))
            row = start - shard.start
            offset = len(start_of_pixels) + row * stored.bytes
            yield _Chunk(images, row, path, offset, measured=shard.split == "train")


def _read_chunk(chunk: _Chunk) -> ShardFacts:
    """Decode images and write them to their rows. Runs in a worker process."""
    split, frame = chunk.images, chunk.images.frame
    images, unreadable = [], []
    pixels = np.zeros(256, np.int64)
    with chunk.file.open("r+b") as file:
        for index in range(len(split.labels)):
            try:
                image = split.read(index)
            except Unreadable as problem:
                unreadable.append((chunk.row + index, _reason(split, index, problem)))
                continue
            file.seek(chunk.offset + index * image.nbytes)
            file.write(image.tobytes())
            images.append(image[: frame.channels])
            if isinstance(split, MaskFiles):
                pixels += np.bincount(image[-1].ravel(), minlength=256)
    measured = chunk.measured and images
    moments = Moments.from_pixels(np.stack(images)) if measured else Moments.zero(frame)
    return ShardFacts(tuple(unreadable), moments, pixels)


def _reason(split: ImageFiles, index: int, problem: Unreadable) -> str:
    """Return why an image of a split is unreadable, with the name of its mask if that is unreadable."""
    if isinstance(split, MaskFiles) and problem.path == str(split.mask_path(index)):
        return f"{split.mask_path(index).relative_to(split.files.root).as_posix()}: {problem.reason}"
    return problem.reason


def _finish(shard: Shard, out: Path, folder: Path, facts: ShardFacts) -> None:
    """Rename a complete shard to its final name, after saving the facts about it for a process that continues."""
    moments = facts.moments
    buffer = io.BytesIO()
    unreadable = np.frombuffer(json.dumps(facts.unreadable).encode(), np.uint8)
    np.savez(
        buffer,
        images=moments.images,
        total=moments.total,
        products=moments.products,
        unreadable=unreadable,
        pixels=facts.pixels,
    )
    write_atomically(_facts_file(folder, shard), buffer.getvalue())
    finish_atomically(_temporary_file(out, shard), out / shard.name)


def _load_facts(shard: Shard, out: Path, folder: Path, frame: Frame) -> ShardFacts | None:
    """Return what an earlier process saved about a shard, or ``None`` if it did not finish the shard."""
    path = out / shard.name
    facts = _facts_file(folder, shard)
    if not path.is_file() or path.stat().st_size != bytes_of(shard, frame) or not facts.is_file():
        return None
    with np.load(facts, allow_pickle=False) as facts:
        unreadable = tuple((row, reason) for row, reason in json.loads(facts["unreadable"].tobytes()))
        moments = Moments(int(facts["images"]), facts["total"], facts["products"])
        return ShardFacts(unreadable, moments, facts["pixels"])


def _facts_file(folder: Path, shard: Shard) -> Path:
    return folder / f"{shard.name}.npz"


def _temporary_file(out: Path, shard: Shard) -> Path:
    return out / f".{shard.name}.part"
