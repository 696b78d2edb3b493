"""A spec as the layer file and the parameter file of cuda-convnet, in the words of 2012 or of version 2.

Every layer becomes a section, a layer over GPU groups one for each GPU: ``conv1a``, ``conv1b``. What the files cannot
say is told at the layer's line. What is written is read again by the importer, which refuses what the original did.
"""

from .files import LayerFiles, emit
from .ops import EMITTED, REFUSED

__all__ = ["EMITTED", "REFUSED", "LayerFiles", "emit"]
