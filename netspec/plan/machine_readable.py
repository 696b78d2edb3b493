"""Plans as JSON: bytes as integers, seconds unrounded."""

from __future__ import annotations

import json
from typing import Any

from netspec.plan.crossing import RULE, Crossing
from netspec.plan.model import DevicePlan, Plan
from netspec.plan.results import Fitting, PlanResult
from netspec.plan.scaling import MODEL, Timed


def to_json(result: PlanResult) -> str:
    """Return the whole result as JSON."""
    request = result.request
    data: dict[str, Any] = {
        "net": result.ways[0].plan.graph.name,
        "batch": request.batch,
        "precision": request.precision,
        "rule": RULE,
        "plans": [{**_plan(way.plan), **_fits(way.fitting)} for way in result.ways],
        "left_out": [{"gpus": way.devices, "split": way.split, "reason": way.reason} for way in result.left_out],
        "groups_send_less_up_to_batch": {str(devices): even for devices, even in result.even.items()},
    }
    if request.limit is not None:
        data["memory_bytes"] = request.limit
    if request.machine:
        data["model"] = list(MODEL)
        data["scaling"] = [_timed(way.timed) for way in result.ways if way.timed]
        data["fastest"] = [
            {"gpus": devices, "batch": batch, **_timed(way)} for (devices, batch), way in result.winners.items()
        ]
    return json.dumps(data, indent=1)


def _fits(fitting: Fitting | None) -> dict[str, int]:
    return {} if fitting is None else {"largest_batch": fitting.batch, "least_bytes": fitting.least}


def _plan(step: Plan) -> dict[str, Any]:
    arrangement = step.arrangement
    return {
        "gpus": arrangement.devices,
        "split": arrangement.split,
        "groups": arrangement.groups,
        "replicas": arrangement.replicas,
        "images_at_once": step.at_once,
        "warnings": list(step.warnings),
        "layers": [
            {"name": name, "batch": x.sharding.batch, "channels": x.sharding.channels, "owner": x.sharding.owner}
            for name, x in step.placed.layers.items()
        ],
        "devices": [_device(device) for device in step.devices],
        "transfers": [_crossing(crossing) for crossing in step.crossings],
    }


def _device(device: DevicePlan) -> dict[str, Any]:
    memory = device.memory
    return {
        "device": device.device,
        "images": device.images,
        "layers": [
            {"name": share.name, "parameters": share.parameters, "kept_bytes": share.kept} for share in device.layers
        ],
        "parameters": device.parameters,
        "weight_bytes": memory.standing.weights,
        "gradient_bytes": memory.standing.gradients,
        "optimiser_bytes": memory.standing.optimiser,
        "average_bytes": memory.standing.average,
        "statistics_bytes": memory.standing.statistics,
        "narrowed_bytes": memory.standing.narrowed,
        "image_bytes": memory.images,
        "waiting_image_bytes": memory.waiting,
        "recorded_image_bytes": memory.copy,
        "activation_bytes": memory.activations,
        "cast_bytes": memory.casts,
        "peak_bytes": memory.peak.total,
        "peak": {
            "when": memory.peak.when,
            "standing_bytes": memory.peak.standing,
            "gradient_bytes": memory.peak.gradients,
            "kept_bytes": memory.peak.kept,
            "passing_bytes": memory.peak.temporary,
        },
        "sent_bytes": device.sent,
        "received_bytes": device.received,
    }


def _crossing(crossing: Crossing) -> dict[str, Any]:
    return {
        "layer": crossing.layer,
        "reader": crossing.reader,
        "direction": crossing.direction,
        "kind": crossing.kind,
        "bytes": crossing.size,
        "sent_bytes": list(crossing.sent),
        "received_bytes": list(crossing.received),
    }


def _timed(timed_plan: Timed) -> dict[str, Any]:
    return {
        "gpus": timed_plan.plan.arrangement.devices,
        "split": timed_plan.plan.arrangement.split,
        "batch": timed_plan.plan.batch,
        "computing_s": timed_plan.time.computing,
        "values_s": timed_plan.time.values,
        "gradients_s": timed_plan.time.gradients,
        "step_s": timed_plan.time.total,
        "images_per_s": timed_plan.images_per_second,
        "efficiency": timed_plan.efficiency,
    }
