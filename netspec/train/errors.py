"""Errors that end training, packing or checking data with a message. This module does not import torch."""

from __future__ import annotations


class TrainError(Exception):
    """Training cannot start or continue because of the spec, the data or a file.

    ``notes`` are further lines for the user: numbers, likely causes, what to do. The exit code is 1.
    """

    exit_code = 1

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__(message)
        self.message = message
        self.notes = notes


class RequestError(TrainError):
    """The request itself is wrong: an unknown data source, a folder in use, a missing device. The exit code is 2."""

    exit_code = 2
