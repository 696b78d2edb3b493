"""The class of small incorrect specs. ``wrong_words`` and ``wrong_networks`` have one for each code of the checker."""

from __future__ import annotations

from dataclasses import dataclass

IMAGE = "[image] input 3x32x32\n"


@dataclass(frozen=True)
class Case:
    """An incorrect spec: its text, the code, its location, a part of the message, and a part of the notes or fixes."""

    code: str
    text: str
    place: tuple[int, int, str]
    message: str
    help: str = ""
