"""Keeping freed memory in the process, measured in pages that the system hands out."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library has this setting")

SIZE = 100_000_000
"""Bytes, more than the library keeps by default."""

# In a process of its own, since the heap of this one has free memory that would be used first.
PROGRAM = f"""
import json, resource
from pathlib import Path
from netspec.train.learning.heap import memory_kept

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b"x") * {SIZE}
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(Path("/proc/self/statm").read_text("ascii").split()[1])

pages_used = {{"size": {SIZE} // resource.getpagesize(), "before": [pages() for _ in range(3)]}}
with memory_kept(False):
    pages_used["not kept"] = [pages() for _ in range(3)]
with memory_kept(True):
    pages_used["kept"] = [pages() for _ in range(4)]
    before = resident()
pages_used["released"] = before - resident()
print(json.dumps(pages_used))
"""


@pytest.mark.ci
def test_kept_memory_is_reused_and_released_at_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    pages = json.loads(done.stdout)
    nearly_all = 0.9 * pages["size"]
    assert min(*pages["before"], *pages["not kept"]) > nearly_all
    assert pages["kept"][0] > nearly_all
    assert max(pages["kept"][1:]) < 0.01 * pages["size"]
    assert pages["released"] > nearly_all
