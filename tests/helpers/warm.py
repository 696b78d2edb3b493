"""Processes that start in milliseconds, forked from a server that has already imported the slow libraries.

Like a new Python, each runs a program as ``__main__``, with its own process id, working directory, environment,
standard streams, signals and exit code. Variables that are read on import (``OMP_NUM_THREADS``, ``PYTHON*``) keep the
values that they have in the tests. Tests of whether something can be imported, or how fast, need a cold process.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
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
"""Whether the platform supports warm processes."""

READY = (
    "netspec.train.run", "netspec.train.processes.verification", "netspec.cli.train", "netspec.report",
    "matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.font_manager", "PIL.JpegImagePlugin", "pytest",
)  # fmt: skip
"""The modules that the server imports."""

TIMEOUT = 300.0
"""Seconds after which ``run`` kills its process."""


@dataclass(frozen=True)
class Start:
    """The command ``python WORDS`` in a folder, with its standard output and standard error written to files.

    ``words`` are ``-m MODULE ...`` or ``FILE ...``. The process can write at most ``largest`` bytes to a file, as if
    the disk were full, and cannot import ``blocked`` libraries.
    """

    words: Sequence[str]
    folder: Path
    out: Path
    err: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    blocked: Collection[str] = ()
    largest: int | None = None


def serve() -> None:
    """Start this process's server, unless it is running."""
    multiprocessing.set_forkserver_preload(list(READY))
    forkserver.ensure_running()


def start(what: Start, stdin: Connection | None = None, *, daemon: bool = False) -> BaseProcess:
    """Start a process that reads its standard input from a connection, or an empty one.

    A ``daemon`` ends with the tests, and cannot start processes itself.
    """
    serve()
    process = multiprocessing.get_context("forkserver").Process(target=_run_here, args=(what, stdin), daemon=daemon)
    process.start()
    return process


def run(
    *words: str | Path, text: str | None = None, folder: Path = ROOT, blocked: Collection[str] = ()
) -> CompletedProcess[str]:
    """Run ``python WORDS`` to its end, with ``text`` on its standard input."""
    with TemporaryDirectory() as name:
        out, err = Path(name, "out"), Path(name, "err")
        stdin, writer = multiprocessing.Pipe(duplex=False)
        command = [str(word) for word in words]
        process = start(Start(command, folder, out, err, {**os.environ, "NO_COLOR": "1"}, blocked), stdin)
        stdin.close()
        try:
            with suppress(BrokenPipeError), open(writer.fileno(), "wb", closefd=False) as stream:
                stream.write((text or "").encode())
            writer.close()
            process.join(TIMEOUT)
        finally:
            process.kill()
            process.join()
        assert process.exitcode is not None
        return CompletedProcess(command, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def _run_here(what: Start, stdin: Connection | None) -> None:
    """Set up the new process as Python would, and run the program in it."""
    # The server ignores Ctrl-C if `netspec verify` started it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, path in ((1, what.out), (2, what.err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
    os.dup2(stdin.fileno() if stdin is not None else os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, encoding=sys.stdout.encoding, closefd=False)  # noqa: SIM115  # stays open as long as the process lives
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
