"""The names of variables and of the model class in the program."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

GLOBALS = frozenset({
    "ACCUMULATE", "AdaGrad", "Adam", "AdamW", "AllOf", "AllReduce", "Average", "BATCH", "BETA1", "BETA2", "CLIP",
    "CONSTRAINTS", "DataError", "EMA", "EPOCHS", "EPS", "F", "Folder", "ForAll", "FromAll", "GROUPS", "HELD_BY_ALL",
    "IMAGES_FOR_THE_MEAN", "IMAGE_TYPES", "INPUT", "LABEL_SMOOTHING", "LEARNING_RATE", "LOADED", "LRN", "MEAN",
    "NAMES_IN_THE_SPEC", "NOISE", "OUTPUTS", "PARAMETERS", "Path", "Plateau", "RATE_FACTORS", "RHO", "RMSProp", "SGD",
    "SINGLE_PROCESS", "STD", "STEPS", "STILL", "ShareOf", "Synthetic", "TABLES", "Tensors", "ThreadPoolExecutor",
    "ToFirst", "World", "add_gradients", "all_of", "argparse", "arguments", "atexit", "average_pool", "batch_norm",
    "binary_cross_entropy", "blur", "cache", "cauchy_error", "channel_sums", "class_folders", "clip_gradients",
    "concat_groups", "constrain", "contrast_norm", "deque", "describe", "deviations", "dist", "divided_axis", "dropout",
    "evaluate", "find_images", "for_all", "from_all", "grouped_linear", "hash_words", "init_device_mesh", "initialise",
    "interpolation", "is_held_out", "islice", "join_world", "largest", "layer_norm", "list_images", "local_conv",
    "log_inclusion_probabilities", "log_product", "loss_of", "lrn", "main", "map_norm", "math", "max_abs_pool",
    "mix_channels", "natural", "nn", "noisy_relu", "norms_of_rows", "os", "positive", "probability_cross_entropy",
    "process_count", "random_bits", "random_scale", "random_words", "rate_factor", "read", "require_processes",
    "resize", "sampling_positions", "scores_of", "set_cross_entropy", "sha256", "share_of", "squared_error", "sum_pool",
    "sys", "table_conv", "table_mask", "time", "to_first", "to_lab", "to_yuv", "topographic_sparsity", "torch", "train",
    "uniform", "whole_shapes", "whole_state", "window_sums", "within", "write_weights", "wrong",
})  # fmt: skip
"""The module-level names in the templates, except ``rate_factor_2`` and the like, which no layer's code uses. A test
compares this set with the templates."""

LOCALS = frozenset({"self", "x", "image", "labels"})


class Names:
    """Hands out unique identifiers that are neither keywords, builtins nor other names of the program."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*GLOBALS, *LOCALS, *dir(builtins), *keyword.kwlist, *taken}

    def new(self, base: str) -> str:
        """Return ``base``, converted to an identifier, with underscores appended until the name is free."""
        name = re.sub(r"\W", "_", base, flags=re.ASCII)
        if not name or name[0].isdigit():
            name = f"_{name}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def class_name(net: str) -> str:
    """Return the class name of a net: ``AlexNet`` for ``alexnet``, ``AlexNetTanh`` for ``alexnet-tanh``."""
    words = re.split(r"[^A-Za-z0-9]+", net)
    name = "".join(_capital(word) for word in words if word) or "Net"
    return Names().new(f"Net{name}" if name[0].isdigit() else name)


def _capital(word: str) -> str:
    if word.islower() and word.endswith("net") and len(word) > 3:
        return f"{word[:-3].capitalize()}Net"
    return word[0].upper() + word[1:]
