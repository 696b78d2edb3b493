"""A spec as the layer file and the parameter file of cuda-convnet, in the words of 2012 or of version 2.

Every layer becomes a section, a layer over GPU groups one for each GPU: ``conv1a``, ``conv1b``. What the files cannot
say is told at the layer's line. What is written is read again by the importer, which refuses what the original did.

Finding out what a spec can be compiled to imports this package, so that the importer, and what writes the files, are
imported only when one of its functions is called.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from netspec.ir.ops import Op
from netspec.net import Net

if TYPE_CHECKING:
    from netspec.importers.cuda_convnet import Dialect

    from .files import LayerFiles

__all__ = ["emit", "emitted", "refused"]


def emit(net: Net, dialect: Dialect | None = None) -> LayerFiles:
    """The text of both files; see ``files.py``."""
    from .files import emit as make

    return make(net, dialect)


def emitted() -> Collection[type[Op]]:
    """The operations that become a section."""
    from .ops import EMITTED

    return EMITTED.keys()


def refused() -> Collection[type[Op]]:
    """The operations that neither version has."""
    from .ops import REFUSED

    return REFUSED.keys()
