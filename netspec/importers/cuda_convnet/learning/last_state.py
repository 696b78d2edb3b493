"""Warn about parameter files that have the rates at the end of a run instead of those at its beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from netspec.check.report import Findings
from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.learning.note_messages import name_list
from netspec.importers.cuda_convnet.learning.replay import FileRates, replay_run
from netspec.importers.cuda_convnet.learning.runs import Run


def warn_of_last_state(runs: Sequence[Run], in_file: Mapping[str, FileRates], findings: Findings) -> None:
    """Warn once if the file contains rates that, according to its notes, were lowered during a run."""
    for run in runs:
        replay = replay_run(run, in_file)
        lower = {
            name: (first, in_file[name].rate)
            for name, first in replay.first.items()
            if (falls := replay.falls.get(name)) and in_file[name].rate <= falls[0].rate * (1 + 1e-6)
        }
        if not lower:
            continue
        pairs = Counter(lower.values())
        (began, ends), _ = pairs.most_common(1)[0]
        others = [
            f"{name_list(name for name, pair in lower.items() if pair == (was, now))}: "
            f"{format_literal(now)}, initially {format_literal(was)}"
            for was, now in pairs
            if (was, now) != (began, ends) or 2 * len(lower) < len(in_file)
        ]
        findings.warn(
            "cfg-last-state",
            f"the file has the rates at the end of a run: epsW={format_literal(ends)}, initially "
            f"{format_literal(began)}",
            min((replay.falls[name][0].change.span for name in lower), key=lambda span: span.start),
            notes=(*others, "--history uses the initial rates, and lowers them at the epochs in these notes"),
        )
        return
