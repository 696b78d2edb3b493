"""What training makes small, and what it is judged by, of a network as a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.fast import PLAIN, Forms
from netspec.passes.parts import Gathered
from netspec.train.chance import Places
from netspec.train.data.batches.layout import Layout
from netspec.train.errors import TrainError
from netspec.train.requirements import UNTAUGHT


def nothing(gathered: Gathered) -> None:
    """The ``update`` of a caller that moves the parameters itself."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A network's module with its training loss and its class scores, as the train line has them computed.

    Images are prepared and of shape (N, channels, height, width), or lie as ``layout`` says; labels are N class
    numbers. With ``precision=bf16`` both are computed under autocast to bfloat16; losses and scores are float32 all the
    same. ``forms`` are those that the module was built by.
    """

    graph: Graph
    module: nn.Module
    forms: Forms = field(default=PLAIN, kw_only=True)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The weighted sum of the file's losses; without any, the cross-entropy of the class scores. A scalar.

        Targets are smoothed as the train line says, as long as the module is in training mode.
        """
        with self._precision(images):
            loss: Tensor = backend.load("pytorch").training_loss(self.module, self._laid(images), labels)
        return loss

    def draw(self, seed: int, step: int, first_sample: int = 0) -> None:
        """Let random choices depend on these from now on: the images' first is the step's ``first_sample``-th."""
        pytorch = backend.load("pytorch")
        pytorch.draw_from(self.module, pytorch.Draw(seed, step, first_sample))

    def draw_tested(self, seed: int, first_sample: int, count: int, view: int = 0) -> None:
        """Let what is drawn outside training too depend on these: ``count`` images of which the first is the
        ``first_sample``-th of those that are tested, seen through the ``view``-th view."""
        pytorch = backend.load("pytorch")
        pytorch.draw_from(self.module, pytorch.tested(seed, first_sample, view))

    def scores(self, images: Tensor) -> Tensor:
        """The class scores, (N, classes)."""
        with self._precision(images):
            scores: Tensor = backend.load("pytorch").class_scores(self.module, self._laid(images))
        return scores

    def measured(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and the class scores (N, classes). A network with losses of its own is run once for each."""
        scores = self.scores(images)
        if self.graph.losses:
            return self.loss(images, labels), scores
        return F.cross_entropy(scores, labels), scores

    @property
    def layout(self) -> Layout | None:
        """How the images may be handed over as blocks, where the network reads them so alone."""
        if self.forms.images is None:
            return None
        narrow = torch.bfloat16 if self.graph.train.precision == "bf16" else torch.float32
        return Layout(self.forms.images, self.graph.train.channels_last, narrow)

    def laid_out(self, images: Tensor) -> Tensor:
        """Prepared images (N, channels, height, width) as ``layout`` wants them; as they are where there is none."""
        if self.forms.images is None:
            return images
        with self._precision(images):
            laid: Tensor = backend.load("pytorch").blocks(self._laid(images), self.forms.images)
        return laid

    def use_kernels(self) -> tuple[str, ...]:
        """Let the forms run as kernels from now on, on a device that has any; a line for each that does not."""
        if next((p.device.type for p in self.module.parameters()), "cpu") != "cuda":
            return ()
        narrow = torch.bfloat16 if self.graph.train.precision == "bf16" else torch.float32
        return tuple(backend.load("pytorch").use_kernels(self.module, narrow))

    @property
    def chosen(self) -> tuple[str, ...]:
        """Which forms a first step of training has chosen by the clock: a line each."""
        return tuple(backend.load("pytorch").chosen_forms(self.module))

    def trained_part(self, count: int) -> Places:
        """Which images of a batch of so many this process is given for ``gradients``: all, where it trains alone."""
        return np.arange(count)

    def judged_part(self, count: int) -> Places:
        """Which images of a batch of so many this process is given for ``measured``: all, where it computes alone."""
        return np.arange(count)

    def gradients(
        self, images: Tensor, labels: Tensor, seed: int, step: int, update: Callable[[Gathered], None] = nothing
    ) -> Tensor:
        """Add the gradient of a batch's loss to the parameters' gradients, and return that loss, detached.

        The batch goes through the network in as many parts as ``accumulate`` says (see ``parts``); the gradients
        of their mean losses, each times its share of the images, add up to the whole batch's.

        Parameters
        ----------
        seed, step:
            What random choices depend on beside an image's place in the batch, in whatever part that is.
        update:
            Called after each part with what has been gathered: moves those parameters whose turn it is.

        Raises
        ------
        TrainError
            The loss depends on no weights.
        """
        total, first = torch.zeros((), device=images.device), 0
        pieces = parts(images, labels, self.graph.train.accumulate)
        sizes = tuple(len(classes) for _, classes in pieces)
        for done, (some, classes) in enumerate(pieces, 1):
            self.draw(seed, step, first)
            loss = self.loss(some, classes) * (len(classes) / len(labels))
            if not loss.requires_grad:
                raise TrainError(UNTAUGHT)
            loss.backward()  # type: ignore[no-untyped-call]
            total, first = total + loss.detach(), first + len(classes)
            update(Gathered(sizes, done))
        return total

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tensors of the whole network, as its ``state_dict`` has them."""
        return tuple(self.module.state_dict())

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the tensors that are learnt, as the ``state_dict`` has them."""
        return tuple(name for name, _ in self.module.named_parameters())

    def whole(self, own: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Whole tensors of these names, from those that this process holds: all of them, where it trains alone."""
        return {name: own[name] for name in names}

    def own(self, whole: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Of whole tensors, by their names, those parts that this process holds: all, where it trains alone."""
        return dict(whole)

    def _precision(self, images: Tensor) -> torch.autocast:
        lower = self.graph.train.precision == "bf16"
        return torch.autocast(images.device.type, torch.bfloat16, enabled=lower)

    def _laid(self, images: Tensor) -> Tensor:
        """The images in the memory format of the train line."""
        last = self.graph.train.channels_last and images.ndim == 4
        return images.contiguous(memory_format=torch.channels_last) if last else images


def parts(images: Tensor, labels: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    """A batch in ``count`` parts whose sizes differ by one at most; in fewer, if there are fewer images."""
    count = min(count, len(labels))
    return list(zip(images.tensor_split(count), labels.tensor_split(count), strict=True))


def build(graph: Graph, seed: int, device: str, forms: Forms = PLAIN) -> Objective:
    """The network with the initial values of a seed, on a device, in the memory format of its train line or of its
    forms."""
    if forms.channels_last:
        graph = replace(graph, train=replace(graph.train, channels_last=True))
    module: nn.Module = backend.load("pytorch").module(graph, seed, forms)
    module = module.to(device)
    if graph.train.channels_last:
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Objective(graph, module, forms=forms)
