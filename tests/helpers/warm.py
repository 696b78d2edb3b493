"""Processes that start in milliseconds: forked from a server that has imported what takes seconds, and done nothing.

Each goes through ``__main__`` as one does that Python starts anew, with an id, a folder, an environment, standard
streams, signals and an exit code of its own. What is read while libraries are imported (``OMP_NUM_THREADS``,
``PYTHON*``) is the tests' own. Whether something can be imported, and how long that takes, a cold process alone tells.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from blocking import block
from places import ROOT

HERE = sys.platform != "win32"
"""Whether there can be such processes."""

READY = (
    "netspec.train.run", "netspec.train.processes.verification", "netspec.cli.train", "netspec.report", "torch._dynamo",
    "matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.font_manager", "PIL.JpegImagePlugin", "pytest",
)  # fmt: skip
"""What the server imports."""

LONGEST = 300.0
"""Seconds after which a process that is waited for is killed."""


@dataclass(frozen=True)
class Start:
    """``python WORDS``, of which ``-m MODULE ...`` and ``FILE ...`` can be, in a folder, writing to two files. A file
    may have ``largest`` bytes, as if the disk were full, and blocked libraries cannot be imported."""

    words: Sequence[str]
    folder: Path
    out: Path
    err: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    blocked: Collection[str] = ()
    largest: int | None = None


def serve() -> None:
    """Start the server, of which a process of tests has one, unless it runs."""
    multiprocessing.set_forkserver_preload(list(READY))
    forkserver.ensure_running()


def start(what: Start, reads: Connection | None = None, *, daemon: bool = False) -> BaseProcess:
    """A process that reads from a connection or nothing. A ``daemon`` ends with the tests, and can start no others."""
    serve()
    process = multiprocessing.get_context("forkserver").Process(target=_become, args=(what, reads), daemon=daemon)
    process.start()
    return process


def run(
    *words: str | Path, text: str | None = None, folder: Path = ROOT, blocked: Collection[str] = ()
) -> CompletedProcess[str]:
    """``python WORDS`` to its end, with ``text`` on its standard input."""
    with TemporaryDirectory() as name:
        out, err = Path(name, "out"), Path(name, "err")
        reads, writes = multiprocessing.Pipe(duplex=False)
        command = [str(word) for word in words]
        process = start(Start(command, folder, out, err, {**os.environ, "NO_COLOR": "1"}, blocked), reads)
        reads.close()
        try:
            with suppress(BrokenPipeError), open(writes.fileno(), "wb", closefd=False) as stream:
                stream.write((text or "").encode())
            writes.close()
            process.join(LONGEST)
        finally:
            process.kill()
            process.join()
        assert process.exitcode is not None
        return CompletedProcess(command, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def _become(what: Start, reads: Connection | None) -> None:
    """In the new process: be what Python would be."""
    for number, path in ((1, what.out), (2, what.err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
    os.dup2(reads.fileno() if reads is not None else os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, encoding=sys.stdout.encoding, closefd=False)  # noqa: SIM115  # for as long as the process
    os.environ.clear()
    os.environ.update(what.environment)
    os.chdir(what.folder)
    if what.largest is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (what.largest, what.largest))
    sys.path[:] = [path for path in sys.path if not Path(path).is_relative_to(ROOT / "tests")]
    block(what.blocked)
    first, *rest = what.words
    if first == "-m":
        sys.path.insert(0, str(what.folder))
        sys.argv = ["-m", *rest[1:]]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(first).parent))
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
