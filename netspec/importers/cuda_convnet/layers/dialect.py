"""Infer from a layer file's content which version of cuda-convnet it was written for."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.cuda_convnet.layers.model import Dialect
from netspec.importers.cuda_convnet.layers.types import TYPES_OF_ONE
from netspec.importers.cuda_convnet.reading import Config

_NEEDED: Mapping[Dialect, str] = {"2012": "partialsum", "v2": "sumwidth"}
_KEYS: Mapping[Dialect, set[str]] = {
    "2012": {"initcfunc", "randsparse", "filterchannels", "coeffs"},
    "v2": {"modulesx", "end"},
}
_PARAMETERS: Mapping[Dialect, set[str]] = {
    "2012": {"schedw", "schedb", "sched", "quantf", "quantb"},
    "v2": {"updateperiod", "coeffs", "keep", "posweight"},
}


def dialect_of(config: Config, params: Config | None) -> Dialect:
    """Return the version that a file was written for.

    This is the version with more sections that the other version rejected. Ties are broken by the number of sections
    with keys that the other version ignored, first in the layer file, then in the parameter file. The default is 2012.
    """
    for votes in (_votes_of_layers(config), _votes_of_keys(config), _votes_of_parameters(params)):
        if votes["v2"] != votes["2012"]:
            return "v2" if votes["v2"] > votes["2012"] else "2012"
    return "2012"


def _votes_of_layers(config: Config) -> dict[Dialect, int]:
    """Count the sections whose type, or a required key, the other version does not have."""
    votes: dict[Dialect, int] = {"2012": 0, "v2": 0}
    for section in config.sections.values():
        options = section.options
        kind = section.text("type")
        for version in votes:
            votes[version] += kind in TYPES_OF_ONE[version]
            votes[version] += _NEEDED[version] in options
        votes["2012"] += kind == "pool" and section.text("pool") == "rand"
        votes["v2"] += "," in section.text("gpu")
    return votes


def _votes_of_keys(config: Config) -> dict[Dialect, int]:
    votes: dict[Dialect, int] = {"2012": 0, "v2": 0}
    for section in config.sections.values():
        for version in votes:
            votes[version] += not _KEYS[version].isdisjoint(section.options)
    return votes


def _votes_of_parameters(params: Config | None) -> dict[Dialect, int]:
    votes: dict[Dialect, int] = {"2012": 0, "v2": 0}
    for section in params.sections.values() if params is not None else ():
        for version in votes:
            votes[version] += not _PARAMETERS[version].isdisjoint(section.options)
        votes["v2"] += any("[base=" in o.text for k, o in section.options.items() if k in ("epsw", "epsb"))
    return votes
