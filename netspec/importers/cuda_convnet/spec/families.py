"""Families of twins: lines of a layer file that are the parts of one layer, one on each GPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from netspec.importers.cuda_convnet.spec.lines import Line

Reading = Literal["own", "all", "whole"]


@dataclass(frozen=True, slots=True)
class Family:
    """Lines that become one, in the order of their GPUs.

    ``reading`` is ``own`` if each member reads its own share of the inputs and ``all`` if it reads all shares; in both
    cases it computes its share of the output. With ``whole``, all members compute the same value from the same inputs.
    ``orders`` has the order in which a member lists the shares of its inputs, if that is not the order of the GPUs.
    """

    name: str
    members: tuple[str, ...]
    reading: Reading
    inputs: tuple[str, ...]
    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_split(self) -> bool:
        """Whether each member computes only its share of the output."""
        return self.reading != "whole"


@dataclass(frozen=True, slots=True)
class Merged:
    """The lines with twins merged, and the families by the names of their lines.

    ``reordered`` maps the lines of the file that list the shares of an input in another order than that of the GPUs to
    this order.
    """

    lines: tuple[Line, ...]
    families: Mapping[str, Family]
    reordered: Mapping[str, tuple[int, ...]]
