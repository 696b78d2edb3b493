"""SARIF output against the standard's own schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import netspec
from netspec.diagnostics.sarif import to_sarif

SCHEMA = json.loads((Path(__file__).with_name("sarif-2.1.0-rtm.5.json")).read_text())
"""The schema published by OASIS (Committee Specification 2.1.0, rtm.5)."""

MISTAKES = sorted((Path(__file__).parent.parent.parent / "specs" / "mistakes").glob("*.net"))


def log_of(path: Path | str) -> dict:
    with pytest.raises(netspec.SpecError) as caught:
        netspec.load(path) if isinstance(path, Path) else netspec.loads(path, name="a spec.net")
    log: dict = json.loads(to_sarif(caught.value.diagnostics, "1.2.3"))
    return log


@pytest.mark.many
@pytest.mark.parametrize("path", MISTAKES, ids=lambda p: p.stem)
def test_log_of_every_wrong_spec_is_valid_sarif(path: Path) -> None:
    jsonschema.validate(log_of(path), SCHEMA)


def test_schema_refuses_an_invalid_log() -> None:
    log = log_of(MISTAKES[0])
    log["runs"][0]["results"][0]["level"] = "dreadful"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, SCHEMA)


def test_result_has_a_location_and_a_fix() -> None:
    log = log_of("[image] input 1x8x8\n[c] conv filters=2 kernal=3\n")
    (run,) = log["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == "unknown-key"
    rule = {"id": "unknown-key", "help": {"text": "netspec explain unknown-key"}}
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]] == rule
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20spec.net"
    assert location["region"] == {"startLine": 2, "startColumn": 20, "endLine": 2, "endColumn": 26}
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [{"deletedRegion": location["region"], "insertedContent": {"text": "kernel"}}]


def test_no_diagnostics_give_an_empty_run() -> None:
    log = json.loads(to_sarif((), "1.2.3"))
    jsonschema.validate(log, SCHEMA)
    assert log["runs"][0]["results"] == []


def test_refuted_claim_is_a_related_location_of_its_cause() -> None:
    (result,) = log_of(MISTAKES[[path.stem for path in MISTAKES].index("floored-6400")])["runs"][0]["results"]
    (location,), (related,) = result["locations"], result["relatedLocations"]
    assert location["physicalLocation"]["region"]["startLine"] == 9
    assert location["message"]["text"].startswith("makes 54 of 224")
    assert related["physicalLocation"]["region"]["startLine"] == 16
    assert related["message"]["text"].startswith("width: (12 + 0 + 0 - 3) / 2 + 1 = 5.5")
