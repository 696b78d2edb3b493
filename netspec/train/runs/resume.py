"""Resuming a run: reading what an earlier process left, and checking that it matches the request.

A run is resumed with ``--resume RUN``, which takes all settings from the run, or by repeating the command that started
it, which must lead to the same settings. Neither may change what is trained: the network, the data, the batch, the
seed. Only the end may be moved, with ``--resume RUN --epochs N``.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from netspec.ir.settings import Train
from netspec.net import Net
from netspec.passes.optimiser_state import STATE_KINDS
from netspec.train.config import Config, Request, resolve
from netspec.train.errors import RequestError, TrainError
from netspec.train.interval import read_interval
from netspec.train.runs import checkpoint
from netspec.train.runs.named import require_path
from netspec.train.runs.reading import newest, runs_inside, sha256
from netspec.train.runs.runfolder import CHECKPOINTS, SPEC, is_run, read_facts, read_spec, resuming
from netspec.train.runs.saved import net_of, shape_of

DEVICES = ("device", "threads", "gpus", "split")
"""Settings about where computation takes place. They may change; results then differ in rounding."""

FREE = ("save_every", "tensorboard")
"""Settings that do not affect what is learnt."""

END = ("epochs", "steps")
"""Settings about where the training ends. ``--resume`` may change them."""

NOT_COMPARED = ("workers", "data", "input")
"""Not compared with the run's as settings: ``workers`` follows from the machine; data and network have other checks."""

STATE = ("optimiser", "place", "settings", "data", "metrics_bytes", "random")
"""The keys that a checkpoint needs for resuming, in addition to those for using its network."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run as an earlier process left it.

    ``facts`` is the contents of ``run.json``. ``state`` is the newest readable checkpoint and ``file`` its path; both
    are ``None`` if the process ended before its first checkpoint.
    """

    folder: Path
    spec: str
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    file: Path | None
    state: dict[str, Any] | None

    @property
    def step(self) -> int:
        """The step of the newest checkpoint; 0 without one."""
        return int(self.state["step"]) if self.state is not None else 0

    @property
    def balanced(self) -> bool:
        """Whether the weights of its classes were counted in its images."""
        return bool(self.facts.get("balanced"))

    def net(self) -> Net:
        """Return the run's network. Raises ``TrainError`` if this version's checker rejects its spec."""
        return net_of({"spec": self.spec, "settings": self.settings}, self.file or self.folder / SPEC)

    def finished(self, config: Config) -> bool:
        """Whether the run is finished and has reached the end that ``config`` asks for."""
        state = self.state
        if state is None or self.facts.get("state") != "finished" or "counts" not in self.facts:
            return False
        within = state["place"] is not None
        return config.reached(state["step"], state["epoch"], within=within, validated=state["validated"])


def require_run(path: Path) -> None:
    """Raise ``RequestError`` if the path does not exist, ``TrainError`` if it is not a run."""
    require_path(path, "run")
    if path.is_file():
        raise TrainError(f"{path} is a file; a run is a folder that netspec train writes")
    if not is_run(path):
        raise TrainError(f"{path} is not a run: it contains nothing to resume", *runs_inside(path))


def reopen(folder: Path, warn: Callable[[str], None]) -> Earlier:
    """Read a run that an earlier process left. Damaged newest checkpoints are skipped with a warning through ``warn``.

    Raises
    ------
    TrainError
        None of the checkpoints can be read, or the run ended before its first one and did not record its settings.
    """
    facts = read_facts(folder)
    if not checkpoint.list_checkpoints(folder / CHECKPOINTS):
        return _unstarted(folder, facts)
    file, state = newest(folder, warn)
    missing = [key for key in STATE if key not in state]
    missing = missing or [f"optimiser.{key}" for key in (*STATE_KINDS, "updates") if key not in state["optimiser"]]
    if missing:
        raise TrainError(
            f"{file} cannot be resumed: it lacks {', '.join(missing)}",
            f"start a new run from its weights: --weights {shlex.quote(str(folder))}",
        )
    return Earlier(folder, state["spec"], state["settings"], facts, file, state)


