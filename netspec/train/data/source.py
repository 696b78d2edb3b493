"""The sources that ``--data`` accepts, and functions that open them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

from netspec.diagnostics.nearest import nearest
from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.passes.crops import drawn_crops, stored_size
from netspec.train.data.drawn import WholeImages, scaled_down
from netspec.train.data.sources.cifar10 import holds_cifar10, open_cifar10
from netspec.train.data.sources.digits import open_digits
from netspec.train.data.sources.folder import DEFAULT_FRAME, open_folder
from netspec.train.data.sources.masks.classes import CLASSES
from netspec.train.data.sources.masks.folder import MaskFiles, open_mask_folder
from netspec.train.data.sources.masks.listing import holds_masks, resembles_masks
from netspec.train.data.sources.masks.looking import require_masks
from netspec.train.data.sources.mnist import holds_mnist, open_mnist
from netspec.train.data.sources.packed import is_packed, open_packed
from netspec.train.data.sources.synthetic import SYNTHETIC, open_synthetic
from netspec.train.data.sources.synthetic_masks import open_synthetic_masks
from netspec.train.data.splits import Data, Frame
from netspec.train.errors import RequestError, TrainError

SOURCES: dict[str, str] = {
    "DIR": "JPEG and PNG files in DIR/train/CLASS/* and DIR/val/CLASS/*, or DIR/CLASS/*; images and masks in "
    "DIR/train/images/* and DIR/train/masks/*; or what netspec pack wrote",
    "cifar10:DIR": "CIFAR-10, 32x32 colour images, 10 classes: its binary or its Python version's files in DIR",
    "mnist:DIR": "MNIST or its likes, 28x28 grey images, 10 classes: the four idx files in DIR, .gz or not",
    "digits": "1,797 handwritten digits, 8x8 pixels, 10 classes (needs scikit-learn)",
    SYNTHETIC: "made-up textures in the network's own size, which a network can learn to tell apart",
}
"""The accepted values of ``--data``, each with a one-line description. For a folder called ``digits``, the user writes
``./digits``."""

FORMATS = ("cifar10", "mnist")
"""The formats that may precede a colon, as in ``mnist:DIR``."""

WORDS = tuple(source for source in SOURCES if "DIR" not in source)
"""The sources that need no folder."""


def require_source(name: str) -> None:
    """Check that a source of this name exists, without opening it.

    Raises
    ------
    RequestError
        No such source exists, or its folder cannot be opened.
    """
    kind, colon, where = name.partition(":")
    if name not in WORDS:
        _existing_folder(where or "." if colon and kind in FORMATS else name)


def open_source(name: str, graph: Graph, seed: int, *, allow_empty: bool = False) -> Data:
    """Open a source for a network, and check that image size and number of classes match.

    ``allow_empty`` is as in ``open_data``.

    Raises
    ------
    RequestError
        No such source exists.
    TrainError
        The source does not fit the network, or a folder in it cannot be opened.
    """
    frame, larger, outputs = stored_frame(graph), _larger_frame(graph), graph.scores.output.channels
    data = open_data(name, Needs(frame, larger, outputs, graph.is_dense), seed, allow_empty=allow_empty)
    if larger is not None and not isinstance(data.train, WholeImages):
        data = scaled_down(data, frame, larger)
    if data.frame != frame:
        reads = f"the network reads {frame}"
        if larger is None and (frame.height, frame.width) != graph.input.output[1:]:
            reads = f"the network reads crops from {frame}: augment from={frame.height}"
        raise TrainError(f"the images of {data.source} are {data.frame}, {reads}", *_size_hints(data.frame, graph))
    if len(data.classes) != outputs:
        raise TrainError(
            f"{data.source} has {plural(len(data.classes), 'class')}, {graph.name} has {plural(outputs, 'output')}",
            *_class_hints(data, graph),
        )
    if isinstance(data.train, MaskFiles):
        data = replace(data, notes=(*data.notes, *require_masks(data.train)))
    return data


_KEY_OF_OUTPUTS = {"fc": "outputs", "conv": "filters", "deconv": "filters", "local": "filters"}


def _class_hints(data: Data, graph: Graph) -> tuple[str, ...]:
    """Suggest a remedy for a network and data with different numbers of classes."""
    layer, classes = graph.layers[graph.scores.layer], len(data.classes)
    if classes == 1 and not data.masks:
        return (f"the class is {data.classes[0]}: a source is the folder that has a folder for each class",)
    key = _KEY_OF_OUTPUTS.get(layer.type)
    change = f": --set {layer.name}.{key}={classes}" if key is not None else f"; give it {classes}"
    hint = f"the outputs are those of layer {layer.name}{change}, or use other data"
    names = Path(data.source) / CLASSES
    if data.masks and classes == graph.scores.output.channels - 1 and names.is_file():
        return (f"the first line of {names} names class 0, usually the background: add it if it is missing", hint)
    return (hint,)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a network needs of a source: images of the size of ``frame``, with a class for each of its ``outputs``, and
    of each pixel if ``masks``. ``larger`` is the size that images need at least if crops of drawn sizes are cut from
    them: sources that cannot read an image in any size then have it, or a larger one."""

    frame: Frame
    larger: Frame | None
    outputs: int
    masks: bool


