"""Whether matplotlib, which is optional, can be used."""

from __future__ import annotations

import logging

HOW_TO_GET_IT = "because matplotlib is not installed: pip install 'netspec-compiler[plots]'"
"""The end of a message about something that is not drawn."""


def has_matplotlib() -> bool:
    """Whether matplotlib is installed. Silences its remarks on where it keeps its fonts."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True
