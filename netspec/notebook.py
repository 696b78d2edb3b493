"""What a notebook shows of a network, its table and its figure, and of a comparison: texts that Jupyter formats."""

from __future__ import annotations

import io
from dataclasses import dataclass

from netspec.diff import NetDifference
from netspec.diff.text import CHANGES, COSTS, cost_rows, rows, summary
from netspec.explain.markdown import bullets
from netspec.explain.markdown import table as table_of


class Markdown(str):
    """A text in Markdown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


class Svg(str):
    """A figure as an SVG document."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<SVG of {len(self):,} characters>"

    def _repr_svg_(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Comparison:
    """How two networks differ. It is shown as ``netspec diff`` prints it, and in a notebook as tables."""

    difference: NetDifference

    @property
    def same(self) -> bool:
        """Whether nothing differs. The names of the networks are not compared."""
        return self.difference.same

    @property
    def same_function(self) -> bool:
        """Whether the same weights give the same output."""
        return self.difference.function == "same"

    @property
    def same_scores(self) -> bool:
        """Whether the same weights give the same class scores, whatever is computed from them: probabilities or not."""
        return self.difference.function in ("same", "scores")

    def __repr__(self) -> str:
        from netspec.diff.terminal import show  # needs rich

        text = io.StringIO()
        show(self.difference, self.difference.names, text)
        return text.getvalue().rstrip("\n")

    def _repr_markdown_(self) -> str:
        first, second = self.difference.names
        if self.same:
            return f"{first} and {second}: the same network\n"
        changes, costs = rows(self.difference), cost_rows(self.difference)
        parts = [
            f"**{first} -> {second}**\n",
            table_of(CHANGES, changes) if changes else "",
            table_of(COSTS, costs) if costs else "",
            bullets(summary(self.difference)),
        ]
        return "\n".join(filter(None, parts))
