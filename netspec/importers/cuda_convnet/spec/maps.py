"""Write layers over maps without weights as lines, and select a part of a layer's maps."""

from __future__ import annotations

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Image, Layer
from netspec.importers.cuda_convnet.spec import pooling
from netspec.importers.cuda_convnet.spec.lines import OUTPUT, Lines
from netspec.importers.spec.keys import crop_keys, slice_keys


def add(layer: Layer, lines: Lines, *, take_max: bool) -> str:
    """Add the lines of a layer over maps. ``take_max``: random pooling takes the maximum."""
    read = lines.read(layer, 0, layer.reads[0])
    values, image = layer.values, layer.image or layer.reads[0]
    assert image is not None
    match layer.type:
        case "pool":
            return pooling.add(layer, lines, read, take_max=take_max)
        case "cmpool":
            return pooling.add_across(layer, lines, read)
        case "nailbed":
            return lines.add(layer, "nailbed", {"stride": str(values["stride"])}, [read], image)
        case "blur":
            keys = {"size": str(values["size"]), "stdev": format_literal(values["stdev"])}
            return lines.add(layer, "blur", keys, [read], image)
        case "href":
            return lines.add(layer, "mirror", {}, [read], image)
        case "resize":
            return lines.add(layer, "resize", {"step": format_literal(values["scale"])}, [read], image)
        case "crop":
            keys = crop_keys(values["top"], values["left"], image.side, image.side)
            return lines.add(layer, "crop", keys, [read], image)
        case "rscale":
            keys = {"size": str(image.side), "max_scale": format_literal(values["scale"])}
            return lines.add(layer, "randomscale", keys, [read], image)
        case "rgb2yuv":
            return lines.add(layer, "colourspace", {"to": "yuv"}, [read], image)
        case "rgb2lab":
            centred = {"centred": "yes"} if values["center"] else {}
            return lines.add(layer, "colourspace", {"to": "lab", **centred}, [read], image)
    raise layer.options.report_error(
        "cfg-not-expressible", f"a spec has no layer that does what {layer.type} does", "type"
    )


def run_of_maps(
    layer: Layer, lines: Lines, read: str, image: Image, first: int, maps: int, suffix: str = OUTPUT
) -> str:
    """Add a selection of ``maps`` consecutive maps."""
    return lines.add(layer, "slice", slice_keys(first, maps), [read], Image(maps, image.side), suffix)


def part_of_data(layer: Layer, lines: Lines, read: str, image: Image | None) -> str:
    """Add a selection of the data's values: whole maps if possible, else a vector. ``image`` is the whole data."""
    start, numbers, pixels = layer.values["start"], layer.outputs, image.side**2 if image else 1
    if image is not None and start % pixels == numbers % pixels == 0:
        return run_of_maps(layer, lines, read, image, start // pixels, numbers // pixels)
    vector = lines.add(layer, "flatten", {}, [read], None, "-vector")
    return lines.add(layer, "slice", slice_keys(start, numbers), [vector], None)
