"""The names of layers and parameters inside a ``torch.nn.Module``.

A layer is an attribute of the module. As a module has attributes of its own, a layer called ``train`` or ``float``
becomes ``train_`` or ``float_``.
"""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ir.graph import Graph, Parameter

PLAN = "_plan"
"""The attribute in which the ``pytorch`` backend's module keeps the order of its layers."""

CLASS_WEIGHTS = "_class_weights"
"""The attribute in which a module keeps the weights of classes, a buffer that is not in its ``state_dict``."""

RESERVED = frozenset({
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu",
    "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state",
    "get_parameter", "get_submodule", "half", "ipu", "load_state_dict", "modules", "mtia", "named_buffers",
    "named_children", "named_modules", "named_parameters", "parameters", "register_backward_hook",
    "register_buffer", "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to", "to_empty", "train",
    "training", "type", "xpu", "zero_grad", "_apply", "_backward_hooks", "_backward_pre_hooks", "_buffers",
    "_call_impl", "_compiled_call_impl", "_forward_hooks", "_forward_hooks_always_called",
    "_forward_hooks_with_kwargs", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_get_backward_hooks",
    "_get_backward_pre_hooks", "_get_name", "_is_full_backward_hook", "_load_from_state_dict",
    "_load_state_dict_post_hooks", "_load_state_dict_pre_hooks", "_maybe_warn_non_full_backward_hook", "_modules",
    "_named_members", "_non_persistent_buffers_set", "_parameters", "_register_load_state_dict_pre_hook",
    "_register_state_dict_hook", "_replicate_for_data_parallel", "_save_to_state_dict", "_slow_forward",
    "_state_dict_hooks", "_state_dict_pre_hooks", "_version", "_wrapped_call_impl",
    PLAN, CLASS_WEIGHTS,
})  # fmt: skip
"""The attributes of ``torch.nn.Module`` (2.13), except those with two leading underscores. They are listed here because
this module must not import torch; a test compares them with the installed torch."""


def attributes(graph: Graph) -> dict[str, str]:
    """Return a unique attribute name for each layer, by the layer's name."""
    names: dict[str, str] = {}
    taken = {name for name in graph.layers if not _is_reserved(name)}
    for name in graph.layers:
        attribute = name
        if _is_reserved(name):
            attribute += "_"
            while attribute in RESERVED or attribute in taken:
                attribute += "_"
            taken.add(attribute)
        names[name] = attribute
    return names


def layer_names(graph: Graph) -> dict[str, str]:
    """Return the layers' names by their attributes, the inverse of ``attributes``."""
    return {attribute: name for name, attribute in attributes(graph).items()}


def state_keys(graph: Graph) -> dict[str, str]:
    """Return the parameters' keys in the module's ``state_dict``, by their keys in the graph."""
    names = attributes(graph)
    return {key: renamed(key, names) for key in graph.parameters}


def renamed(key: str, names: Mapping[str, str]) -> str:
    """Return a tensor's key, such as ``conv1.weight``, with another name of its layer; unchanged if it has none."""
    layer, _, rest = key.partition(".")
    return f"{names.get(layer, layer)}.{rest}"


def axes_of(graph: Graph) -> dict[str, int]:
    """Return the axes along which parameters are divided, by their keys in the module's ``state_dict``. The tensors of
    a layer that are not among them are divided along axis 0."""
    return {key: graph.parameters[own].axis for own, key in state_keys(graph).items()}


def suffix(parameter: Parameter) -> str:
    """Return a parameter's key inside its layer, such as ``weight``, ``bias`` or ``weights.0``."""
    return parameter.key.split(".", 1)[1]


def _is_reserved(name: str) -> bool:
    return name in RESERVED or name.startswith("__")