def open_data(name: str, needs: Needs | None = None, seed: int = 0, *, allow_empty: bool = False) -> Data:
    """Open a source for a network, or for none: its images may then have masks or a class each.

    A source whose images have a fixed size may return a size that differs from that of the ``needs``. With
    ``allow_empty``, some classes of an image folder may have no images.

    Raises
    ------
    RequestError
        No such source exists, or it takes its size from the network and there is no network.
    TrainError
        The source is damaged or cannot be opened.
    """
    if name == SYNTHETIC:
        if needs is None:
            raise RequestError("synthetic images take their size and classes from a network", "name one: --net FILE")
        opened = open_synthetic_masks if needs.masks else open_synthetic
        return opened(needs.larger or needs.frame, needs.outputs, seed)
    if name == "digits":
        return open_digits(masks=needs is not None and needs.masks)
    kind, colon, where = name.partition(":")
    if not colon or kind not in FORMATS:
        kind, where = "", name
    root = _existing_folder(where or ".")
    try:
        data = _open_files(kind, root, needs, allow_empty=allow_empty)
    except OSError as problem:
        raise TrainError(f"cannot open {problem.filename}: {problem.strerror}") from problem
    except TrainError as problem:
        suggestion = _other_format(root)
        if suggestion is None or suggestion == f"{kind}:{root}":
            raise
        raise TrainError(problem.message, f"did you mean {suggestion}?", *problem.notes) from problem
    if needs is not None and needs.masks != data.masks:
        raise _other_kind(name, needs.masks)
    return data


def _other_kind(name: object, masks: bool) -> TrainError:
    """Return the error for a source of the other kind than the network needs: with ``masks``, or without."""
    has, needs = "images and masks, a class for each pixel", "a class for each image"
    if masks:
        has, needs = needs, "a mask of each, a class for each pixel"
    why = "networks whose scores are maps are trained on masks, all others on classes of images"
    return TrainError(f"{name} has {has}, and the network needs {needs}", why)


def _open_files(kind: str, root: Path, needs: Needs | None, *, allow_empty: bool) -> Data:
    """Open a folder as a source of this kind; if ``kind`` is empty, as a pack or a folder of images."""
    frame, outputs = (needs.frame, needs.outputs) if needs is not None else (None, None)
    if kind and needs is not None and needs.masks:
        raise _other_kind(f"{kind}:{root}", needs.masks)
    if kind == "cifar10":
        return open_cifar10(root)
    if kind == "mnist":
        return open_mnist(root, frame)
    if is_packed(root):
        return open_packed(root, frame if needs is None or needs.larger is None else None, outputs)
    if needs is not None and not needs.masks and holds_masks(root):
        raise _other_kind(root, needs.masks)
    stored = frame if frame is not None else DEFAULT_FRAME
    if needs.masks if needs is not None else resembles_masks(root):
        return open_mask_folder(root, stored, outputs)
    return open_folder(root, stored, allow_empty=allow_empty)


