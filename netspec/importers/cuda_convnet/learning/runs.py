"""Divide the notes of a parameter file into runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from netspec.importers.cuda_convnet.learning.notes import Batch, Change, Colour, End, Note, Unread, epoch_of, interpret
from netspec.importers.cuda_convnet.reading import Comment, Config
from netspec.source import Span

MAX_LINES = 1000
"""The most lines of comments that are read. The longest notes of 2012 have 47."""


@dataclass(slots=True)
class Run:
    """The notes on one run, in the order of the file.

    ``end`` is the epoch at which the run ended, ``end_line`` the line that states it, ``last`` the highest epoch of all
    lines, and ``batch`` the batch size.
    """

    changes: list[Change] = field(default_factory=list)
    colours: list[Colour] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    end: float | None = None
    end_line: Span | None = None
    last: float = 0.0
    batch: int | None = None

    def add(self, notes: Iterable[Note]) -> None:
        """Add the notes of one line."""
        for note in notes:
            match note:
                case Change(epoch=epoch) if epoch < 0:  # counted from the previous change
                    since = self.changes[-1].epoch if self.changes else 0.0
                    self.changes.append(replace(note, epoch=since - epoch))
                case Change():
                    self.changes.append(note)
                case Colour():
                    self.colours.append(note)
                case Unread():
                    self.unread.append(note)
                case End(epoch=epoch, planned=planned) if epoch is not None:
                    if self.end is None or not planned:
                        self.end, self.end_line = epoch, note.span
                case Batch(size=size):
                    self.batch = size


def runs_of(config: Config) -> list[Run]:
    """Return the runs in the notes, in the order of the file.

    Each run is a block of comment lines without blank lines in between, at the beginning or the end of the file.
    Comments within sections are ignored.
    """
    runs: list[Run] = []
    for block in _blocks(config):
        run = Run()
        above: float | None = None
        for comment in block:
            run.add(interpret(comment.text, comment.span, above))
            epoch = epoch_of(comment.text)
            run.last = max(run.last, epoch or 0.0)
            above = epoch or (above if comment.text.startswith("   ") else None)
        if runs and _continues(runs[-1], run, block):
            end = [End(run.end_line, run.end)] if run.end_line is not None else []
            runs[-1].add([*run.changes, *run.colours, *run.unread, *end])
            runs[-1].last = max(runs[-1].last, run.last)
        else:
            runs.append(run)
    return [run for run in runs if run != Run(last=run.last)]


def _blocks(config: Config) -> Iterator[list[Comment]]:
    """Yield the blocks of consecutive comment lines before the first section and after the last key.

    An empty comment ends a block just as a blank line does.
    """
    begin = min((section.span.start for section in config.sections.values()), default=0)
    end = max((o.span.end for section in config.sections.values() for o in section.options.values()), default=0)
    block: list[Comment] = []
    for comment in config.comments[:MAX_LINES]:
        if begin < comment.span.start < end or not comment.text.strip():
            continue
        if block and comment.span.line != block[-1].span.line + 1:
            yield block
            block = []
        block.append(comment)
    if block:
        yield block


def _continues(above: Run, run: Run, block: list[Comment]) -> bool:
    """Whether a block continues the run above it: that run has not ended, and all lines of the block are later."""
    if not above.changes or not run.changes or above.end is not None:
        return False
    later = 0 < above.changes[-1].epoch <= run.changes[0].epoch
    return later and all(epoch_of(comment.text) or comment.text.startswith("   ") for comment in block)
