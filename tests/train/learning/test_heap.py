"""Memory that is kept by the process: counted in pages that the system hands out."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library can be told")

PIECE = 100_000_000
"""Bytes: more than the library keeps by itself."""

# In a process of its own: what others have left in the heap would be used again, kept or not.
MEASURED = f"""
import json, resource
from pathlib import Path
from netspec.train.learning.heap import memory_kept

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b"x") * {PIECE}
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(Path("/proc/self/statm").read_text("ascii").split()[1])

found = {{"size": {PIECE} // resource.getpagesize(), "before": [pages() for _ in range(3)]}}
with memory_kept(False):
    found["not kept"] = [pages() for _ in range(3)]
with memory_kept(True):
    found["kept"] = [pages() for _ in range(4)]
    held = resident()
found["given back"] = held - resident()
print(json.dumps(found))
"""


def test_memory_that_is_kept_is_handed_out_once_and_given_back_at_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    nearly_all = 0.9 * found["size"]
    assert min(*found["before"], *found["not kept"]) > nearly_all
    assert found["kept"][0] > nearly_all
    assert max(found["kept"][1:]) < 0.01 * found["size"]
    assert found["given back"] > nearly_all
