"""The cost of a training step on each of several devices: memory, bytes exchanged, and time.

`footprint` models the memory of one operation, `program` lists the operations of one device, and `memory` simulates
them to find the peak. `crossing` counts the bytes exchanged, `model` assembles the plan, and `fitting` and `scaling`
derive batch sizes and times from it. Nothing here needs torch.
"""

from netspec.plan.crossing import RULE, Crossing
from netspec.plan.model import MAX_BATCH, MAX_DEVICES, DevicePlan, LayerShare, Plan, plan

__all__ = [
    "MAX_BATCH",
    "MAX_DEVICES",
    "RULE",
    "Crossing",
    "DevicePlan",
    "LayerShare",
    "Plan",
    "plan",
]
