"""``netspec check-data`` on a source, for the tests of image folders and of masks."""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result
from processes import invoke


def check(*arguments: str) -> Result:
    return invoke("check-data", *arguments, "--processes", "1")


def check_json(*arguments: str) -> dict[str, Any]:
    """Return the report, after a look at the exit code."""
    done = check(*arguments, "--format", "json")
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (1 if result["errors"] else 0)
    return result
