"""What a small wrong spec is. ``wrong_words`` and ``wrong_networks`` have one for each thing that the checker says."""

from __future__ import annotations

from dataclasses import dataclass

IMAGE = "[image] input 3x32x32\n"


@dataclass(frozen=True)
class Case:
    """A wrong spec: the code, its place, a part of the message, and a part of the notes or of the fixes."""

    code: str
    text: str
    place: tuple[int, int, str]
    message: str
    help: str = ""
