"""How a value lies over the devices, and what it takes to lay it otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Held:
    """A value in ``batch`` equal shares of its images and ``channels`` equal shares of its channels (or features).

    What is in one share lies on every device that computes with it. With an ``owner`` the value lies whole on one place
    of each row of the arrangement, and the other places hold nothing.
    """

    batch: int = 1
    channels: int = 1
    owner: int | None = None

    def __str__(self) -> str:
        images = f"1/{self.batch} of the batch" if self.batch > 1 else "the whole batch"
        if self.owner is not None:
            return f"{images}, on device {self.owner}" + (" of each row" if self.batch > 1 else "")
        return images + (f", 1/{self.channels} of the channels" if self.channels > 1 else "")


@dataclass(frozen=True, slots=True)
class Transfer:
    """A value that must lie otherwise for one of its readers.

    ``partial`` says that the reader's devices compute different things from what arrives, so that the gradients that
    they send back add up; else all compute the same, and one of them is enough.
    """

    value: str
    reader: str
    held: Held
    wanted: Held
    partial: bool
