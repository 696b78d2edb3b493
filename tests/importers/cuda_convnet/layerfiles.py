"""Small layer files, and helpers that load, translate and diagnose them."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, SpecError
from netspec.importers.cuda_convnet import Dialect, translate
from netspec.ir.schedules import Schedule
from netspec.ir.shape import Shape
from netspec.net import ImportOptions, Net, load_source
from netspec.source import Source

DATA = "[data]\ntype=data\ndataIdx=0\n[labels]\ntype=data\ndataIdx=1\n"
SHAPE = Shape(3, 8, 8)


def ending(reads: str) -> str:
    """An output layer, a softmax and a cost."""
    return (
        f"[out]\ntype=fc\ninputs={reads}\noutputs=10\ninitW={','.join(['0.01'] * (reads.count(',') + 1))}\ngpu=0\n"
        "[probs]\ntype=softmax\ninputs=out\n[logprob]\ntype=cost.logreg\ninputs=labels,probs\ngpu=0\n"
    )


def conv(name: str, reads: str, channels: int, filters: int = 16, more: str = "", gpu: int = 0) -> str:
    """A 3x3 convolution with ReLUs that keeps its maps' size; lines of ``more`` are added, or replace a default with
    their key."""
    defaults = (
        f"[{name}]\ntype=conv\ninputs={reads}\nchannels={channels}\nfilters={filters}\nfilterSize=3\npadding=1\n"
        f"initW=0.02\nneuron=relu\npartialSum=0\nsumWidth=1\ngpu={gpu}\n"
    )
    replaced = {line.partition("=")[0] for line in more.splitlines()}
    kept = [line for line in defaults.splitlines(keepends=True) if line.partition("=")[0] not in replaced]
    return "".join(kept) + f"{more}\n"


def net(middle: str, reads: str) -> str:
    """A whole layer file: data, the sections ``middle``, and an output that reads the layers ``reads``."""
    return DATA + middle + ending(reads)


def without_gpus(text: str) -> str:
    """A file as before there were several GPUs."""
    return text.replace("gpu=0\n", "")


RATES = "epsW=0.01\nepsB=0.02\nmomW=0.9\nmomB=0.8\nwc=0.0005\n"
NORMS = net(
    conv("c", "data", 3)
    + "[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize=5\n[m]\ntype=rnorm\ninputs=n\nchannels=16\nsize=3\n"
    + "[h]\ntype=hs\ninputs=m\nkeep=0.75\n",
    "h",
)
"""A convolution, two normalisations and a dropout."""

PARAMS = {
    "c": RATES,
    "n": "scale=0.0001\npow=0.5\nminDiv=2\n",
    "m": "scale=0.001\npow=0.75\n",
    "h": "enable=true\n",
    "out": "epsW=0\nepsB=0\nmomW=0.9\nmomB=0.9\nwc=0.01\n",
    "logprob": "coeff=1\ntopk=5\n",
}
"""The sections of the parameter file of ``NORMS``."""

VERSION_2 = net(conv("c", "data", 3) + "[d]\ntype=dropout\ninputs=c\n[e]\ntype=eltsum\ninputs=d,d\n", "e").replace(
    "partialSum=0\n", ""
)
VERSION_2_PARAMS = {
    "c": RATES.replace("epsW=0.01", "epsW=dexp[base=0.04;tgtFactor=250;numSteps=4]"),
    "d": "keep=0.75\n",
    "e": "coeffs=2,-0.5\n",
    "out": RATES.replace("epsW=0.01", "epsW=0.04").replace("epsB=0.02", "epsB=const[base=0.5]"),
    "logprob": "coeff=1\n",
}
"""A layer file and its parameters in version 2's syntax."""

TWINS = DATA + "".join(
    [
        conv("conv1a", "data", 3),
        conv("conv1b", "data", 3, gpu=1),
        "[pool1a]\ntype=pool\npool=max\ninputs=conv1a\nchannels=16\nsizeX=3\nstride=2\nneuron=relu\n",
        "[pool1b]\ntype=pool\npool=max\ninputs=conv1b\nchannels=16\nsizeX=3\nstride=2\nneuron=relu\n",
        conv("conv2a", "pool1a", 16, 16, "groups=2"),
        conv("conv2b", "pool1b", 16, 16, "groups=2", gpu=1),
        "[n2a]\ntype=cmrnorm\ninputs=conv2a\nchannels=32\nsize=3\n[n2b]\ntype=cmrnorm\ninputs=conv2b\nchannels=32\nsize=3\n",
        "# all of both\n",
        "[fca]\ntype=fc\ninputs=n2a,n2b\noutputs=6\ninitW=0.01,0.01\nneuron=relu\ngpu=0\n",
        "[fcb]\ntype=fc\ninputs=n2b,n2a\noutputs=6\ninitW=0.01,0.01\nneuron=relu\ngpu=1\n",
    ]
)
"""Two columns of convolutions, pools and norms, one per GPU, and fully connected layers that read both."""


def params(**changed: str | None) -> str:
    """The parameter file of ``NORMS`` with some sections replaced; ``None`` removes a section."""
    sections = {**PARAMS, **changed}
    return "".join(f"[{name}]\n{text}" for name, text in sections.items() if text is not None)


def load(
    text: str,
    params: str | None = None,
    dialect: Dialect | None = None,
    shape: Shape | None = SHAPE,
    *,
    merged: bool = False,
) -> Net:
    """Load a layer file without errors."""
    options = ImportOptions(Source("params.cfg", params) if params is not None else None, dialect, merged)
    return load_source(Source("net.cfg", text), shape, options=options)


def diagnose(
    text: str, params: str | None = None, dialect: Dialect | None = None, shape: Shape | None = SHAPE
) -> tuple[Diagnostic, ...]:
    """Return the warnings of a layer file, or all diagnostics if it has errors."""
    try:
        return load(text, params, dialect, shape).warnings
    except SpecError as error:
        return error.diagnostics


def locations(diagnostics: tuple[Diagnostic, ...]) -> list[tuple[str, int, str]]:
    """Code, line and underlined text of each diagnostic."""
    return [(d.code, d.span.line, d.span.text) for d in diagnostics]


def merged_spec(text: str, params: str | None = None, dialect: Dialect | None = None) -> str:
    """The spec, with twins merged, that a layer file is translated to."""
    parameters = Source("params.cfg", params) if params is not None else None
    translation = translate(Source("net.cfg", text), params=parameters, dialect=dialect, shape=SHAPE, merged=True)
    return translation.source.text


def schedules(net: Net) -> dict[str, Schedule]:
    """The schedule of each parameter."""
    return {key: net.graph.schedule_of(p) for key, p in net.graph.parameters.items()}
