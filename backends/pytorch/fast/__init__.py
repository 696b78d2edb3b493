"""Modules for the faster forms of operations that optimising passes choose (``netspec.passes.fast``)."""

from typing import Any

from torch import Tensor

from .check import mistake, no_kernels, use_kernels
from .forms import as_formed
from .grouped import GroupedConvolution, chosen_forms
from .unshuffled import blocks


def image_blocks(*arguments: Any, **options: Any) -> Tensor:
    """See ``kernels.launch_images.image_blocks``, which requires Triton."""
    from .kernels.launch_images import image_blocks

    return image_blocks(*arguments, **options)


__all__ = [
    "GroupedConvolution",
    "as_formed",
    "blocks",
    "chosen_forms",
    "image_blocks",
    "mistake",
    "no_kernels",
    "use_kernels",
]
