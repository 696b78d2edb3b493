"""Compile a spec to the layer file and the parameter file of cuda-convnet, in the dialect of 2012 or of version 2.

Every layer becomes a section; a layer split over GPU groups becomes one per GPU: ``conv1a``, ``conv1b``. A diagnostic
at the layer's line reports what the files cannot express. The importer reads the result again, to report what
cuda-convnet would reject.

netspec imports this package whenever it lists its compile targets, so the importer and the emitters are imported inside
the functions that use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.net import Net

if TYPE_CHECKING:
    from netspec.importers.cuda_convnet import Dialect

    from .files import LayerFiles

__all__ = ["emit"]


def emit(net: Net, dialect: Dialect | None = None) -> LayerFiles:
    """Return the text of both files; see ``files.emit``."""
    from .files import emit as make

    return make(net, dialect)
