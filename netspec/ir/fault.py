"""What an operation says when it cannot be: data that the checker turns into a diagnostic with a place in the file."""

from __future__ import annotations


class Fault(Exception):
    """A shape rule that does not hold.

    Parameters
    ----------
    code:
        The diagnostic's code.
    message:
        One line; ``{layer}`` stands for the layer's name.
    keys:
        The keys whose values are involved, in the order in which they should be underlined.
    notes:
        The arithmetic, one line each, with the numbers put in.

    item:
        Of a first key whose value is a list, the number of the value that is involved; ``None`` where all are.

    ``operation`` is the one that cannot be, once it is known.
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
