"""A copy of a module whose weights of convolutions and matrix products are bfloat16 already.

Autocast converts the weights at every forward pass. Outside training they do not change between passes, and for a
single image the conversion takes longer than everything else.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from netspec.ir.graph import Graph
from netspec.passes.fast import Forms
from netspec.passes.narrowed import narrowed
from netspec.passes.torch_names import state_keys


class Narrowed:
    """A module and its copy (the twin) in evaluation mode. They share all buffers, and all parameters except those that
    only convolutions and matrix products read."""

    def __init__(self, module: nn.Module, graph: Graph, forms: Forms) -> None:
        self._module = module
        keys = state_keys(graph)
        self._names = frozenset(keys[key] for key in narrowed(graph, forms))
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