def require_same_spec(earlier: Earlier, net: Net, request: Request) -> None:
    """Raise ``TrainError``, showing the differences, if the run's network is not ``net``."""
    shape = str(request.input) if request.input is not None else None
    if sha256(net.kept_text) == sha256(earlier.spec) and shape == earlier.settings.get("input"):
        return
    from netspec.diff import compare
    from netspec.diff.terminal import show

    comparison = compare(earlier.net(), net)
    if comparison.same:
        return
    written = StringIO()
    show(comparison, (str(earlier.folder), net.source.name), written)
    raise TrainError(
        f"{earlier.folder} was trained with another spec; a run keeps its spec",
        *written.getvalue().splitlines(),
        f"a new run can start from its weights: --weights {shlex.quote(str(earlier.folder))}",
    )


def resumed_config(earlier: Earlier, request: Request, train: Train) -> Config:
    """Return the settings for ``--resume``: those of the run, with the end and the devices that the request names.

    Raises
    ------
    RequestError
        The request changes other settings, or names an end that the run has already passed.
    """
    if request.weights is not None or request.fresh:
        raise RequestError("--resume continues with the run's own weights; --weights and --fresh start a new run")
    own = {} if request.epochs is not None or request.steps is not None else _settings_of(earlier, END)
    names = [field.name for field in dataclasses.fields(Config) if field.name not in (*END, "workers")]
    config = resolve(_with_defaults(request, own | _settings_of(earlier, names)), train)
    require_same_settings(earlier, config, END)
    _need_end_ahead(earlier, config)
    return config


def repeated_config(earlier: Earlier, request: Request, train: Train) -> Config:
    """Return the settings of a repeated command, whose ``--out`` is an existing run.

    Raises
    ------
    RequestError
        They are not the settings of the run.
    """
    config = resolve(_with_defaults(request, _settings_of(earlier, (*DEVICES, *FREE))), train)
    require_same_settings(earlier, config)
    return config


def require_same_settings(earlier: Earlier, config: Config, but: Sequence[str] = ()) -> None:
    """Raise ``RequestError``, listing all differences, if settings (except those in ``but``) are not the run's."""
    now = config.as_dict()
    differences = [
        f"--{key.replace('_', '-')}: {_format(then)} in the run, {_format(now[key])} here"
        for key, then in earlier.settings.items()
        if key in now and key not in (*DEVICES, *FREE, *NOT_COMPARED, *but) and now[key] != then
    ]
    if differences:
        raise RequestError(
            f"{earlier.folder} is a run with other settings",
            *differences,
            f"to continue with its own settings: {resuming(earlier.folder)}, which takes --epochs and --steps",
        )


def rounding_differences(earlier: Earlier, config: Config, versions: Mapping[str, str]) -> list[str]:
    """Return the differences from the earlier process (devices, versions) that may change results by rounding."""
    now = config.as_dict()
    differences = [
        f"{key} {earlier.settings[key] or 'as usual'} -> {now[key] or 'as usual'}"
        for key in DEVICES
        if earlier.settings[key] != now[key]
    ]
    earlier_versions = earlier.state["versions"] if earlier.state is not None else {}
    for name, version in versions.items():
        if earlier_versions.get(name, version) != version:
            differences.append(f"{name} {earlier_versions[name]} -> {version}")
    return differences


def _need_end_ahead(earlier: Earlier, config: Config) -> None:
    state = earlier.state
    if state is None:
        return
    epochs_begun = state["epoch"] + (state["place"] is not None)
    for name, end, done in (("steps", config.steps, state["step"]), ("epochs", config.epochs, epochs_begun)):
        if end is not None and end < done:
            raise RequestError(
                f"--{name} {end} is too low: {earlier.folder} is already at {name.removesuffix('s')} {done:,}"
            )


def _with_defaults(request: Request, values: Mapping[str, Any]) -> Request:
    """Return the request with its open choices (``None``) replaced by ``values``."""
    return dataclasses.replace(request, **{k: v for k, v in values.items() if getattr(request, k) is None})


def _settings_of(earlier: Earlier, names: Sequence[str]) -> dict[str, Any]:
    """Return some of the run's settings, converted to the types that ``Request`` uses."""
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
            f"{folder} ended before its first checkpoint, and its settings were not recorded",
            "remove it, and start a new run",
        ) from problem
    return Earlier(folder, spec, settings, facts, None, None)


def _format(value: object) -> str:
    return "none" if value is None else str(value)
