"""Find out which data layers are labels. A file does not say so; it follows from the layers that read them."""

from __future__ import annotations

from netspec.importers.cuda_convnet.layers.kinds import inputs_of
from netspec.importers.cuda_convnet.layers.model import is_cost
from netspec.importers.cuda_convnet.layers.types import KINDS
from netspec.importers.cuda_convnet.reading import Config, Section


def labels_of(config: Config) -> frozenset[str]:
    """Return the data layers that are labels.

    These are read only by costs, by sums that form the difference that a cost takes, or by sections of an unknown type,
    which may be misspelt costs. They do not come from the data matrix that other layers read. In an incomplete file,
    without costs, they are the data layers that nothing reads.
    """
    data = _data(config)
    readers: dict[str, list[Section]] = {}
    for section in config.sections.values():
        for name in inputs_of(section):
            readers.setdefault(name, []).append(section)

    def compares(section: Section) -> bool:
        type_ = section.text("type")
        is_difference = type_ == "eltsum" and not data.keys() >= {*inputs_of(section)}
        return is_difference or is_cost(type_) or type_ not in KINDS

    compared = {name for name, sections in readers.items() if all(map(compares, sections))}
    images = {index for name, index in data.items() if name not in compared and name in readers}
    unread = set() if _is_whole(config) else data.keys() - readers.keys()
    return frozenset(name for name in compared | unread if data.get(name) not in images)


def unread_data(config: Config) -> frozenset[str]:
    """Return the data layers that nothing reads, in a file with costs, except those of the first matrix, the images."""
    read = {name for section in config.sections.values() for name in inputs_of(section)}
    unread = {name for name, index in _data(config).items() if index != "0" and name not in read}
    return frozenset(unread) if _is_whole(config) else frozenset()


def _data(config: Config) -> dict[str, str]:
    """Map each data layer to the index of its data matrix, as text."""
    data = {name: section for name, section in config.sections.items() if section.text("type") == "data"}
    return {name: section.text("dataidx") for name, section in data.items()}


def _is_whole(config: Config) -> bool:
    """Whether the file has costs. Without costs it may be incomplete."""
    return any(is_cost(section.text("type")) for section in config.sections.values())
