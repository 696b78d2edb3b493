"""The training loss and the class scores of a network as a module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec import backend
from netspec.ir.graph import Graph
from netspec.passes.accumulation import BatchProgress
from netspec.passes.fast import PLAIN, Forms
from netspec.train.counter_rng import Indices
from netspec.train.data.batches.layout import Layout
from netspec.train.errors import TrainError
from netspec.train.learning.norms import ONE_DEVICE, Devices
from netspec.train.requirements import LOSS_WITHOUT_WEIGHTS


def no_update(progress: BatchProgress) -> None:
    """The ``update`` callback of callers that update the parameters themselves."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A network's module, with its training loss and class scores computed as the train line says.

    Images are prepared and of shape (N, channels, height, width), or as described by ``layout``; labels are N class
    numbers or, of mixed images, targets: (N, classes), float32, how much an image is of each class. Those of a dense
    network are the classes of the pixels of its labels' grid, (N, rows, columns), uint8 (``label_grid``). With
    ``precision=bf16`` loss and scores are computed under autocast to bfloat16, but returned in float32.
    ``forms`` are the optimised forms with which the module was built.
    """

    graph: Graph
    module: nn.Module
    forms: Forms = field(default=PLAIN, kw_only=True)

    def loss(self, images: Tensor, labels: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return the weighted sum of the spec's losses or, if it has none, the cross-entropy of the scores; a scalar.

        While the module is in training mode, the train line's label smoothing and weights of classes apply. If the
        images are a part of a batch whose labels are ``batch``, it is what they contribute to the loss of that batch.
        """
        pytorch = backend.load("pytorch")
        with self._precision(images):
            loss: Tensor = pytorch.training_loss(self.module, self._in_memory_format(images), labels, batch)
        return loss

    def set_random_state(self, seed: int, step: int, first_sample: int = 0) -> None:
        """Set what random choices depend on from now on. The next image is number ``first_sample`` of the step's
        batch."""
        pytorch = backend.load("pytorch")
        pytorch.set_random_state(self.module, pytorch.RandomState(seed, step, first_sample))

    def set_evaluation_random_state(self, seed: int, first_sample: int, count: int, view: int = 0) -> None:
        """Set what random choices outside training depend on, for the next ``count`` images, seen through view number
        ``view``. The first of them is number ``first_sample`` of all tested images."""
        pytorch = backend.load("pytorch")
        pytorch.set_random_state(self.module, pytorch.evaluation_random_state(seed, first_sample, view))

    def scores(self, images: Tensor) -> Tensor:
        """Return the class scores, (N, classes), or (N, classes, rows, columns) of a dense network."""
        with self._precision(images):
            scores: Tensor = backend.load("pytorch").class_scores(self.module, self._in_memory_format(images))
        return scores

    def loss_and_scores(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the class scores (N, classes). A spec with losses needs a forward pass for each of the
        two."""
        scores = self.scores(images)
        if self.graph.losses:
            return self.loss(images, labels), scores
        return F.cross_entropy(scores, labels), scores

    def counted(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the class scores and the labels of the images of a batch that this process counts in an evaluation,
        where each image is counted once: a single process counts all. ``labels`` are those of the whole batch."""
        return self.scores(images), labels

    def summed(self, counts: Tensor) -> Tensor:
        """Return the sum of what the processes have counted, in each of them."""
        return counts

    @property
    def layout(self) -> Layout | None:
        """The layout in which images can be prepared as blocks; ``None`` unless all layers that read them read
        blocks."""
        if self.forms.images is None:
            return None
        dtype = torch.bfloat16 if self.graph.train.precision == "bf16" else torch.float32
        return Layout(self.forms.images, self.graph.train.channels_last, dtype)

    def to_layout(self, images: Tensor) -> Tensor:
        """Convert prepared images (N, channels, height, width) to ``layout``; return them unchanged if it is
        ``None``."""
        if self.forms.images is None:
            return images
        with self._precision(images):
            blocks: Tensor = backend.load("pytorch").blocks(self._in_memory_format(images), self.forms.images)
        return blocks

    def use_kernels(self) -> tuple[str, ...]:
        """Use the forms' kernels from now on, if the device has them. Return a note for each that cannot be used."""
        if next((p.device.type for p in self.module.parameters()), "cpu") != "cuda":
            return ()
        dtype = torch.bfloat16 if self.graph.train.precision == "bf16" else torch.float32
        return tuple(backend.load("pytorch").use_kernels(self.module, dtype))

    @property
    def form_notes(self) -> tuple[str, ...]:
        """Notes about the forms that the first training step has chosen by timing them."""
        return tuple(backend.load("pytorch").chosen_forms(self.module))

    def training_rows(self, count: int) -> Indices:
        """Return the rows of a batch that this process passes to ``gradients``; a single process passes all."""
        return np.arange(count)

    def evaluation_rows(self, count: int) -> Indices:
        """Return the rows of a batch that this process passes to ``loss_and_scores``; a single process passes all."""
        return np.arange(count)

    def gradients(
        self, images: Tensor, labels: Tensor, seed: int, step: int, update: Callable[[BatchProgress], None] = no_update
    ) -> Tensor:
        """Add the gradient of a batch's loss to the parameters' gradients, and return the loss, detached.

        The batch goes through the network in ``accumulate`` parts (see ``parts``). The gradients of their mean losses,
        each weighted with its share of the images (or labelled pixels, or weights of the classes), add up to the
        gradient of the whole batch.

        Parameters
        ----------
        seed, step:
            What random choices depend on, besides an image's index in the whole batch.
        update:
            Called after each part, to update the parameters that are due after this many parts.

        Raises
        ------
        TrainError
            The loss depends on no weights.
        """
        total, first = torch.zeros((), device=images.device), 0
        pieces = parts(images, labels, self.graph.train.accumulate)
        sizes = tuple(len(classes) for _, classes in pieces)
        for done, (part, classes) in enumerate(pieces, 1):
            self.set_random_state(seed, step, first)
            loss = self.loss(part, classes, labels)
            if not loss.requires_grad:
                raise TrainError(LOSS_WITHOUT_WEIGHTS)
            loss.backward()  # type: ignore[no-untyped-call]
            total, first = total + loss.detach(), first + len(classes)
            update(BatchProgress(sizes, done))
        return total

    @property
    def devices(self) -> Devices:
        """The devices that compute the network together, as its optimiser needs them to limit gradients."""
        return ONE_DEVICE

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tensors of the whole network, as in its ``state_dict``."""
        return tuple(self.module.state_dict())

    def full_tensors(self, local: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        """Assemble the whole tensors with these names from the parts that the processes hold in ``local``. A single
        process holds whole tensors."""
        return {name: local[name] for name in names}

    def local_tensors(self, full: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the parts of whole tensors, given by name, that this process holds. A single process holds all."""
        return dict(full)

    def _precision(self, images: Tensor) -> torch.autocast:
        enabled = self.graph.train.precision == "bf16"
        return torch.autocast(images.device.type, torch.bfloat16, enabled=enabled)

    def _in_memory_format(self, images: Tensor) -> Tensor:
        """Convert the images to the memory format of the train line."""
        last = self.graph.train.channels_last and images.ndim == 4
        return images.contiguous(memory_format=torch.channels_last) if last else images


def parts(images: Tensor, labels: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
    """Divide a batch into ``count`` parts whose sizes differ by at most one; into fewer if it has fewer images."""
    count = min(count, len(labels))
    return list(zip(images.tensor_split(count), labels.tensor_split(count), strict=True))


def build(graph: Graph, seed: int, device: str, forms: Forms = PLAIN) -> Objective:
    """Build the network on a device, with the initial values of a seed. It is channels last if its train line or its
    forms say so."""
    if forms.channels_last:
        graph = replace(graph, train=replace(graph.train, channels_last=True))
    module: nn.Module = backend.load("pytorch").module(graph, seed, forms)
    module = module.to(device)
    if graph.train.channels_last:
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Objective(graph, module, forms=forms)
