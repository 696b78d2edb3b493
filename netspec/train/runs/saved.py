"""Opening what a training left: a run's folder, or one checkpoint out of it.

A checkpoint says all that is needed to use the network: the spec's text, the weights, the classes' names, and how
images are prepared (in the network's range: the mean that is subtracted, the colours' principal axes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from netspec.diagnostics import SpecError
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.net import Net, load_source
from netspec.source import SPEC_ENDINGS, Source
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.picture import Frame
from netspec.train.errors import TrainError
from netspec.train.learning.objective import Objective, build
from netspec.train.runs.named import need
from netspec.train.runs.ranges import range_of
from netspec.train.runs.reading import Warn, newest, read_checkpoint, sha256
from netspec.train.runs.runfolder import CHECKPOINTS, FACTS, SPEC, read_facts, read_spec
from netspec.units import count, plain, plural

MOST_NAMED = 8
"""How many weights are named that are not the network's."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's pixels from 0 to 1, red first, as torchvision's weights want them."""


@dataclass(frozen=True, slots=True)
class Saved:
    """An opened run. ``path`` is the checkpoint, ``folder`` the run's folder if it lies in one, ``facts`` what
    ``run.json`` says (empty without one), ``state`` everything in the checkpoint, on the CPU."""

    path: Path
    folder: Path | None
    net: Net
    state: Mapping[str, Any]
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What the user calls it: the run's folder, else the file."""
        return str(self.folder or self.path)

    @property
    def graph(self) -> Graph:
        return self.net.graph

    @property
    def step(self) -> int:
        """How many training steps the weights have behind them."""
        return int(self.state["step"])

    @property
    def seed(self) -> int:
        return int(self.state["seed"])

    @property
    def spec_sha256(self) -> str:
        """The hash of the spec's text as trained."""
        return str(self.state["spec_sha256"])

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.state["classes"])

    @property
    def weights(self) -> dict[str, Tensor]:
        """The module's ``state_dict``; of a run that keeps a moving average of its weights, the average."""
        return weights_of(self.state)

    @property
    def data(self) -> str | None:
        """The source that it was trained on, as ``--data`` names it."""
        source = self._settings.get("data")
        return source if isinstance(source, str) else None

    @property
    def _settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.state.get("settings", {})
        return settings

    def with_weights(self, weights: Mapping[str, Tensor]) -> Saved:
        """The run with other weights, as a ``state_dict`` of its module."""
        return replace(self, state={**self.state, "weights": dict(weights), "average": None})

    def with_classes(self, names: Sequence[str]) -> Saved:
        """The same with these names of the classes. Raises ``TrainError`` where there is not one for each."""
        classes = self.graph.scores.output.units
        if len(names) != classes:
            raise TrainError(f"{plural(len(names), 'name')} for the {count(classes)} classes of {self.graph.name}")
        return replace(self, state={**self.state, "classes": list(names)})

    def objective(self, device: str) -> Objective:
        """The network with the checkpoint's weights on a device, in evaluation mode, in the precision of its training.
        What it draws outside training too it draws by the run's seed.

        Raises
        ------
        TrainError
            The weights are not those of the spec.
        """
        precision = self._settings.get("precision", self.graph.train.precision)
        graph = replace(self.graph, train=replace(self.graph.train, precision=precision))
        built = build(graph, 0, "cpu")
        need_same(built.module.state_dict(), self.weights, self.path)
        built.module.load_state_dict(self.weights)
        built.module.eval()
        objective = Objective(graph, built.module.to(device))
        objective.draw_tested(self.seed, 0, 1)
        return objective

    def _usual(self) -> str:
        """What networks of torchvision's subtract and divide by, in the range and order of this one."""
        given = self.graph.preprocessing
        mean, std = (
            ",".join(plain(number * given.range) for number in (numbers[::-1] if given.order == "bgr" else numbers))
            for numbers in IMAGENET
        )
        return f"mean={mean} std={std}"

    def preparation(self, frame: Frame, peak: int, device: str) -> Preparation:
        """How stored pictures of this frame and peak become what the network reads, the training images' mean put in.

        Raises
        ------
        TrainError
            The mean image was taken of pictures of another size, or there were no training images to take it of.
        """
        if not self.state["preparation"]:
            raise TrainError(
                f"{self.graph.name} subtracts or divides by what is measured on training images, and there are none",
                f"give the numbers on the input line, or by --set; those of many published weights are {self._usual()}",
            )
        prepare = Preparation.of(self.graph, None, frame, peak, device)
        held = self.state["preparation"]
        mean: Tensor = held["mean"]
        if tuple(mean.shape) not in ((frame.channels, 1, 1), (frame.channels, frame.height, frame.width)):
            raise TrainError(
                f"{self.name} subtracts a mean image of {'x'.join(map(str, mean.shape))}, the pictures are {frame}"
            )
        prepare.take(mean, held["axes"], held.get("std", torch.ones(frame.channels, 1, 1)))
        return prepare


