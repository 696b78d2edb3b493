"""What a training step takes on each of several devices: memory, bytes that cross between them, time.

`footprint` says what an operation holds, `program` what a device computes, `memory` goes through it; `crossing` counts
what is sent, `model` puts a plan together, `fitting` and `scaling` ask it for batches and times. No torch is needed.
"""

from netspec.plan.crossing import RULE, Crossing
from netspec.plan.model import MOST_DEVICES, DevicePlan, LayerShare, Plan, plan, plan_placed

__all__ = [
    "MOST_DEVICES",
    "RULE",
    "Crossing",
    "DevicePlan",
    "LayerShare",
    "Plan",
    "plan",
    "plan_placed",
]
