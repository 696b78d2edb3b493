"""An objective that replays recordings of its work on a GPU (the pass ``cuda-graph``)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import NoisyRelu
from netspec.passes.accumulation import WHOLE, BatchProgress
from netspec.passes.fast import Forms
from netspec.passes.torch_names import state_keys
from netspec.train.learning.objective import Objective, no_update
from netspec.train.learning.recording import CudaGraphs, Inputs, Recorder, Recording, Tensors


class Narrowed:
    """A module and its copy (the twin) in evaluation mode, whose weights of convolutions and matrix products are
    bfloat16 already. They share all buffers and all other parameters.

    Autocast converts the weights at every forward pass. Outside training they do not change between passes, and for a
    single image the conversion takes longer than everything else.
    """

    def __init__(self, module: nn.Module, graph: Graph, forms: Forms) -> None:
        self._module = module
        keys = state_keys(graph)
        self._names = frozenset(keys[key] for key in forms.narrowed(graph))
        self._twin: nn.Module | None = None
        self._narrow: list[Tensor] = []
        self._wide: list[Tensor] = []
        self._versions: list[int] = []

    @torch.no_grad()
    def twin(self) -> nn.Module:
        """Return the twin, updated to the module's current weights."""
        if self._twin is None:
            self._twin = self._copy()
        versions = [wide._version for wide in self._wide]
        if versions != self._versions:
            torch._foreach_copy_(self._narrow, self._wide)
            self._versions = versions
        return self._twin

    def _copy(self) -> nn.Module:
        """Copy the module. Of its tensors, only the narrowed ones are copied; the others are shared."""
        random_states = (getattr(submodule, "random_state", None) for submodule in self._module.modules())
        shared = [*self._module.buffers(), *random_states]
        memo: dict[int, object] = {id(tensor): tensor for tensor in shared}
        for name, wide in self._module.named_parameters():
            memo[id(wide)] = wide
            if name in self._names:
                narrow = nn.Parameter(torch.empty_like(wide, dtype=torch.bfloat16), requires_grad=False)
                self._narrow.append(narrow)
                self._wide.append(wide)
                memo[id(wide)] = narrow
        return deepcopy(self._module, memo).eval()


@dataclass(frozen=True, slots=True)
class RecordedObjective(Objective):
    """An objective whose ``training`` steps and ``inference`` are recorded.

    ``random_state`` is the module's random state in training, in tensors that stay in place (``DeviceRandomState``).
    ``learning`` are the parameters with a gradient, in the order in which a recorded step returns the gradients.
    ``inference`` is ``None`` if the network also makes random choices in inference. If ``narrowed`` is given, inference
    reads weights that have been converted to bfloat16 in advance.
    """

    training: Recording
    inference: Recording | None
    random_state: Any
    learning: list[nn.Parameter]
    narrowed: Narrowed | None

    def set_random_state(self, seed: int, step: int, first_sample: int = 0) -> None:
        """Draw from ``random_state``, which ``gradients`` sets to the seed and the step."""
        backend.load("pytorch").set_random_state(self.module, replace(self.random_state, first_sample=first_sample))

    def gradients(
        self, images: Tensor, labels: Tensor, seed: int, step: int, update: Callable[[BatchProgress], None] = no_update
    ) -> Tensor:
        """See ``Objective``, except that the gradients replace those of the parameters instead of being added.

        They are valid until the next step.
        """
        arguments = images, labels
        loss, *gradients = self.training(self._gradients, arguments, lambda: self.random_state.renew(seed, step))
        for parameter, gradient in zip(self.learning, gradients, strict=True):
            parameter.grad = gradient
        update(WHOLE)
        return loss.clone()

    def scores(self, images: Tensor) -> Tensor:
        """Return the class scores, (N, classes)."""
        if self.inference is None or torch.is_grad_enabled() or self.module.training:
            return Objective.scores(self, images)
        if self.narrowed is not None:
            self.narrowed.twin()
        (scores,) = self.inference(self._scores, (images,))
        return scores.clone()

    @property
    def form_notes(self) -> tuple[str, ...]:
        notes = (recording.note for recording in (self.training, self.inference) if recording is not None)
        return (*backend.load("pytorch").chosen_forms(self.module), *(line for line in notes if line is not None))

    def _gradients(self, images: Tensor, labels: Tensor) -> Tensors:
        self.module.zero_grad(set_to_none=True)
        loss = Objective.gradients(self, images, labels, 0, 0)
        self.learning[:] = [p for p in self.module.parameters() if p.grad is not None]
        return (loss, *(p.grad for p in self.learning if p.grad is not None))

    def _scores(self, images: Tensor) -> Tensors:
        module = self.module if self.narrowed is None else self.narrowed.twin()
        return (Objective(self.graph, module, forms=self.forms).scores(images),)


def recorded(objective: Objective, recorder: Recorder | None = None) -> Objective:
    """Return the objective with recorded work if its forms say so and a ``recorder`` is given or the device is a GPU;
    otherwise return it unchanged."""
    device = next((p.device for p in objective.module.parameters()), torch.device("cpu"))
    if not objective.forms.recorded or (recorder is None and device.type != "cuda"):
        return objective
    recorder = recorder or CudaGraphs()
    module, inputs = objective.module, Inputs()
    draws = any(isinstance(node.op, NoisyRelu) for node in objective.graph.nodes.values())
    return RecordedObjective(
        objective.graph,
        module,
        Recording(recorder, module, "the training step", inputs),
        None if draws else Recording(recorder, module, "inference", inputs),
        backend.load("pytorch").DeviceRandomState.for_model(module),
        [],
        Narrowed(module, objective.graph, objective.forms) if objective.graph.train.precision == "bf16" else None,
        forms=objective.forms,
    )
