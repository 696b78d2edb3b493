"""Opening a trained network: a run's folder, or a single checkpoint.

A checkpoint contains all that is needed to use the network: the spec's text, the weights, the names of the classes, and
how images are prepared (the mean that is subtracted and the principal axes of the colours, in the network's range).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from netspec.diagnostics import SpecError
from netspec.formatting import format_count, format_sizes, plural
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.keys.channels import imagenet_keys
from netspec.net import Net, load_source
from netspec.source import Source, names_network
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import Frame
from netspec.train.errors import TrainError
from netspec.train.learning.objective import Objective, build
from netspec.train.runs.named import require_path
from netspec.train.runs.reading import Warn, newest, read_checkpoint, sha256
from netspec.train.runs.runfolder import CHECKPOINTS, FACTS, SPEC, read_spec

MAX_LISTED = 8
"""How many mismatched weights an error lists."""


@dataclass(frozen=True, slots=True)
class Saved:
    """An opened run.

    ``path`` is the checkpoint file, and ``folder`` the run's folder if the file is in one. ``state`` is the contents of
    the checkpoint, on the CPU.
    """

    path: Path
    folder: Path | None
    net: Net
    state: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name to show to the user: the run's folder, or else the file."""
        return str(self.folder or self.path)

    @property
    def graph(self) -> Graph:
        return self.net.graph

    @property
    def step(self) -> int:
        """How many training steps the weights have received."""
        return int(self.state["step"])

    @property
    def seed(self) -> int:
        return int(self.state["seed"])

    @property
    def spec_sha256(self) -> str:
        """The SHA-256 of the spec's text as trained."""
        return str(self.state["spec_sha256"])

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.state["classes"])

    @property
    def weights(self) -> dict[str, Tensor]:
        """The module's ``state_dict``: the moving average of the weights if the run keeps one."""
        return weights_of(self.state)

    @property
    def data(self) -> str | None:
        """The data source of the training, in the words of ``--data``; ``None`` if unknown."""
        source = self._settings.get("data")
        return source if isinstance(source, str) else None

    @property
    def _settings(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.state.get("settings", {})
        return settings

    def with_weights(self, weights: Mapping[str, Tensor]) -> Saved:
        """Return the run with other weights, a ``state_dict`` of its module."""
        return replace(self, state={**self.state, "weights": dict(weights), "average": None})

    def with_classes(self, names: Sequence[str]) -> Saved:
        """Return the run with other class names. Raises ``TrainError`` if their number is wrong."""
        classes = self.graph.scores.output.channels
        if len(names) != classes:
            raise TrainError(
                f"{plural(len(names), 'name')} for the {format_count(classes)} classes of {self.graph.name}"
            )
        return replace(self, state={**self.state, "classes": list(names)})

    def objective(self, device: str) -> Objective:
        """Return the network with the checkpoint's weights, in evaluation mode and in the precision of its training.

        Layers that are random even outside training are seeded with the run's seed.

        Raises
        ------
        TrainError
            The weights do not match the spec.
        """
        precision = self._settings.get("precision", self.graph.train.precision)
        graph = replace(self.graph, train=replace(self.graph.train, precision=precision))
        built = build(graph, 0, "cpu")
        require_same(built.module.state_dict(), self.weights, self.path)
        built.module.load_state_dict(self.weights)
        built.module.eval()
        objective = Objective(graph, built.module.to(device))
        objective.set_evaluation_random_state(self.seed, 0, 1)
        return objective

    def preparation(self, frame: Frame, peak: int, device: str) -> Preparation:
        """Return the preparation of stored images (of this frame and peak) for the network, with the training's mean.

        Raises ``TrainError`` as ``preparation_of`` does.
        """
        return preparation_of(self.state, self.graph, self.name, frame, peak, device)


def open_run(path: Path, warn: Warn) -> Saved:
    """Open a run's folder at its newest checkpoint, or a single checkpoint file.

    If the newest checkpoint cannot be read, the one before it is used, and ``warn`` is called.

    Raises
    ------
    RequestError
        The path does not exist.
    TrainError
        It is neither a run nor a checkpoint, no checkpoint can be read, its spec does not check, or the folder's
        ``spec.net`` is not the spec that was trained.
    """
    require_path(path)
    folder: Path | None
    if path.is_dir():
        folder, (file, state) = path, newest(path, warn)
        _need_same_spec(path, state, file)
    elif names_network(path):
        raise TrainError(
            f"{path} is a spec, not a run",
            "netspec train makes a run of it; eval, predict, filters and export take it with --weights",
        )
    else:
        folder, file, state = _run_of(path), path, read_checkpoint(path)
    return Saved(file, folder, net_of(state, file), state)


def weights_of(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the weights to use a checkpoint's network with, as the module's ``state_dict``: their moving average if
    the checkpoint has one."""
    average = state.get("average")
    return dict(average["weights"] if average is not None else state["weights"])


def preparation_of(
    state: Mapping[str, Any], graph: Graph, name: str, frame: Frame, peak: int, device: str
) -> Preparation:
    """Return the preparation of stored images (of this frame and peak) for a checkpoint's network, with the mean of its
    training. ``name`` is that of the run.

    Raises
    ------
    TrainError
        The mean image has another size than the images, or the network needs a mean and there were no training images
        to measure it on.
    """
    measured = state["preparation"]
    if not measured:
        published = imagenet_keys(graph.preprocessing.range, graph.preprocessing.order)
        raise TrainError(
            f"{graph.name} subtracts or divides by what is measured on training images, and there are none",
            f"give the numbers on the input line, or by --set; those of many published weights are {published}",
        )
    prepare = Preparation.for_graph(graph, None, frame, peak, device)
    mean: Tensor = measured["mean"]
    if tuple(mean.shape) not in ((frame.channels, 1, 1), (frame.channels, frame.height, frame.width)):
        raise TrainError(f"{name} subtracts a mean image of {shape_text(mean)}, the images are {frame}")
    prepare.restore(mean, measured["axes"], measured["std"])
    return prepare


def require_same(module: Mapping[str, Tensor], weights: Mapping[str, Tensor], path: Path) -> None:
    """Raise ``TrainError`` unless the weights of a file have the keys and shapes of the module's."""
    wrong = [f"{key} is missing" for key in module if key not in weights]
    wrong += [f"{key} is not in the network" for key in weights if key not in module]
    wrong += [
        f"{key} is {shape_text(weights[key])} in the file, {shape_text(here)} in the network"
        for key, here in module.items()
        if key in weights and weights[key].shape != here.shape
    ]
    if wrong:
        more = [f"and {len(wrong) - MAX_LISTED} more"] if len(wrong) > MAX_LISTED else []
        raise TrainError(f"the weights in {path} are not those of its spec", *wrong[:MAX_LISTED], *more)


def shape_text(tensor: Tensor) -> str:
    """Format a tensor's shape: ``96x3x11x11``, or ``a number`` for a scalar."""
    return format_sizes(tensor.shape) or "a number"


def net_of(state: Mapping[str, Any], file: Path) -> Net:
    """Check a checkpoint's spec and return the network, with the input shape of its training (``--input``). Raises
    ``TrainError`` if the spec does not check."""
    try:
        shape = shape_of(state.get("settings", {}).get("input"))
        return load_source(Source(f"the spec in {file}", state["spec"]), shape)
    except SpecError as problem:
        notes = [f"{diagnostic.code}: {diagnostic.message}" for diagnostic in problem.diagnostics[:3]]
        raise TrainError(f"the spec in {file} does not check with this version of netspec", *notes) from problem


def shape_of(text: str | None) -> Shape | None:
    """Parse ``3x224x224``; ``None`` for ``None``."""
    return Shape(*map(int, text.split("x"))) if text is not None else None


def _need_same_spec(folder: Path, state: Mapping[str, Any], file: Path) -> None:
    """Raise ``TrainError`` if the folder's ``spec.net`` has been changed since the training."""
    try:
        text = read_spec(folder)
    except FileNotFoundError:
        return  # the checkpoint contains the text
    except (OSError, UnicodeDecodeError) as problem:
        raise TrainError(f"cannot read {folder / SPEC}: {problem}") from problem
    if sha256(text) != state["spec_sha256"]:
        raise TrainError(
            f"{folder / SPEC} is not the spec that {folder} was trained as",
            f"its SHA-256 begins with {sha256(text)[:12]}, that of the trained one with {state['spec_sha256'][:12]}",
            f"the checkpoint has the trained one inside; to go by that, name the checkpoint: {file}",
        )


def _run_of(file: Path) -> Path | None:
    """Return the run's folder that contains a checkpoint file, if any."""
    folder = file.absolute().parent.parent
    return file.parent.parent if (folder / FACTS).is_file() and file.parent.name == CHECKPOINTS else None
