"""Finding comprehensions that Python 3.12 misreads, since it compiles them into the function that they are in.

If one comprehension of a function binds a name, and another one reads a global variable of this name, the latter raises
UnboundLocalError up to Python 3.12.3 (github.com/python/cpython/issues/118513), and in all versions from 3.12 on if the
name is that of a variable of an enclosing function (issue 156664).
"""

from __future__ import annotations

import ast

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp
OwnScope = Function | ast.ClassDef | ast.Lambda


def misread(function: Function) -> set[str]:
    """Return the names that one comprehension of a function binds and another one reads from outside the function."""
    local = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    bound, read = set[str](), set[str]()

    def visit(node: ast.AST, outer: set[str], inside: bool) -> None:
        """Visit a node, which is ``inside`` a comprehension or not; ``outer`` are the variables of those around it."""
        parts = list(ast.iter_child_nodes(node))
        if isinstance(node, Comprehension | ast.GeneratorExp):
            first = node.generators[0]
            visit(first.iter, outer, inside)  # evaluated outside
            if isinstance(node, ast.GeneratorExp):
                return
            targets = [name for part in node.generators for name in ast.walk(part.target)]
            own = {name.id for name in targets if isinstance(name, ast.Name)}
            bound.update(own)
            outer, inside = outer | own, True
            rest = [part for generator in node.generators[1:] for part in (generator.iter, *generator.ifs)]
            parts = [part for part in parts if not isinstance(part, ast.comprehension)] + first.ifs + rest
        elif isinstance(node, ast.NamedExpr):
            local.add(node.target.id)
            parts = [node.value]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and inside:
            read.update({node.id} - outer)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            local.add(node.id)
        for part in parts:
            if not isinstance(part, OwnScope):
                visit(part, outer, inside)

    for statement in function.body:
        visit(statement, set(), False)
    return (bound & read) - local
