"""Run every test and measurement that needs a GPU, one after the other, within a time limit.

Each job is a process with its own time limit. The most valuable jobs come first: timing the networks alone, memory and
the first step take seconds, so their results are there even if compiling the hand-written networks takes the rest of
the time. Dense networks, U-Net and DeepLab, are timed, measured and trained too. The folder `-o` gets a few files: the
jobs' output in `output.txt` and `errors.txt`, the curves, and `summary.json` with each job's exit code, seconds,
figures, and the figures that miss their goal. For jobs that had no time left, the script prints the options that run
them later. `--small` tries the script on small batches and networks, on the CPU too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Job:
    """A command and its time limit in ``seconds``.

    ``figures`` extracts figures from its output, and ``wanted`` has lower bounds for them.
    """

    name: str
    command: list[str]
    seconds: int
    figures: Callable[[str], Figures] = lambda output: {}
    wanted: Figures = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended. ``code`` is its exit code, or ``None`` if it ran out of time."""

    name: str
    code: int | None
    seconds: float
    figures: Figures
    missed: list[str]


def speeds(output: str) -> Figures:
    """Return the images/s in the JSON of `netspec time`, and the ratios to the hand-written network if compared."""
    found = json.loads(output)
    fast = {f"{kind} images/s": found[kind]["images_per_s"] for kind in ("training", "inference")}
    by_hand: Figures = found.get("times_handwritten", {})
    return {**fast, **by_hand}


def passed(output: str) -> Figures:
    """Return the number of passed tests in pytest's output."""
    found = re.search(r"(\d+) passed", output)
    return {"passed": float(found[1]) if found else 0.0}


