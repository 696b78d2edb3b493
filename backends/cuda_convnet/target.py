"""``--to cuda-convnet``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from netspec.backend import Target, begins_with
from netspec.diagnostics import Diagnostic
from netspec.net import Net

from . import emit
from .sections import FIRST_LINE

if TYPE_CHECKING:
    from netspec.importers.cuda_convnet import Dialect


def make(
    net: Net, stem: str, *, dialect: Dialect | None = None, tell: Callable[[Sequence[Diagnostic]], None] | None = None
) -> dict[str, str]:
    """Return the two files; see ``files.emit``. ``tell`` is called with the warnings about what they leave out."""
    files = emit(net, dialect)
    if tell is not None:
        tell(files.warnings)
    return {"layers.cfg": files.layers, "layer-params.cfg": files.params}


TARGET = Target(
    "cuda-convnet",
    "a folder with a layer file and a parameter file of cuda-convnet, in the version of --dialect",
    "",
    make,
    begins_with(FIRST_LINE),
    ("dialect", "tell"),
)
