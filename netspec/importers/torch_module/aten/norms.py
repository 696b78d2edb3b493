"""Normalisations and dropout of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.spec.problem import Inexpressible
from netspec.importers.torch_module.calls import RANDOM, Call


def batch_norm(call: Call) -> None:
    """batch_norm, which uses running statistics in evaluation mode unless it has none."""
    if call.get("running_mean") is None or bool(call.get("training")) != call.building.training:
        which = "running statistics in training" if call.building.training else "the statistics of the batch in testing"
        raise Inexpressible(f"it uses {which} too; a spec's batchnorm uses each in its own mode")
    if call.get("momentum") == 0:
        raise Inexpressible("it averages over all batches alike, or not at all (momentum=None or 0)")
    if not 0 < call.get("momentum") <= 1:
        raise Inexpressible(f"its momentum is {call.get('momentum')}; the share of the last batch is from 0 to 1")
    names = ("input", "weight", "bias", "running_mean", "running_var")
    call.emit(
        "BatchNormalization",
        *(call.value(call.get(name)) for name in names),
        epsilon=call.get("eps"),
        momentum=1 - call.get("momentum"),
    )


def layer_norm(call: Call) -> None:
    """Layer normalisation over the last axes."""
    inputs = (call.value(call.get(name)) for name in ("input", "weight", "bias"))
    call.emit("LayerNormalization", *inputs, axis=-len(call.get("normalized_shape")), epsilon=call.get("eps"))


def group_norm(call: Call) -> None:
    """Group normalisation."""
    _emit_group_norm(call, call.get("num_groups"))


def instance_norm(call: Call) -> None:
    """Instance normalisation: as many groups as channels."""
    if not call.get("use_input_stats"):
        raise Inexpressible("it uses running statistics (track_running_stats=True); a spec's groupnorm has none")
    _emit_group_norm(call, call.sizes("input")[1])


def _emit_group_norm(call: Call, groups: int) -> None:
    affine = {part: call.value(call.get(name)) for part, name in (("scale", "weight"), ("shift", "bias"))}
    given = {part: name for part, name in affine.items() if name}
    call.emit("GroupNorm", call.value(call.get("input")), groups=groups, epsilon=call.get("eps"), **given)


def dropout(call: Call) -> None:
    """Dropout of single units."""
    _emit_dropout(call, {})


def feature_dropout(call: Call) -> None:
    """Dropout of all numbers with the same index in the first two axes: in a matrix, of single numbers."""
    _emit_dropout(call, {"over": "channels"} if len(call.output) > 2 else {})


def _emit_dropout(call: Call, attributes: Mapping[str, str]) -> None:
    x, drops = next(iter(call.arguments.values())), call.get("train")
    if drops and not call.building.training:
        raise Inexpressible("it drops units outside training too; give it training=self.training")
    if call.get("p") == 0 or (call.building.training and not drops):
        call.same(x)
    else:
        call.emit("Dropout", call.value(x), ratio=float(call.get("p")), **attributes)


def uniform(call: Call) -> None:
    """Uniform random numbers from 0 to 1, in training."""
    if not call.building.training:
        raise Inexpressible(RANDOM)
    call.emit("RandomUniform")


def bernoulli(call: Call) -> None:
    """Random numbers that are 1 with a given probability, else 0. What they take the place of does not matter."""
    probability = call.get("p")
    if not isinstance(probability, float):
        raise Inexpressible(RANDOM)
    call.emit("Bernoulli", probability=probability)
