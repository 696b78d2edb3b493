"""The context in which a section is emitted: its layer, inputs and GPUs, and the file so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netspec.importers.cuda_convnet import Dialect
from netspec.ir.graph import Graph, Layer, Node
from netspec.ir.ops import Neuron, Op
from netspec.ir.shape import Shape

from .neurons import word
from .problems import Inexpressible, Problems
from .sections import Part, Section, Value, listed


class Replicas(NamedTuple):
    """The fewest and the most replicas of any layer."""

    fewest: int
    most: int

    @property
    def passes(self) -> int:
        """The number of passes of a batch."""
        return self.most // self.fewest


@dataclass(slots=True)
class Draft:
    """The layer file so far.

    ``values`` are the sections of the layers emitted so far, ``section_names`` the names of all sections.
    """

    graph: Graph
    dialect: Dialect
    problems: Problems
    replicas: Replicas
    sections: list[Section] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    section_names: set[str] = field(default_factory=set)

    @property
    def old(self) -> bool:
        return self.dialect == "2012"

    def name(self, base: str) -> str:
        """Reserve and return an unused section name, with underscores appended if need be."""
        while base in self.section_names:
            base += "_"
        self.section_names.add(base)
        return base

    def add(self, section: Section, shape: Shape, gpu: tuple[int, ...]) -> Part:
        """Append a section, and return what its readers see."""
        self.sections.append(section)
        return Part(section.name, shape, gpu)


@dataclass(frozen=True, slots=True)
class Site:
    """A layer, or its share on the GPU ``member``. ``name`` is that of the section."""

    draft: Draft
    layer: Layer
    name: str
    member: int | None = None

    @property
    def graph(self) -> Graph:
        return self.draft.graph

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The operations of the layer, without its neuron."""
        nodes = tuple(self.graph.nodes_of(self.layer))
        return nodes[:-1] if self.neuron is not None else nodes

    @property
    def neuron(self) -> Op | None:
        """The neuron that follows the layer's other operations, if any."""
        last = self.graph.nodes[self.layer.nodes[-1]].op
        return last if isinstance(last, Neuron) and len(self.layer.nodes) > 1 else None

    @property
    def gpu(self) -> tuple[int, ...]:
        """The GPUs of the section; GPU 0 if the spec does not say."""
        placement = self.layer.placement
        if self.member is not None:
            return (self.member,)
        return placement.replicas or (placement.gpu or 0,)

    @property
    def groups(self) -> int:
        """The number of sections, one per GPU, into which the layer is divided."""
        return self.graph.groups if self.member is not None else 1

    def reads_own_share(self, index: int) -> bool:
        """Whether the section reads only its own GPU's share of an input."""
        own = self.member is not None and self.layer.reads == "own"
        return own and self.draft.values[self.layer.inputs[index]].split

    def parts(self, index: int = 0) -> tuple[Part, ...]:
        """Return the sections that hold what the site reads of an input."""
        value = self.draft.values[self.layer.inputs[index]]
        return (value.parts[self.member or 0],) if self.reads_own_share(index) else value.parts

    def single(self, index: int = 0) -> Part:
        """Return one section that holds an input. If several do, add a ``concat`` of them."""
        parts = self.parts(index)
        if len(parts) == 1:
            return parts[0]
        whole = self.graph.layers[self.layer.inputs[index]].output
        shape = Shape(sum(p.shape.channels for p in parts), *parts[0].shape[1:])
        shape = shape if shape.units == whole.units else whole
        name = self.draft.name(f"{self.layer.inputs[index]}-all")
        section = Section(name, self.layer.name, {"type": "concat", "inputs": listed(p.name for p in parts)})
        section.keys |= self.gpu_key(parts[0].gpu)
        return self.draft.add(section, shape, self.gpu)

    def gpu_key(self, inherited: tuple[int, ...]) -> dict[str, str]:
        """Return the key ``gpu``, unless the GPUs are those inherited from the first input."""
        return {} if self.gpu == inherited else {"gpu": listed(self.gpu)}

    @property
    def shape(self) -> Shape:
        """The output shape of the section: the GPU's share if the layer is divided."""
        return self.layer.output.share(self.groups)

    def error(
        self, message: str, *keys: str, notes: tuple[str, ...] = (), instead: tuple[str, ...] = ()
    ) -> Inexpressible:
        """Add an error about the layer; see ``Problems.add_error``."""
        return self.draft.problems.add_error(self.layer.name, message, *keys, notes=notes, instead=instead)

    def square_maps(self, index: int = 0) -> tuple[int, int]:
        """Return channels and side of an input's maps. Raises ``Inexpressible`` if they are not square."""
        shape = self.parts(index)[0].shape
        if not shape.is_image:
            raise self.error("it reads a vector, which has no maps")
        if shape.height != shape.width:
            raise self.error(f"cuda-convnet's maps are square, and it reads {shape}", "shape")
        return shape.channels, shape.height

    def section(self, type_: str, inputs: tuple[Part, ...], keys: Mapping[str, str], **params: str) -> Section:
        """Return a section for the layer, with its neuron and its GPUs."""
        section = Section(self.name, self.layer.name, {"type": type_}, params)
        if inputs:
            section.keys["inputs"] = listed(part.name for part in inputs)
        section.keys |= keys
        if self.neuron is not None:
            section.keys["neuron"] = word(self, self.neuron)
        section.keys |= self.gpu_key(inputs[0].gpu if inputs else ())
        return section


Emissions = dict[type[Op], Callable[[Site, Any], Section]]
"""Functions that return a layer's section. The type of the second argument, its main operation, is its key."""
