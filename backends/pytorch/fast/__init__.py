"""Modules of the forms that optimising passes choose (``netspec.passes.fast``)."""

from .check import use_kernels
from .forms import as_formed
from .grouped import GroupedConvolution

__all__ = ["GroupedConvolution", "as_formed", "use_kernels"]