def missing() -> str | None:
    """Return what this Python lacks for the jobs, if anything: all would fail one after the other."""
    needed = "import netspec, netspec.backend; netspec.load('specs/digits.net'); netspec.backend.load('pytorch')"
    tried = subprocess.run([PYTHON, "-c", needed], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    return tried.stderr.strip().splitlines()[-1] if tried.returncode else None


def jobs(device: str, small: bool, folder: Path) -> list[Job]:
    """Return all jobs, in the order in which they run."""
    specs = ROOT / "specs"
    alexnet, published = specs / "alexnet.net", specs / "alexnet-torchvision.net"
    batches = (4, 2) if small else (1024, 128)
    rounds, precision = (1, "fp32") if small else (5, "bf16")
    narrow = ["--set", "fc6.outputs=64", "--set", "fc7.outputs=64"] if small else []

    small_dense = specs / "u-net-digits.net"
    dense = {
        "u-net-8": (small_dense if small else specs / "classics" / "u-net.net", 2 if small else 8),
        "deeplab-16": (small_dense if small else specs / "classics" / "deeplab-v3.net", 2 if small else 16),
    }
    networks = {
        "alexnet-1024": (alexnet, batches[0], {"training": 2.5}),
        "alexnet-128": (alexnet, batches[1], {"training": 2.0}),
        "alexnet-1": (alexnet, 1, {"inference": 1.0}),
        "torchvision-1024": (published, batches[0], {"training": 1.2}),
    }

    def timed(name: str, *more: str) -> list[str]:
        spec, batch, *_ = networks[name] if name in networks else dense[name]
        words = ["--device", device, "--batch", str(batch), "--precision", precision, "--rounds", str(rounds)]
        return [PYTHON, "-m", "netspec", "time", str(spec), *words, "--format", "json", *more]

    def script(name: str, *arguments: str) -> list[str]:
        return [PYTHON, str(ROOT / "benchmarks" / name), *arguments]

    curves = ["--device", device, "-o", str(folder / "curves.png")]
    curves += ["--spec", str(specs / "digits.net"), "--data", "digits", "--steps", "4"] if small else []
    of_pixels = ["--device", device, "--spec", str(small_dense), "--data", "digits", "--steps", "4" if small else "100"]
    worth = ["-m", "netspec", "time", str(alexnet), "--device", device, "--batch", str(batches[0]), "--passes"]
    with_gpu_tests = sorted(
        str(file) for file in ROOT.glob("tests/**/test_*.py") if "mark.gpu" in file.read_text("utf-8")
    )
    tests = [PYTHON, "-m", "pytest", "-vv", "--tb=short", "-p", "no:cacheprovider", "-m", "gpu", *with_gpu_tests]
    kernels = [PYTHON, str(ROOT / "tests" / "backends" / "compare_kernels.py"), "cuda"]
    first = ["--device", device, "--rounds", "1", *(["--spec", "digits", "--data", "digits"] if small else [])]
    all_jobs = [
        Job("tests", tests, 180, passed),
        *(Job(f"{name}-alone", timed(name), 60, speeds) for name in (*networks, *dense)),
        Job("memory", script("memory.py"), 60),
        *(
            Job(f"{name}-memory", script("memory.py", "--spec", str(spec), "--batch", str(batch)), 60)
            for name, (spec, batch) in dense.items()
        ),
        Job("first-step", script("first_step.py", *first), 90),
        Job("curves-of-pixels", script("curves.py", *of_pixels, "-o", str(folder / "curves-of-pixels.png")), 120),
        *(
            Job(name, timed(name, "--compare", "handwritten"), 240, speeds, {} if small else wanted)
            for name, (_, _, wanted) in networks.items()
        ),
        Job("curves", script("curves.py", *curves), 240),
        Job("passes", [PYTHON, *worth, "--precision", precision, "--rounds", str(rounds), *narrow], 180),
    ]
    if shutil.which("compute-sanitizer"):
        alone = ["env", "PYTORCH_NO_CUDA_MEMORY_CACHING=1"]  # else it sees the allocator's large blocks, not tensors
        all_jobs.append(Job("sanitizer", [*alone, "compute-sanitizer", "--error-exitcode", "3", *kernels], 180))
    return all_jobs


def run(job: Job, seconds: float, folder: Path) -> Ending:
    """Run a job, append its output to the files in ``folder``, and return how it ended."""
    start, limit = time.monotonic(), min(seconds, job.seconds)
    code: int | None = None
    output = folder / "output.txt"
    with output.open("a") as out, (folder / "errors.txt").open("a") as err:
        for file in (out, err):
            print(f"=== {job.name}", file=file, flush=True)
        before = out.tell()
        process = subprocess.Popen(job.command, stdout=out, stderr=err, cwd=ROOT, start_new_session=True)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with its children, which would slow down the next job
            process.wait()
    took = time.monotonic() - start
    figures: Figures = {}
    if code == 0:
        with contextlib.suppress(ValueError, LookupError), output.open() as out:  # the output may be something else
            out.seek(before)
            figures = job.figures(out.read())
    missed = [f"{name}: {figures[name]:.3g}, wanted {least}" for name, least in job.wanted.items()
              if name in figures and figures[name] < least]  # fmt: skip
    missed += [f"{name} is not known" for name in job.wanted if name not in figures]
    return Ending(job.name, code, round(took, 1), figures, missed)


def main() -> None:
    """Run the jobs that there is time for. Exits with 1 if a job failed, missed a goal or was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--limit", type=int, default=540, metavar="SECONDS")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", action="append", metavar="JOB", help="this job alone; may stand several times")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    gpu = torch.cuda.is_available()
    if not gpu and not options.small:
        parser.error("there is no CUDA device here; --small tries the script on the CPU")
    if (problem := missing()) is not None:
        parser.error(f"install netspec first (pip install --no-deps --no-build-isolation -e {ROOT}): {problem}")
    end = time.monotonic() + options.limit
    facts: dict[str, Any] = {"torch": torch.__version__, "device": torch.cuda.get_device_name() if gpu else "CPU"}
    endings: list[Ending] = []
    left_out: list[str] = []
    for job in jobs("cuda" if gpu else "cpu", options.small, options.output):
        if options.only and job.name not in options.only:
            continue
        left = end - time.monotonic()
        if left < 1:
            left_out.append(job.name)
            continue
        endings.append(run(job, left, options.output))
        ended = endings[-1]
        facts["jobs"] = [asdict(each) for each in endings]
        (options.output / "summary.json").write_text(json.dumps(facts, indent=1))
        how = {0: "done", None: "out of time"}.get(ended.code, f"exit {ended.code}")
        figures = [f"{name} {value:,.4g}" for name, value in ended.figures.items()]
        print(f"{ended.name}: {how} in {ended.seconds:.0f} s", *figures, *ended.missed, sep="; ", flush=True)
    if left_out:
        print("no time is left for", *(f"--only {name}" for name in left_out))
    sys.exit(bool(left_out) or any(ended.code != 0 or ended.missed for ended in endings))


if __name__ == "__main__":
    main()
