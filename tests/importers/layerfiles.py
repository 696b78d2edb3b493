"""Small layer files, written here, and what tests ask of them."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic, SpecError
from netspec.importers.cuda_convnet import Dialect, translate
from netspec.ir.shape import Shape
from netspec.net import Foreign, Net, load_source
from netspec.source import Source

DATA = "[data]\ntype=data\ndataIdx=0\n[labels]\ntype=data\ndataIdx=1\n"
SHAPE = Shape(3, 8, 8)


def ending(reads: str) -> str:
    """An output layer, a softmax and a cost."""
    return (
        f"[out]\ntype=fc\ninputs={reads}\noutputs=10\ninitW={','.join(['0.1'] * (reads.count(',') + 1))}\ngpu=0\n"
        "[probs]\ntype=softmax\ninputs=out\n[logprob]\ntype=cost.logreg\ninputs=labels,probs\ngpu=0\n"
    )


def conv(name: str, reads: str, channels: int, filters: int = 16, more: str = "", gpu: int = 0) -> str:
    """A 3x3 convolution that keeps its maps' size."""
    return (
        f"[{name}]\ntype=conv\ninputs={reads}\nchannels={channels}\nfilters={filters}\nfilterSize=3\npadding=1\n"
        f"initW=0.3\npartialSum=0\nsumWidth=1\ngpu={gpu}\n{more}\n"
    )


def net(middle: str, reads: str) -> str:
    """A whole layer file: data, something, and an output that reads it."""
    return DATA + middle + ending(reads)


def load(
    text: str,
    params: str | None = None,
    dialect: Dialect | None = None,
    shape: Shape | None = SHAPE,
    *,
    merged: bool = False,
) -> Net:
    """A layer file that has to be right."""
    foreign = Foreign(Source("params.cfg", params) if params is not None else None, dialect, merged)
    return load_source(Source("net.cfg", text), shape, foreign=foreign)


def said(
    text: str, params: str | None = None, dialect: Dialect | None = None, shape: Shape = SHAPE
) -> tuple[Diagnostic, ...]:
    """What is said of a layer file, right or wrong."""
    try:
        return load(text, params, dialect, shape).warnings
    except SpecError as error:
        return error.diagnostics


def told(found: tuple[Diagnostic, ...]) -> list[tuple[str, int, str]]:
    """Code, line and underlined text of each diagnostic."""
    return [(d.code, d.span.line, d.span.text) for d in found]


def readable(text: str, params: str | None = None, dialect: Dialect | None = None) -> str:
    """The spec for people that a layer file becomes."""
    given = Source("params.cfg", params) if params is not None else None
    made = translate(Source("net.cfg", text), params=given, dialect=dialect, shape=SHAPE, merged=True, readable=True)
    assert made.source is not None
    return made.source.text
