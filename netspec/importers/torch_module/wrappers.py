"""Modules around the one that computes, and modules that PyTorch does not know of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

COMPILED = "_orig_mod"
"""The name under which ``torch.compile`` keeps a module in the one that it returns."""


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside ``torch.compile``, ``DataParallel``, ``DistributedDataParallel`` and averaged models."""
    while True:
        if isinstance(module, (nn.DataParallel, DistributedDataParallel, AveragedModel)):
            module = module.module
        elif (inner := dict(module.named_children()).get(COMPILED)) is not None:
            module = inner
        else:
            return module


def unregistered(module: nn.Module) -> Iterator[str]:
    """Yield the paths of lists and dictionaries with modules that are not the module's own, whose parameters it does
    not learn and whose mode it does not set."""
    known = {id(inner) for inner in module.modules()}
    for path, inner in module.named_modules():
        for name, value in vars(inner).items():
            if not name.startswith("_") and any(id(found) not in known for found in _modules(value)):
                yield f"{path}.{name}".lstrip(".")


def _modules(value: object) -> Iterator[nn.Module]:
    values: Iterable[object] = ()
    if isinstance(value, dict):
        values = value.values()
    elif isinstance(value, (list, tuple)):
        values = value
    for inner in values:
        if isinstance(inner, nn.Module):
            yield inner
        else:
            yield from _modules(inner)
