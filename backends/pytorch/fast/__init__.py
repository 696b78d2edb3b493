"""Modules of the forms that optimising passes choose (``netspec.passes.fast``)."""

from .check import use_kernels
from .forms import as_formed
from .grouped import GroupedConvolution, chosen_forms

__all__ = ["GroupedConvolution", "as_formed", "chosen_forms", "use_kernels"]