def _other_format(root: Path) -> str | None:
    """Return the name of the source whose files are in a folder or a subfolder (torchvision's ``DIR/MNIST/raw``)."""
    try:
        for path in (root, *sorted(root.glob("*/")), *sorted(root.glob("*/raw/"))):
            for kind, holds in (("mnist", holds_mnist), ("cifar10", holds_cifar10)):
                if holds(path):
                    return f"{kind}:{path}"
    except OSError:
        return None
    return None


def _size_hints(stored: Frame, graph: Graph) -> tuple[str, ...]:
    """Suggest a remedy for images that do not have the input's size: cropping, if the input is smaller."""
    size = graph.input.output
    if tuple(size) == (stored.channels, stored.height, stored.width):
        return ("they have the size of the input: leave out from=, or widen them with augment pad=",)
    fits = stored.channels == size.channels and stored.height == stored.width and size.height == size.width
    if fits and size.height < stored.height:
        return (f"for crops from them: augment crop={size.height} from={stored.height}",)
    if stored.channels == size.channels and _accepts(graph, Shape(stored.channels, stored.height, stored.width)):
        return (f"give the network their size, --input {stored}, or take other data",)
    return ("take a network for such images, or other data",)


def _accepts(graph: Graph, size: Shape) -> bool:
    """Whether the network can read images of this size, that is, every layer then has a valid shape."""
    shapes = {graph.input.name: size}
    try:
        for node in graph.nodes.values():
            if node.name not in shapes:
                shapes[node.name] = node.op.shape(tuple(shapes[name] for name in node.inputs))
    except Fault:
        return False
    return True


def stored_frame(graph: Graph) -> Frame:
    """Return the size at which images are stored before cropping; see ``stored_size``.

    Raises
    ------
    TrainError
        The network's input is a vector.
    """
    size = graph.input.output
    if not size.is_image:
        raise TrainError(f"{graph.name} reads vectors of {size}, and every data source gives images")
    return Frame(size.channels, *stored_size(graph))


def _larger_frame(graph: Graph) -> Frame | None:
    """Return the least size of images from which crops of drawn sizes, and those of validation, are cut; ``None`` if
    the spec draws none."""
    crops = drawn_crops(graph)
    if crops is None:
        return None
    return Frame(graph.input.output.channels, *max(crops.scaled(crops.least_side), stored_size(graph)))


def _existing_folder(name: str) -> Path:
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return path
    except OSError as problem:
        raise RequestError(f"cannot open {name}: {problem.strerror}") from problem
    if path.exists():
        raise RequestError(f"{name} is a file, not a folder of images or a source's name", *list_sources())
    suggestion = _nearest(path, name)
    hint = (f"did you mean {suggestion}?",) if suggestion else ()
    raise RequestError(f"there is no data source and no folder called {name}", *hint, *list_sources())


def _nearest(path: Path, name: str) -> str | None:
    kind, colon, where = name.partition(":")
    if colon and (suggestion := nearest(kind, FORMATS)) is not None:
        return f"{suggestion}:{where}"
    if name in FORMATS:
        return f"{name}:DIR"
    word = nearest(name, WORDS)
    if word is not None or not path.parent.is_dir():
        return word
    try:
        neighbours = [entry.name for entry in itertools.islice(path.parent.iterdir(), 1000) if entry.is_dir()]
    except OSError:
        return None
    neighbour = nearest(path.name, neighbours)
    return str(path.parent / neighbour) if neighbour else None


def list_sources() -> tuple[str, ...]:
    """Return the list of sources, one per line."""
    width = max(map(len, SOURCES))
    return tuple(f"  {name:<{width}}  {doc}" for name, doc in SOURCES.items())
