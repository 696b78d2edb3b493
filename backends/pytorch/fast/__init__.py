"""Modules for the faster forms of operations that optimising passes choose (``netspec.passes.fast``)."""

from typing import Any

from torch import Tensor

from .check import compare_kernels, no_kernels, use_kernels
from .forms import form_module
from .grouped import GroupedConvolution, chosen_forms
from .unshuffled import blocks


def image_blocks(*arguments: Any, **options: Any) -> Tensor:
    """See ``kernels.launch_images.image_blocks``, which requires Triton."""
    from .kernels.launch_images import image_blocks

    return image_blocks(*arguments, **options)


__all__ = [
    "GroupedConvolution",
    "blocks",
    "chosen_forms",
    "compare_kernels",
    "form_module",
    "image_blocks",
    "no_kernels",
    "use_kernels",
]
