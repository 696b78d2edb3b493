"""The sources that ``--data`` names, and the opening of one."""

from __future__ import annotations

import itertools
from pathlib import Path

from netspec.diagnostics.nearest import nearest
from netspec.ir.graph import Graph
from netspec.train.config import RequestError, TrainError
from netspec.train.data.digits import open_digits
from netspec.train.data.folder import open_folder
from netspec.train.data.picture import Data, Frame
from netspec.train.data.synthetic import open_synthetic
from netspec.units import count

SOURCES: dict[str, str] = {
    "DIR": "a folder of class folders of JPEG and PNG files: DIR/train/CLASS/* with DIR/val/CLASS/*, or DIR/CLASS/*",
    "digits": "1,797 handwritten digits, 8x8 pixels, 10 classes (needs scikit-learn)",
    "synthetic": "made-up textures in the network's own size, which a network can learn to tell apart",
}
"""What may stand after ``--data``, with a line on each. A folder called ``digits`` is written ``./digits``."""


def open_source(name: str, graph: Graph, seed: int) -> Data:
    """Open a source for a network, and make sure that their classes agree.

    Raises
    ------
    RequestError
        There is no such source.
    TrainError
        The source does not suit the network, or a folder in it cannot be opened.
    """
    frame = stored_frame(graph)
    outputs = graph.scores.output.units
    if name == "digits":
        data = open_digits(frame)
    elif name == "synthetic":
        data = open_synthetic(frame, outputs, seed)
    else:
        data = _open_folder(_folder(name), frame)
    if len(data.classes) != outputs:
        raise TrainError(
            f"{data.source} has {count(len(data.classes))} classes, {graph.name} has {count(outputs)} outputs",
            f"the outputs are those of layer {graph.scores.layer}; give it {len(data.classes)}, or use other data",
        )
    return data


def stored_frame(graph: Graph) -> Frame:
    """The size at which images are kept before cropping: shorter side ``augment from=``, else the input's own size.

    Where the input is no square, the frame has the input's proportions.

    Raises
    ------
    TrainError
        The network reads vectors.
    """
    size = graph.input.output
    if not size.is_image:
        raise TrainError(f"{graph.name} reads vectors of {size}, and every data source gives images")
    shorter = min(size.height, size.width)
    resize = graph.augment.resize or shorter
    if resize < shorter:
        raise TrainError(f"augment from={resize} is smaller than the input, {size}: no crop fits into it")
    return Frame(size.channels, round(size.height * resize / shorter), round(size.width * resize / shorter))


def _folder(name: str) -> Path:
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return path
    except OSError as problem:
        raise RequestError(f"cannot open {name}: {problem.strerror}") from problem
    if path.exists():
        raise RequestError(f"{name} is a file; --data takes a folder or a source's name", *listing())
    near = _nearest(path, name)
    hint = (f"did you mean {near}?",) if near else ()
    raise RequestError(f"there is no data source and no folder called {name}", *hint, *listing())


def _open_folder(root: Path, frame: Frame) -> Data:
    try:
        return open_folder(root, frame)
    except OSError as problem:
        raise TrainError(f"cannot open {problem.filename}: {problem.strerror}") from problem


def _nearest(path: Path, name: str) -> str | None:
    word = nearest(name, [source for source in SOURCES if source != "DIR"])
    if word is not None or not path.parent.is_dir():
        return word
    try:
        neighbours = [entry.name for entry in itertools.islice(path.parent.iterdir(), 1000) if entry.is_dir()]
    except OSError:
        return None
    found = nearest(path.name, neighbours)
    return str(path.parent / found) if found else None


def listing() -> tuple[str, ...]:
    """The sources, a line each."""
    width = max(map(len, SOURCES))
    return tuple(f"  {name:<{width}}  {doc}" for name, doc in SOURCES.items())
