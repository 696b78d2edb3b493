"""The exception of an operation whose inputs or attributes are wrong. The checker turns it into a diagnostic."""

from __future__ import annotations


class Fault(Exception):
    """A shape rule is violated.

    Parameters
    ----------
    code:
        The diagnostic's code.
    message:
        One line, in which ``{layer}`` stands for the layer's name.
    keys:
        The keys whose values are involved, in the order in which they should be underlined.
    notes:
        The arithmetic with its numbers, one line each.
    item:
        If the first key's value is a list, the index of the value that is involved; ``None`` for the whole list.

    ``operation`` is set later, by the code that adds the operation to a graph.
    """

    operation: object = None

    def __init__(
        self,
        code: str,
        message: str,
        keys: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        item: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.keys = keys
        self.notes = notes
        self.item = item
