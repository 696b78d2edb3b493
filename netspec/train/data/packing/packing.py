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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netspec.train.data.moments import Moments
from netspec.train.data.packing.outfolder import claim
from netspec.train.data.packing.processes import in_processes
from netspec.train.data.packing.sealing import Known, Packed, seal, sealed
from netspec.train.data.picture import Frame, Unreadable
from netspec.train.data.sources.decode import read_image
from netspec.train.data.sources.listing import Files, Listing
from netspec.train.data.sources.shards import Shard, bytes_of, header, shards
from netspec.train.files import put_in_place, write_beside

CHUNK = 32
"""The number of images in one task of a worker process."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A worker's task: images for consecutive rows of a shard. ``part`` is the shard's temporary file, ``offset`` the
    position of the first row's pixels in it. If ``measured``, the images' sums are computed too."""

    root: Path
    names: Sequence[str]
    frame: Frame
    part: Path
    offset: int
    measured: bool


@dataclass(frozen=True, slots=True)
class _Read:
    """The result of a chunk: a (place in the chunk, reason) pair for each unreadable image, and the sums over the other
    images."""

    unreadable: Sequence[tuple[int, str]]
    moments: Moments


def _unseen(done: int) -> None:
    """Ignore progress."""


def pack(
    listing: Listing,
    out: Path,
    size: int,
    processes: int,
    *,
    begin: Callable[[int], None] = _unseen,
    progress: Callable[[int], None] = _unseen,
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
        No training image can be read, or a process was killed.
    OSError
        ``out`` cannot be written.
    """
    frame = Frame(3, size, size)
    fingerprint = fingerprint_of(listing, frame)
    with claim(listing.root, out, fingerprint) as state:
        if state.complete:
            return sealed(out, already=True)
        work = [shard for name, files in listing.splits.items() for shard in shards(name, len(files.names))]
        known = {shard.name: found for shard in work if (found := _known(shard, out, state.kept, frame)) is not None}
        done = sum(shard.stop - shard.start for shard in work if shard.name in known)
        begin(done)
        left = [shard for shard in work if shard.name not in known]
        results = in_processes(_read_chunk, _chunks(listing, left, out, frame), min(processes, _most(left)))
        try:
            for shard in left:
                found = Known((), Moments.none(frame))
                for start in range(shard.start, shard.stop, CHUNK):
                    read = next(results)
                    first = start - shard.start
                    rows = tuple((first + place, reason) for place, reason in read.unreadable)
                    found = Known(found.unreadable + rows, found.moments + read.moments)
                    done += min(CHUNK, shard.stop - start)
                    progress(done)
                _finish(shard, out, state.kept, found)
                known[shard.name] = found
        finally:
            results.close()
        seal(listing, out, frame, fingerprint, [(shard, known[shard.name]) for shard in work])
    return sealed(out, already=False)


def fingerprint_of(listing: Listing, frame: Frame) -> str:
    """Return a hash that identifies a source: its classes; the path, class and size in bytes of each file; and the
    size of the packed images. It depends neither on the folder's location nor on modification times."""
    digest = hashlib.sha256(json.dumps([str(frame), listing.classes]).encode())
    for name, files in listing.splits.items():
        for path, label in zip(files.names, files.labels.tolist(), strict=True):
            digest.update(json.dumps([name, path, label, _size(files, path)]).encode())
    return digest.hexdigest()


def _size(files: Files, name: str) -> int:
    try:
        return (files.root / name).stat().st_size
    except OSError:
        return -1  # deleted since it was listed; reading it will fail and be reported


def _most(left: Sequence[Shard]) -> int:
    """Return the number of processes that can be kept busy: one per chunk, and at least one."""
    return max(1, sum(-(-(shard.stop - shard.start) // CHUNK) for shard in left))


def _chunks(listing: Listing, left: Sequence[Shard], out: Path, frame: Frame) -> Iterator[_Chunk]:
    """Yield the chunks in order. A shard's file is created when its first chunk is yielded."""
    for shard in left:
        files = listing.splits[shard.split]
        part = _part(out, shard)
        start_of_pixels = header(shard.stop - shard.start, frame)
        part.unlink(missing_ok=True)  # a process of an earlier attempt may still have it open
        with part.open("wb") as file:
            file.write(start_of_pixels)
            file.truncate(bytes_of(shard, frame))
        for start in range(shard.start, shard.stop, CHUNK):
            names = files.names[start : min(start + CHUNK, shard.stop)]
            offset = len(start_of_pixels) + (start - shard.start) * frame.bytes
            yield _Chunk(files.root, names, frame, part, offset, shard.split == "train")


def _read_chunk(chunk: _Chunk) -> _Read:
    """Decode images and write them to their rows. Runs in a worker process."""
    pictures, unreadable = [], []
    with chunk.part.open("r+b") as file:
        for place, name in enumerate(chunk.names):
            try:
                picture = read_image(chunk.root / name, chunk.frame)
            except Unreadable as problem:
                unreadable.append((place, problem.reason))
                continue
            file.seek(chunk.offset + place * chunk.frame.bytes)
            file.write(picture.tobytes())
            pictures.append(picture)
    measured = chunk.measured and pictures
    return _Read(unreadable, Moments.of(np.stack(pictures)) if measured else Moments.none(chunk.frame))


def _finish(shard: Shard, out: Path, kept: Path, found: Known) -> None:
    """Rename a complete shard to its final name, after saving the facts about it for a process that continues."""
    moments = found.moments
    buffer = io.BytesIO()
    note = np.frombuffer(json.dumps(found.unreadable).encode(), np.uint8)
    np.savez(buffer, images=moments.images, total=moments.total, products=moments.products, unreadable=note)
    write_beside(_facts(kept, shard), buffer.getvalue())
    put_in_place(_part(out, shard), out / shard.name)


def _known(shard: Shard, out: Path, kept: Path, frame: Frame) -> Known | None:
    """Return what an earlier process saved about a shard, or ``None`` if it did not finish the shard."""
    path = out / shard.name
    facts = _facts(kept, shard)
    if not path.is_file() or path.stat().st_size != bytes_of(shard, frame) or not facts.is_file():
        return None
    with np.load(facts, allow_pickle=False) as found:
        unreadable = tuple((row, reason) for row, reason in json.loads(found["unreadable"].tobytes()))
        return Known(unreadable, Moments(int(found["images"]), found["total"], found["products"]))


def _facts(kept: Path, shard: Shard) -> Path:
    return kept / f"{shard.name}.npz"


def _part(out: Path, shard: Shard) -> Path:
    return out / f".{shard.name}.part"
