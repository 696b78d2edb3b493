"""The table of ``netspec time``."""

from __future__ import annotations

from netspec.report import Column, Table
from netspec.timing.measure import Measured, Rate
from netspec.timing.rows import LOSS, UPDATE, Row, rows
from netspec.timing.work import RULE
from netspec.units import count, duration, per_second, plain, plural, short, size

_WORDS = {LOSS: "(loss)", UPDATE: "(update)"}


def table(found: Measured) -> Table:
    """Return a table with a row for each part of the training step; notes describe the whole step, the machine and the
    hand-written network."""
    columns = (
        Column("layer", right=False),
        Column("type", right=False, rank=1),
        Column("forward"),
        Column("backward"),
        Column("share"),
        Column("FLOPs", rank=3),
        Column("bytes", rank=4),
        Column("floor", rank=2),
        Column("x floor"),
    )
    every = rows(found)
    last = (
        "total",
        "",
        duration(sum(row.forward for row in every)),
        duration(sum(row.backward for row in every)),
        "",
        short(sum(row.flops for row in every)),
        size(sum(row.bytes for row in every)),
        duration(sum(row.floor for row in every)),
        _times(found.profile.total, sum(row.floor for row in every)),
    )
    return Table(_title(found), columns, tuple(map(_cells, every)), last, tuple(_notes(found)))


def rate_words(batch: int, rate: Rate) -> str:
    """Return words like ``training 45.2 images/s (708 ms a step), inference 131 images/s (244 ms)``."""
    return (
        f"training {_per_second(batch, rate.training)} ({duration(rate.training)} a step), "
        f"inference {_per_second(batch, rate.inference)} ({duration(rate.inference)})"
    )


def _title(found: Measured) -> str:
    asked = found.question
    where = found.device_name if asked.device == "cuda" else f"CPU, {plural(found.threads, 'thread')}"
    about = f"{found.graph.name}, batch {count(asked.batch)}, {asked.precision}, {where}"
    return f"{about}\n{rate_words(asked.batch, found.rate)}"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        _WORDS.get(row.name, row.name),
        row.type,
        duration(row.forward),
        duration(row.backward) if row.backward else "",
        f"{100 * row.share:.1f} %",
        short(row.flops) if row.flops else "",
        size(row.bytes) if row.bytes else "",
        duration(row.floor) if row.floor else "",
        _times(row.forward + row.backward, row.floor),
    )


def _times(seconds: float, floor: float) -> str:
    return f"{seconds / floor:.1f}" if floor else ""


def _per_second(batch: int, seconds: float) -> str:
    return f"{per_second(batch / seconds)} images/s"


def _notes(found: Measured) -> list[str]:
    asked, machine = found.question, found.machine
    whole = plain(round(found.profile.total / found.rate.training, 2))
    notes = [
        f"medians of {asked.rounds}; the parts take {whole} of the whole step's time together",
        f"the machine: {short(round(machine.bandwidth))}B/s copied, "
        f"{short(round(machine.matrix_rate))}FLOP/s in a matrix product in {asked.precision}",
        f"optimising passes: {', '.join(found.passes) or 'none'}",
        *found.told,
        *RULE,
    ]
    for mode, rate in found.peers.items():
        notes.append(f"written by hand, {mode}: {rate_words(asked.batch, rate)}")
    best = found.fastest
    if best is not None:
        notes.append(
            f"{plain(round(best.training / found.rate.training, 2))} times the hand-written network in training, "
            f"{plain(round(best.inference / found.rate.inference, 2))} times in inference"
            + (", each against its fastest mode" if len(found.peers) > 1 else "")
        )
    return notes
