"""Going on with a run that an earlier process has left: what is there, and whether it is what was asked for.

A run is gone on with by ``--resume RUN``, which takes every setting from it, or by the command that began it, which
must come to the same settings. Neither may change what is trained: the network, the data, the batch, the seed. Where it
ends may be moved, with ``--resume RUN --epochs N``.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from netspec.ir.graph import Graph
from netspec.ir.settings import Train
from netspec.net import Net
from netspec.source import Source
from netspec.train.config import Config, Request, resolve
from netspec.train.errors import RequestError, TrainError
from netspec.train.interval import read_interval
from netspec.train.runs import checkpoint
from netspec.train.runs.named import need
from netspec.train.runs.reading import newest, runs_inside, sha256
from netspec.train.runs.runfolder import CHECKPOINTS, FACTS, SPEC, read_facts, read_spec, resuming
from netspec.train.runs.saved import net_of, shape_of

MACHINE = ("device", "threads", "gpus", "split", "workers")
"""Settings that say where is computed: they may be others, and then the numbers are others in their last bits."""

FREE = ("save_every", "tensorboard")
"""Settings that change nothing about what is learnt."""

END = ("epochs", "steps")

STATE = ("optimiser", "place", "settings", "data", "metrics_bytes", "random")
"""What a checkpoint must hold for a training to go on from it, beside what its network is used by."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier process has left. ``facts`` is what ``run.json`` says; ``state`` is the newest checkpoint that
    can be read, lying in ``file``; both are ``None`` of a process that ended before its first one."""

    folder: Path
    spec: str
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    file: Path | None
    state: dict[str, Any] | None

    @property
    def step(self) -> int:
        """How many steps the newest checkpoint has behind it; 0 without one."""
        return int(self.state["step"]) if self.state is not None else 0

    def net(self) -> Net:
        """The run's network. Raises ``TrainError`` where this version's checker refuses it."""
        held = {"preparation": self.state["preparation"]} if self.state is not None else {}
        told = {"spec": self.spec, "settings": self.settings, **held}
        return net_of(told, self.file or self.folder / SPEC)

    def finished(self, config: Config) -> bool:
        """Whether nothing is left to do: its process came to its end, and that is the end which is asked for."""
        state = self.state
        if state is None or self.facts.get("state") != "finished" or "counts" not in self.facts:
            return False
        if state["place"] is None and state["epoch"] == config.epochs:
            return True
        return bool(state["step"] == config.steps and state["validated"] == state["step"])


def is_run(path: Path) -> bool:
    """Whether a folder is a run, finished or not."""
    return (path / FACTS).is_file() or bool(checkpoint.saved(path / CHECKPOINTS))


def need_run(path: Path) -> None:
    """Raise ``RequestError`` where there is nothing of that name, ``TrainError`` where it is no run."""
    need(path, "run")
    if path.is_file():
        raise TrainError(f"{path} is a file; a run is the folder that netspec train leaves")
    if not is_run(path):
        raise TrainError(f"{path} is no run: there is nothing to resume in it", *runs_inside(path))


def reopen(folder: Path, warn: Callable[[str], None]) -> Earlier:
    """Read what an earlier process has left. A damaged newest checkpoint is passed over, which ``warn`` is told.

    Raises
    ------
    TrainError
        None of the checkpoints can be read, or the run ended before its first and did not write down enough.
    """
    facts = read_facts(folder)
    if not checkpoint.saved(folder / CHECKPOINTS):
        return _unstarted(folder, facts)
    file, state = newest(folder, warn)
    lacking = [key for key in STATE if key not in state]
    if lacking:
        raise TrainError(
            f"{file} cannot be gone on from: it lacks {', '.join(lacking)}",
            f"start a new run from its weights: --weights {shlex.quote(str(folder))}",
        )
    return Earlier(folder, state["spec"], state["settings"], facts, file, state)


def need_same_spec(earlier: Earlier, net: Net, request: Request) -> None:
    """Raise ``TrainError``, with the difference, where a run was trained as another network than ``net``."""
    shape = str(request.input) if request.input is not None else None
    if sha256(net.source.text) == sha256(earlier.spec) and shape == earlier.settings.get("input"):
        return
    from netspec.diff import compare
    from netspec.diff.terminal import show

    found = compare(earlier.net(), net)
    if found.same:
        return
    written = StringIO()
    show(found, (str(earlier.folder), net.source.name), written)
    raise TrainError(
        f"{earlier.folder} was trained as another network; a run does not change its network on the way",
        *written.getvalue().splitlines(),
        f"a new run can start from its weights: --weights {shlex.quote(str(earlier.folder))}",
    )


def continued(earlier: Earlier, request: Request, train: Train) -> Config:
    """The settings that ``--resume`` goes on with: the run's, and the end and the machine that the request names.

    Raises
    ------
    RequestError
        The request names other settings, or an end that lies behind.
    """
    if request.weights is not None or request.fresh:
        raise RequestError("--resume goes on with the run's own weights; --weights and --fresh begin a new run")
    own = {} if request.epochs is not None or request.steps is not None else _of(earlier, END)
    names = [field.name for field in dataclasses.fields(Config) if field.name not in (*END, "workers")]
    config = resolve(_filled(request, own | _of(earlier, names)), train)
    need_same_settings(earlier, config, END)
    _need_end_ahead(earlier, config)
    return config


def repeated(earlier: Earlier, request: Request, train: Train) -> Config:
    """The settings of a command that names the folder of a run that is there: they must be the run's.

    Raises
    ------
    RequestError
        They are not.
    """
    config = resolve(_filled(request, _of(earlier, (*MACHINE[:-1], *FREE))), train)
    need_same_settings(earlier, config)
    return config


def need_same_settings(earlier: Earlier, config: Config, but: Sequence[str] = ()) -> None:
    """Raise ``RequestError``, naming all, where settings are not those of the run."""
    now = config.as_dict()
    found = [
        f"--{key.replace('_', '-')}: {_said(then)} in the run, {_said(now[key])} here"
        for key, then in earlier.settings.items()
        if key in now and key not in (*MACHINE, *FREE, *but, "data", "input") and now[key] != then
    ]
    if found:
        raise RequestError(
            f"{earlier.folder} is a run with other settings",
            *found,
            f"to go on as it began: {resuming(earlier.folder)}; --epochs or --steps with it move the end",
        )


def otherwise(earlier: Earlier, config: Config, versions: Mapping[str, str]) -> list[str]:
    """In what this process is not like the one before, so that the numbers may differ in their last bits."""
    now = config.as_dict()
    found = [
        f"{key} {earlier.settings[key] or 'as usual'} -> {now[key] or 'as usual'}"
        for key in MACHINE[:-1]
        if earlier.settings[key] != now[key]
    ]
    then = earlier.state["versions"] if earlier.state is not None else {}
    return found + [f"{name} {then[name]} -> {here}" for name, here in versions.items() if then.get(name, here) != here]


def _need_end_ahead(earlier: Earlier, config: Config) -> None:
    state = earlier.state
    if state is None:
        return
    begun = state["epoch"] + (state["place"] is not None)
    for name, end, done in (("steps", config.steps, state["step"]), ("epochs", config.epochs, begun)):
        if end is not None and end < done:
            raise RequestError(f"--{name} {end} lies behind: {earlier.folder} is at {name.removesuffix('s')} {done:,}")


def _filled(request: Request, values: Mapping[str, Any]) -> Request:
    """The request, with these values where it leaves a choice open."""
    return dataclasses.replace(request, **{k: v for k, v in values.items() if getattr(request, k) is None})


def _of(earlier: Earlier, names: Sequence[str]) -> dict[str, Any]:
    """Some of the run's settings, as a ``Request`` has them."""
    values = {name: earlier.settings.get(name) for name in names}
    if isinstance(text := values.get("save_every"), str):
        values["save_every"] = read_interval(text)
    if "without" in values:
        values["without"] = tuple(values["without"] or ())
    if "input" in values:
        values["input"] = shape_of(values["input"])
    return values


def _unstarted(folder: Path, facts: Mapping[str, Any]) -> Earlier:
    names = [field.name for field in dataclasses.fields(Config) if field.name != "data"]
    try:
        settings = {"data": facts["data"]["source"], **{name: facts[name] for name in names}}
        spec = read_spec(folder)
    except (KeyError, TypeError, OSError, UnicodeDecodeError) as problem:
        raise TrainError(
            f"{folder} was left before its first checkpoint, and it is not written down what it was going to do",
            "remove it, and begin anew",
        ) from problem
    return Earlier(folder, spec, settings, facts, None, None)


def _said(value: object) -> str:
    return "none" if value is None else str(value)


def as_net(graph: Graph, spec: str, name: str) -> Net:
    """A graph with its text, as ``compare`` takes it."""
    return Net(Source(name, spec), graph)
