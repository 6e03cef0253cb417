"""What a trial must fulfil, as ``"low + 2 < high"``: read as a tree of a few known parts, never run as code."""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backtests.loading import wrong
from backtests.sweeps.axes import EXACT
from indexsim.errors import SpecError, nearest

Values = Mapping[str, Any]

#: Grid values are decimals: what binary arithmetic makes of 0.3 - 0.1 >= 0.2 must not decide. Results nearer than
#: this to each other are equal.
_RELATIVE, _ABSOLUTE = 1e-10, 1e-10
_LONGEST, _DEEPEST = 500, 50
_NUMBER, _TEXT, _TRUTH = "a number", "a text", "true or false"
_KINDS: dict[type, str] = {int: _NUMBER, float: _NUMBER, str: _TEXT, bool: _TRUTH}
_RULE = "names of axes and parameters, numbers, + - * /, comparisons, and, or, not; texts only == and !="

_ARITHMETIC: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True)
class Constraint:
    """One constraint, checked.

    Attributes
    ----------
    text : str
        As it was written.
    axes : tuple of str
        Names of the axes in it.
    fixed : mapping
        Values of the other names in it: what the spec says of them.

    Examples
    --------
    >>> rule = read_constraint("low < high", {"low": float}, {"high": 20.0})
    >>> rule.holds({"low": np.array([18.0, 20.0])}).tolist()
    [True, False]
    """

    text: str
    axes: tuple[str, ...]
    fixed: Mapping[str, Any]
    tree: ast.expr = field(repr=False, compare=False)

    def holds(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return for each row of some columns whether it is fulfilled, shape (n,); () where it names no axis.

        A comparison with what has no value, as a quotient by zero, is not fulfilled.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(_value(self.tree, {**self.fixed, **{name: columns[name] for name in self.axes}}))


def read_constraint(text: Any, axes: Mapping[str, type], fixed: Values) -> Constraint:
    """Read a constraint.

    Parameters
    ----------
    text : str
    axes : mapping
        Types of the axes by name.
    fixed : mapping
        What else may be named, with its value.

    Raises
    ------
    SpecError
        Naming the position of what cannot stand in a constraint.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise wrong("read a constraint", repr(text)[:80], f"a text of at most {_LONGEST} characters", "correct it")
    tree = _parsed(text)
    types = {**{name: type(value) for name, value in fixed.items()}, **axes}
    kind = _Reader(text, {name: _KINDS[kind] for name, kind in types.items() if kind in _KINDS}).kind(tree, 0)
    if kind != _TRUTH:
        raise _refused(text, tree, f"{kind}, no comparison")
    names = dict.fromkeys(_names(tree))
    used = tuple(name for name in names if name in axes)
    return Constraint(text, used, {name: fixed[name] for name in names if name not in axes}, tree)


def _parsed(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # In brackets a constraint may run over lines, and begin with a blank.
            return ast.parse(f"({text})", mode="eval").body
    except SyntaxError as error:
        found = f"{error.msg}, at character {max((error.offset or 2) - 1, 1)}"
    except (ValueError, RecursionError, MemoryError) as error:
        found = str(error) or type(error).__name__
    raise wrong(f"read the constraint {text!r}", found, _RULE, "correct it")


def _names(tree: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _refused(text: str, node: ast.expr, found: str, todo: str = "correct it") -> SpecError:
    # ast counts bytes of a line, and the bracket that was put before the text.
    lines = f"({text})".split("\n")
    before = sum(len(line) + 1 for line in lines[: node.lineno - 1])
    at = before + len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
    return wrong(f"read the constraint {text!r}", f"{found}, at character {max(at, 1)}", _RULE, todo)


@dataclass(frozen=True)
class _Reader:
    """Says what each part of a constraint is, or refuses it."""

    text: str
    kinds: Mapping[str, str]

    def kind(self, node: ast.expr, depth: int) -> str:
        if depth > _DEEPEST:
            raise _refused(self.text, node, f"nested more than {_DEEPEST} deep")
        match node:
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Constant(value=value):
                return self._constant(node, value)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC or isinstance(op, ast.Div):
                return self._all(_NUMBER, [left, right], depth)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return self._all(_NUMBER, [operand], depth)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._all(_TRUTH, [operand], depth)
            case ast.BoolOp(values=values):
                return self._all(_TRUTH, values, depth)
            case ast.Compare():
                return self._comparison(node, depth)
        raise _refused(self.text, node, f"{ast.unparse(node)!r} is none of these")

    def _all(self, wanted: str, nodes: list[ast.expr], depth: int) -> str:
        for node in nodes:
            kind = self.kind(node, depth + 1)
            if kind != wanted:
                raise _refused(self.text, node, f"{ast.unparse(node)} is {kind}, not {wanted}")
        return wanted

    def _name(self, node: ast.Name, name: str) -> str:
        if name not in self.kinds:
            raise _refused(self.text, node, f"no number or text is called {name!r}", nearest(name, self.kinds))
        return self.kinds[name]

    def _constant(self, node: ast.Constant, value: Any) -> str:
        good = type(value) in _KINDS
        if not good or (isinstance(value, (int, float)) and not (math.isfinite(value) and abs(value) < EXACT)):
            raise _refused(self.text, node, f"{value!r} is no finite number below 2**53 and no text")
        return _KINDS[type(value)]

    def _comparison(self, node: ast.Compare, depth: int) -> str:
        parts = [node.left, *node.comparators]
        kinds = [self.kind(part, depth + 1) for part in parts]
        for at, (op, part) in enumerate(zip(node.ops, node.comparators, strict=True)):
            if type(op) not in _COMPARISONS:
                raise _refused(self.text, part, "a comparison that is none of < <= > >= == !=")
            if kinds[at] != kinds[at + 1]:
                raise _refused(self.text, part, f"{kinds[at]} compared with {kinds[at + 1]}")
            if kinds[at] != _NUMBER and not isinstance(op, (ast.Eq, ast.NotEq)):
                raise _refused(self.text, part, f"{kinds[at]} has no order")
        return _TRUTH


def _value(node: ast.expr, values: Values) -> Any:
    """Return what a checked part of a constraint comes to, row by row."""
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=value):
            return value
        case ast.BinOp(left=left, op=op, right=right):
            return _computed(op, _float(_value(left, values)), _float(_value(right, values)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return np.logical_not(_value(operand, values))
        case ast.UnaryOp(op=minus, operand=operand):
            number = _value(operand, values)
            return -number if isinstance(minus, ast.USub) else number
        case ast.BoolOp(op=word, values=parts):
            join = np.logical_and if isinstance(word, ast.And) else np.logical_or
            result = _value(parts[0], values)
            for part in parts[1:]:
                result = join(result, _value(part, values))
            return result
        case ast.Compare(left=left, ops=signs, comparators=rest):
            sides = [_value(part, values) for part in (left, *rest)]
            computed = any(isinstance(part, ast.BinOp) for part in ast.walk(node))
            result = _compared(signs[0], sides[0], sides[1], computed)
            for at, sign in enumerate(signs[1:], start=1):
                result = np.logical_and(result, _compared(sign, sides[at], sides[at + 1], computed))
            return result
    raise AssertionError(node)  # the reader lets nothing else pass


def _float(number: Any) -> np.ndarray:
    return np.asarray(number, dtype=np.float64)


def _computed(op: ast.operator, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    if isinstance(op, ast.Div):
        return left / np.where(right == 0, np.nan, right)
    result: np.ndarray = _ARITHMETIC[type(op)](left, right)
    return result


def _compared(op: ast.cmpop, left: Any, right: Any, computed: bool) -> Any:
    """Compare values as they are, computed ones up to what binary arithmetic adds to them."""
    compare = _COMPARISONS[type(op)]
    if not computed:
        return compare(left, right)
    left, right = _float(left), _float(right)
    difference = left - right
    near = np.abs(difference) <= _RELATIVE * np.maximum(np.abs(left), np.abs(right)) + _ABSOLUTE
    return np.isfinite(difference) & compare(np.where(near, 0.0, difference), 0.0)
