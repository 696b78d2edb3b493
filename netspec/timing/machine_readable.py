"""The measurements as JSON."""

from __future__ import annotations

import json
from typing import Any

import torch

from netspec.timing.measure import Measured, Rate
from netspec.timing.rows import Row, rows


def to_json(found: Measured) -> str:
    """Return the measurements as JSON, in seconds, bytes and FLOPs. Those of a layer are for the whole batch."""
    asked = found.question
    data: dict[str, Any] = {
        "net": found.graph.name,
        "device": asked.device,
        "device_name": found.device_name,
        "threads": found.threads,
        "torch": torch.__version__,
        "precision": asked.precision,
        "batch": asked.batch,
        "rounds": asked.rounds,
        "passes": list(found.passes),
        "told": list(found.told),
        "machine": {"bytes_per_s": found.machine.bandwidth, "flops_per_s": found.machine.matrix_rate},
        **_rate(found.rate, asked.batch),
        "layers": [_row(row) for row in rows(found)],
        "parts_s": found.profile.total,
    }
    best = found.fastest
    if best is not None:
        data["handwritten"] = [{"mode": mode, **_rate(rate, asked.batch)} for mode, rate in found.peers.items()]
        data["times_handwritten"] = {
            "training": best.training / found.rate.training,
            "inference": best.inference / found.rate.inference,
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
