"""The table of ``netspec time``."""

from __future__ import annotations

from netspec.formatting import (
    format_bytes,
    format_count,
    format_duration,
    format_number,
    format_rate,
    format_rounded_count,
    plural,
)
from netspec.report import ColumnOf, Table, table_of
from netspec.timing.machine import product_precision
from netspec.timing.measure import Measured, Rate
from netspec.timing.rows import LOSS, UPDATE, Row, rows
from netspec.timing.work import RULE

_WORDS = {LOSS: "(loss)", UPDATE: "(update)"}


def table(measured: Measured) -> Table:
    """Return a table with a row for each part of the training step; notes describe the whole step, the machine and the
    hand-written network."""
    all_rows = rows(measured)
    flops, moved = sum(row.flops for row in all_rows), sum(row.bytes for row in all_rows)
    floor = sum(row.floor for row in all_rows)
    columns: tuple[ColumnOf[Row], ...] = (
        ColumnOf("layer", lambda row: _WORDS.get(row.name, row.name), "total", right=False),
        ColumnOf("type", lambda row: row.type, right=False, rank=1),
        ColumnOf(
            "forward",
            lambda row: format_duration(row.forward),
            format_duration(sum(row.forward for row in all_rows)),
        ),
        ColumnOf(
            "backward",
            lambda row: format_duration(row.backward) if row.backward else "",
            format_duration(sum(row.backward for row in all_rows)),
        ),
        ColumnOf("share", lambda row: f"{100 * row.share:.1f} %"),
        ColumnOf(
            "FLOPs",
            lambda row: format_rounded_count(row.flops) if row.flops else "",
            format_rounded_count(flops),
            rank=3,
        ),
        ColumnOf("bytes", lambda row: format_bytes(row.bytes) if row.bytes else "", format_bytes(moved), rank=4),
        ColumnOf("floor", lambda row: format_duration(row.floor) if row.floor else "", format_duration(floor), rank=2),
        ColumnOf(
            "x floor",
            lambda row: _times(row.forward + row.backward, row.floor),
            _times(measured.profile.total, floor),
        ),
    )
    return table_of(_title(measured), columns, all_rows, tuple(_notes(measured)))


def rate_words(batch: int, rate: Rate) -> str:
    """Return words like ``training 45.2 images/s (708 ms a step), inference 131 images/s (244 ms)``."""
    return (
        f"training {_per_second(batch, rate.training)} ({format_duration(rate.training)} a step), "
        f"inference {_per_second(batch, rate.inference)} ({format_duration(rate.inference)})"
    )


def _title(measured: Measured) -> str:
    settings = measured.settings
    where = measured.device_name if settings.device == "cuda" else f"CPU, {plural(measured.threads, 'thread')}"
    about = f"{measured.graph.name}, batch {format_count(settings.batch)}, {settings.precision}, {where}"
    return f"{about}\n{rate_words(settings.batch, measured.rate)}"


def _times(seconds: float, floor: float) -> str:
    return f"{seconds / floor:.1f}" if floor else ""


def _per_second(batch: int, seconds: float) -> str:
    return f"{format_rate(batch / seconds)} images/s"


def _notes(measured: Measured) -> list[str]:
    settings, machine = measured.settings, measured.machine
    whole = format_number(round(measured.profile.total / measured.rate.training, 2))
    notes = [
        f"medians of {plural(settings.rounds, 'round')}; the rows add up to {whole} of the whole step's time",
        f"the machine: {format_rounded_count(round(machine.bandwidth))}B/s copied, "
        f"{format_rounded_count(round(machine.matrix_rate))}FLOP/s in a matrix product in "
        f"{product_precision(settings.device, settings.precision)}",
        f"optimising passes: {', '.join(measured.passes) or 'none'}",
        *measured.notes,
        *RULE,
    ]
    for mode, rate in measured.peers.items():
        notes.append(f"hand-written, {mode}: {rate_words(settings.batch, rate)}")
    best = measured.fastest
    if best is not None:
        notes.append(
            f"{format_number(round(best.training / measured.rate.training, 2))} times the hand-written network in "
            "training, "
            f"{format_number(round(best.inference / measured.rate.inference, 2))} times in inference"
            + (", each against its fastest mode" if len(measured.peers) > 1 else "")
        )
    return notes
