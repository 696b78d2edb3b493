"""The distribution of a value over the devices, and transfers that change it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sharding:
    """How a value is divided into ``batch`` equal shares of its images, and ``channels`` of its channels (or features).

    A share is held by each device that computes with it. If there is an ``owner``, this column of the
    arrangement holds all channels, and the other columns hold nothing.
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
    """A transfer of a value that one of its readers needs in a different distribution.

    If ``partial``, the reader's devices compute different things from the value, so the gradients that they send back
    are added up. Otherwise they all compute the same, and the gradient of one of them is enough.
    """

    value: str
    reader: str
    source: Sharding
    target: Sharding
    partial: bool
