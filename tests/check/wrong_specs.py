"""The class of small wrong specs. ``wrong_words`` and ``wrong_networks`` have one for each code of the checker."""

from __future__ import annotations

from dataclasses import dataclass

IMAGE = "[image] input 3x32x32\n"


@dataclass(frozen=True)
class Case:
    """A wrong spec: its text, the code, its place, a part of the message, and a part of the notes or of the fixes."""

    code: str
    text: str
    place: tuple[int, int, str]
    message: str
    help: str = ""
