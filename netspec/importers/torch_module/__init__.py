"""Translate modules of PyTorch to specs that compute the same.

``capture`` has torch.export follow a module's forward. ``graph`` makes of that a graph of ONNX's operators
(``importers.operators``), and ``aten`` says which of them each of PyTorch's is. ``translation`` has the graph
translated. torch is imported here.
"""

from netspec.importers.torch_module.translation import translate
from netspec.importers.torch_module.wrappers import unwrapped

__all__ = ["translate", "unwrapped"]
