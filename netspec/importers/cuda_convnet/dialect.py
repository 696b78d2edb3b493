"""Which version of cuda-convnet a layer file was written for, by what stands in it."""

from __future__ import annotations

from netspec.importers.cuda_convnet.model import Dialect
from netspec.importers.cuda_convnet.reading import Config

_TYPES = {
    "2012": {"hs", "treefc", "cost.crossent2", "cost.rflickr", "cost.gsum2", "cost.tica", "cost.msm"},
    "v2": {"dropout", "dropout2", "pass", "sfc", "cmpool", "crop", "sum", "cost.bce", "cost.dce"},
}
_KEYS = {"2012": {"partialsum", "initcfunc"}, "v2": {"sumwidth", "modulesx", "end"}}
_PARAMETERS = {
    "2012": {"schedw", "schedb", "sched", "quantf", "quantb"},
    "v2": {"updateperiod", "coeffs", "keep", "posweight"},
}


def dialect_of(config: Config, params: Config | None) -> Dialect:
    """``2012`` or ``v2``: whichever has more sections that only it would have; 2012 where neither has more."""
    votes = {"2012": 0, "v2": 0}
    for section in config.sections.values():
        options = section.options
        kind = options["type"].text if "type" in options else ""
        for version in votes:
            votes[version] += kind in _TYPES[version]
            votes[version] += not _KEYS[version].isdisjoint(options)
        votes["2012"] += kind == "pool" and "pool" in options and options["pool"].text == "rand"
        votes["2012"] += kind == "eltsum" and "coeffs" in options
        votes["v2"] += "gpu" in options and "," in options["gpu"].text
    for section in params.sections.values() if params is not None else ():
        for version in votes:
            votes[version] += not _PARAMETERS[version].isdisjoint(section.options)
        votes["v2"] += any("[base=" in o.text for k, o in section.options.items() if k in ("epsw", "epsb"))
    return "v2" if votes["v2"] > votes["2012"] else "2012"
