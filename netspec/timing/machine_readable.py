"""The measurements as JSON."""

from __future__ import annotations

import json
from typing import Any

import torch

from netspec.timing.measure import Measured, Rate
from netspec.timing.rows import Row, rows


def to_json(measured: Measured) -> str:
    """Return the measurements as JSON, in seconds, bytes and FLOPs. Those of a layer are for the whole batch."""
    settings = measured.settings
    data: dict[str, Any] = {
        "net": measured.graph.name,
        "device": settings.device,
        "device_name": measured.device_name,
        "threads": measured.threads,
        "torch": torch.__version__,
        "precision": settings.precision,
        "batch": settings.batch,
        "rounds": settings.rounds,
        "passes": list(measured.passes),
        "told": list(measured.notes),
        "machine": {"bytes_per_s": measured.machine.bandwidth, "flops_per_s": measured.machine.matrix_rate},
        **_rate(measured.rate, settings.batch),
        "layers": [_row(row) for row in rows(measured)],
        "parts_s": measured.profile.total,
    }
    best = measured.fastest
    if best is not None:
        data["handwritten"] = [{"mode": mode, **_rate(rate, settings.batch)} for mode, rate in measured.peers.items()]
        data["times_handwritten"] = {
            "training": best.training / measured.rate.training,
            "inference": best.inference / measured.rate.inference,
        }
    return json.dumps(data, indent=1)


def _rate(rate: Rate, batch: int) -> dict[str, Any]:
    return {
        "training": {"images_per_s": batch / rate.training, "step_s": rate.training},
        "inference": {"images_per_s": batch / rate.inference, "step_s": rate.inference},
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "type": row.type,
        "forward_s": row.forward,
        "backward_s": row.backward,
        "share": row.share,
        "flops": row.flops,
        "bytes": row.bytes,
        "floor_s": row.floor,
    }
