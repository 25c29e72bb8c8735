"""Single-line changes of Python source, each of which a good test should notice."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
COMPARED |= {"is": "is not", "is not": "is", "in": "not in", "not in": "in"}
COMPUTED = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "&": "|", "|": "&", "<<": ">>", ">>": "<<"}
_SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&", ast.BitOr: "|", ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}


@dataclass(frozen=True)
class Mutant:
    """A change of one line.

    Attributes
    ----------
    line
        Number of the line, from 1.
    column
        Where in the line the change begins, in bytes of UTF-8.
    before, after
        The line as it is, as it is changed.
    statement
        Numbers of the lines of which one runs wherever the changed one does: of the innermost statement, without the
        statements inside it; of what belongs to a function's head, the line where the function begins, decorators
        included. Empty outside functions.
    """

    line: int
    column: int
    before: str
    after: str
    statement: tuple[int, ...]

    def apply(self, source: str) -> str:
        """Return the source with the line changed."""
        lines = source.splitlines(keepends=True)
        lines[self.line - 1] = lines[self.line - 1].replace(self.before, self.after)
        return "".join(lines)


def mutants(source: str) -> list[Mutant]:
    r"""Return all changes of a module, in the order of its lines.

    What only tools read is left alone: imports, annotations, docstrings and other texts, decorators.

    >>> for mutant in mutants("def larger(a, b):\n    return a if a > b else b\n"):
    ...     print(mutant.after.strip())
    return None
    return a if not (a > b) else b
    return a if a >= b else b
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    found: dict[tuple[int, str], Mutant] = {}
    for node, statement in _nodes(tree):
        for change in _changes(node):
            if change.start[0] != change.stop[0]:
                continue
            line, start, stop = change.start[0], change.start[1], change.stop[1]
            before = lines[line - 1]
            raw = before.encode()
            old = raw[start:stop].decode()
            new = old.replace(change.sign, change.text) if change.sign else change.text
            after = (raw[:start] + new.encode() + raw[stop:]).decode()
            if after != before:
                found.setdefault((line, after), Mutant(line, start, before, after, tuple(statement)))
    return sorted(found.values(), key=lambda mutant: (mutant.line, mutant.column, mutant.after))


Place = tuple[int, int]


@dataclass(frozen=True)
class _Change:
    """What becomes of a stretch of source: another text, or its sign another one."""

    start: Place
    stop: Place
    text: str
    sign: str = ""


def _as(node: ast.expr | ast.stmt, text: str) -> _Change:
    start = (node.lineno, node.col_offset)
    return _Change(start, (node.end_lineno or 0, node.end_col_offset or 0), text)


def _between(left: ast.expr, right: ast.expr, sign: str, other: str) -> _Change:
    start = (left.end_lineno or 0, left.end_col_offset or 0)
    return _Change(start, (right.lineno, right.col_offset), other, sign)


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, range]]:
    """Go through what runs, with the lines of its statement."""

    def walk(node: ast.AST, inside: bool, statement: range) -> Iterator[tuple[ast.AST, range]]:
        yield node, statement
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "returns", "decorator_list"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if not isinstance(child, ast.AST) or _is_for_tools(child):
                    continue
                within = inside or isinstance(child, ast.FunctionDef)
                lines = _lines(child) if within and isinstance(child, ast.stmt | ast.excepthandler) else statement
                yield from walk(child, within, lines)

    return walk(tree, False, range(0))


def _lines(node: ast.stmt | ast.excepthandler) -> range:
    first, body = node.lineno, getattr(node, "body", None)
    if isinstance(node, ast.FunctionDef):
        first = min([first, *(decorator.lineno for decorator in node.decorator_list)])
        return range(first, first + 1)
    return range(first, max(first + 1, body[0].lineno if body else (node.end_lineno or first) + 1))


def _is_for_tools(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr)


def _changes(node: ast.AST) -> Iterator[_Change]:
    """Yield what may become of a node."""
    for kind, change in _KINDS:
        if isinstance(node, kind):
            yield from change(node)


def _compare(node: ast.Compare) -> Iterator[_Change]:
    for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
        sign = _SIGNS[type(operator)]
        yield _between(left, right, sign, COMPARED[sign])


def _binary(node: ast.BinOp) -> Iterator[_Change]:
    sign = _SIGNS.get(type(node.op))
    if sign and not _is_text(node.left) and not _is_text(node.right):
        yield _between(node.left, node.right, sign, COMPUTED[sign])


def _augmented(node: ast.AugAssign) -> Iterator[_Change]:
    sign = _SIGNS.get(type(node.op))
    if sign:
        yield _between(node.target, node.value, f"{sign}=", f"{COMPUTED[sign]}=")
    yield _as(node, "pass")


def _constant(node: ast.Constant) -> Iterator[_Change]:
    if isinstance(node.value, bool):
        yield _as(node, str(not node.value))
    elif isinstance(node.value, int):
        yield _as(node, str(node.value + 1))
    elif isinstance(node.value, float):
        yield _as(node, repr(node.value * 2 if node.value else 1.0))


def _both(node: ast.BoolOp) -> Iterator[_Change]:
    yield _as(
        node, f"({ast.unparse(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))})"
    )


def _condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[_Change]:
    yield _as(node.test, f"not ({ast.unparse(node.test)})")


def _unary(node: ast.UnaryOp) -> Iterator[_Change]:
    if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        yield _as(node, f"({ast.unparse(node.operand)})")


def _call(node: ast.Call) -> Iterator[_Change]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in CALLED:
        yield _as(node.func, ast.unparse(node.func)[: -len(name)] + CALLED[name])


def _return(node: ast.Return) -> Iterator[_Change]:
    if isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
        first, second = (ast.unparse(value) for value in node.value.elts)
        yield _as(node, f"return {second}, {first}")
    elif node.value:
        yield _as(node, "return None")


def _drop(node: ast.stmt) -> Iterator[_Change]:
    """Drop calls, stores into arrays and attributes, errors: what leaves a program that still runs."""
    if not isinstance(node, ast.Assign) or all(isinstance(to, ast.Subscript | ast.Attribute) for to in node.targets):
        yield _as(node, "pass")


def _jump(node: ast.Break | ast.Continue) -> Iterator[_Change]:
    yield _as(node, "continue" if isinstance(node, ast.Break) else "break")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


_KINDS: list[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Callable[..., Iterator[_Change]]]] = [
    (ast.Compare, _compare),
    (ast.BinOp, _binary),
    (ast.AugAssign, _augmented),
    (ast.Constant, _constant),
    (ast.BoolOp, _both),
    ((ast.If, ast.While, ast.IfExp), _condition),
    (ast.UnaryOp, _unary),
    (ast.Call, _call),
    (ast.Return, _return),
    ((ast.Expr, ast.Assign, ast.Raise), _drop),
    ((ast.Break, ast.Continue), _jump),
]