def open_run(path: Path, warn: Warn) -> Saved:
    """Open a run's folder at its newest checkpoint, or one checkpoint file.

    A newest checkpoint that cannot be read is passed over for the one before it, which ``warn`` is told.

    Raises
    ------
    RequestError
        There is nothing of that name.
    TrainError
        It is no run and no checkpoint, no checkpoint can be read, its spec does not check, or the folder's
        ``spec.net`` is another one than the weights were trained as.
    """
    need(path)
    folder: Path | None
    if path.is_dir():
        folder, (file, state) = path, newest(path, warn)
        _need_same_spec(path, state, file)
    elif path.suffix in SPEC_ENDINGS:
        raise TrainError(
            f"{path} is a spec, and no run",
            "netspec train makes a run of it; eval, predict, filters and export take it with --weights",
        )
    else:
        folder, file, state = _run_of(path), path, read_checkpoint(path)
    return Saved(file, folder, net_of(state, file), state, read_facts(folder) if folder is not None else {})


def weights_of(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights that a checkpoint's network is judged by, as the module's ``state_dict``: the moving average of its
    weights where it keeps one."""
    average = state.get("average")
    return dict(average["weights"] if average is not None else state["weights"])


def need_same(module: Mapping[str, Tensor], weights: Mapping[str, Tensor], path: Path) -> None:
    """Raise ``TrainError`` unless the keys and shapes of a file's weights are the module's."""
    wrong = [f"{key} is missing" for key in module if key not in weights]
    wrong += [f"{key} has no place in the network" for key in weights if key not in module]
    wrong += [
        f"{key} is {by(weights[key])} in the file, {by(here)} in the network"
        for key, here in module.items()
        if key in weights and weights[key].shape != here.shape
    ]
    if wrong:
        more = [f"and {len(wrong) - MOST_NAMED} more"] if len(wrong) > MOST_NAMED else []
        raise TrainError(f"the weights in {path} are not those of its spec", *wrong[:MOST_NAMED], *more)


def by(tensor: Tensor) -> str:
    """A tensor's shape in words: ``96x3x11x11``, or ``a number`` where it has no axes."""
    return "x".join(map(str, tensor.shape)) or "a number"


def net_of(state: Mapping[str, Any], file: Path) -> Net:
    """The checkpoint's network: its spec, checked, with the shape that its input was given (``--input``) and the range
    of pixels that it was trained on."""
    try:
        shape = shape_of(state.get("settings", {}).get("input"))
        net = load_source(Source(f"the spec in {file}", state["spec"]), shape)
    except SpecError as problem:
        told = [f"{diagnostic.code}: {diagnostic.message}" for diagnostic in problem.diagnostics[:3]]
        raise TrainError(f"the spec in {file} does not check with this version of netspec", *told) from problem
    given = net.graph.preprocessing
    trained = replace(given, range=range_of(state, given))
    return net if trained == given else replace(net, graph=replace(net.graph, preprocessing=trained))


def shape_of(text: str | None) -> Shape | None:
    """The shape that ``3x224x224`` says; ``None`` where nothing is said."""
    return Shape(*map(int, text.split("x"))) if text is not None else None


def _need_same_spec(folder: Path, state: Mapping[str, Any], file: Path) -> None:
    """Raise ``TrainError`` where the folder's ``spec.net`` has been changed since the training."""
    try:
        text = read_spec(folder)
    except FileNotFoundError:
        return  # the checkpoint has the text
    except (OSError, UnicodeDecodeError) as problem:
        raise TrainError(f"cannot read {folder / SPEC}: {problem}") from problem
    if sha256(text) != state["spec_sha256"]:
        raise TrainError(
            f"{folder / SPEC} is not the spec that {folder} was trained as",
            f"its SHA-256 begins with {sha256(text)[:12]}, that of the trained one with {state['spec_sha256'][:12]}",
            f"the checkpoint has the trained one inside; to go by that, name the checkpoint: {file}",
        )


def _run_of(file: Path) -> Path | None:
    """The run's folder that a checkpoint file lies in, if it does."""
    folder = file.absolute().parent.parent
    return file.parent.parent if (folder / FACTS).is_file() and file.parent.name == CHECKPOINTS else None
