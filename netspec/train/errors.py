"""What ends a training, a packing or an inspection of data with a message. Nothing here imports torch."""

from __future__ import annotations


class TrainError(Exception):
    """A training that cannot start or go on because of its data or its spec.

    ``notes`` are further lines: the numbers, the likely causes, the repair. ``exit_code`` is 1: the spec or the data
    is wrong.
    """

    exit_code = 1

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes


class RequestError(TrainError):
    """Something that was asked for wrongly: an unknown source, a folder in use, a device that is not there."""

    exit_code = 2
