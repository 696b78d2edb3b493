"""The test at the end of a training, if the spec's ``test`` line asks for more than the validations see."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.eval_results import as_data
from netspec.cli.runs import warn
from netspec.formatting import format_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netspec.train.run import Result


def wants_test(result: Result) -> bool:
    """Whether a training has ended whose validations saw less of each image than the spec's test does."""
    from netspec.train.learning.validation import VIEWS

    return result.state == "finished" and result.evaluation is not None and result.views != VIEWS


def final_test(result: Result, *, quiet: bool) -> str:
    """Test the network of a finished run as its spec says, write all numbers into the run's folder, and return the line
    that tells the result.

    A run that was finished before is not tested again, and synthetic data are not tested on. The line then says where
    the result is, or the command for it. A test that fails is a warning: the training did not fail.
    """
    from netspec.train.data.sources.synthetic import SYNTHETIC
    from netspec.train.errors import TrainError
    from netspec.train.memory import memory_errors
    from netspec.train.runs.runfolder import TEST, read_facts

    command = f"to test it as its spec says, with views={result.views}: netspec eval {shlex.quote(str(result.folder))}"
    if result.unchanged:
        written = result.folder / TEST
        return f"its test with views={result.views}: {written}" if written.exists() else command
    facts = read_facts(result.folder)
    if facts["data"]["source"] == SYNTHETIC:
        return command
    try:
        with memory_errors("fewer images at a time need less"):
            return _test(result, facts, quiet)
    except (TrainError, OSError) as problem:
        warn(f"the test with views={result.views} failed: {problem}")
    except KeyboardInterrupt:
        click.echo(command)
        raise
    return command


def _test(result: Result, facts: Mapping[str, Any], quiet: bool) -> str:
    from netspec.train.evaluation.tested import EvaluationSettings
    from netspec.train.evaluation.testing import run_test
    from netspec.train.runs.runfolder import RunFolder
    from netspec.train.runs.saved import open_run

    run = open_run(result.folder, warn)
    settings = EvaluationSettings(
        source=run.data or facts["data"]["source"],
        split="validation",
        views=None,
        batch=facts["batch"],
        device=facts["device"],
        workers=facts["workers"],
    )
    # what there is to say of the data and their unreadable images, the training has said
    tested = run_test(
        [run], settings, note=lambda text: None, warn=lambda text: None, met=lambda problem: None, quiet=quiet
    )
    RunFolder(result.folder).write_test(json.dumps(as_data(tested, [run], None), indent=2, allow_nan=False) + "\n")
    unread = f" ({format_count(tested.unreadable)} unreadable)" if tested.unreadable else ""
    images = f"{format_count(tested.used)} validation images{unread}"
    return f"test: {tested.summary}, loss {tested.loss:.4g} on {images}, {tested.full_protocol}"
