"""The mutants of a module: one small change each. What only words it - annotations, docstrings, texts, a class's options - is left alone."""

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

SWAPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


class Mutant(NamedTuple):
    """One mutant: where, what was changed, the whole source with it, and whether a predicate was changed."""

    line: int
    what: str
    source: str
    predicate: bool


class Change(NamedTuple):
    """One change of one node."""

    node: ast.AST
    new: ast.AST
    what: str
    predicate: bool


def mutants(source: str) -> Iterator[Mutant]:
    """Give every mutant of a module."""
    tree = ast.parse(source)
    _strip(tree)
    options = {id(node) for made in ast.walk(tree) if isinstance(made, ast.ClassDef) for key in made.keywords for node in ast.walk(key)}
    for number, node in enumerate(ast.walk(tree)):
        for change in () if id(node) in options else _changes(node):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[number]
            mutated = _Replace(target, change.new).visit(changed)
            yield Mutant(getattr(node, "lineno", 0), change.what, ast.unparse(ast.fix_missing_locations(mutated)), change.predicate)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, new: ast.AST) -> None:
        self.target, self.new = target, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.target:
            return self.new
        return self.generic_visit(node)


def _strip(tree: ast.Module) -> None:
    """Take annotations and docstrings away: nothing depends on them in what is mutated here, and they are no code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = node.body[1:] or [ast.Pass()]


def _changes(node: ast.AST) -> Iterator[Change]:
    yield from _of_predicates(node)
    yield from _of_values(node)


def _of_predicates(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[op], left=left, comparators=right) if type(op) in SWAPS:
            new = ast.Compare(left, [SWAPS[type(op)]()], right)
            yield Change(node, new, f"{ast.unparse(node)} -> {ast.unparse(new)}", predicate=True)
        case ast.BoolOp(op=op, values=values):
            flipped = ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield Change(node, flipped, f"{ast.unparse(node)} -> {ast.unparse(flipped)}", predicate=True)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield Change(node, operand, f"{ast.unparse(node)} -> {ast.unparse(operand)}", predicate=True)
        case ast.If(test=test, body=body, orelse=orelse):
            for value in (True, False):
                yield Change(node, ast.If(ast.Constant(value), body, orelse), f"if {ast.unparse(test)} -> if {value}", predicate=True)
        case ast.IfExp(test=test, body=one, orelse=other):
            yield Change(node, one, f"{ast.unparse(node)} -> {ast.unparse(one)}", predicate=True)
            yield Change(node, other, f"{ast.unparse(node)} -> {ast.unparse(other)}", predicate=True)
            assert test is not None


def _of_values(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Constant(value=bool() as value):
            yield Change(node, ast.Constant(not value), f"{value} -> {not value}", predicate=False)
        case ast.Constant(value=int() as value):
            yield Change(node, ast.Constant(value + 1), f"{value} -> {value + 1}", predicate=False)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield Change(node, ast.Return(ast.Constant(None)), f"return {ast.unparse(value)} -> return None", predicate=False)
        case ast.Raise() | ast.Expr(value=ast.Yield() | ast.YieldFrom() | ast.Call()):
            yield Change(node, ast.Pass(), f"{ast.unparse(node)} -> nothing", predicate=False)
        case ast.BinOp(op=ast.Add() | ast.Sub() as op, left=left, right=right):
            new_op = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
            made = ast.BinOp(left, new_op, right)
            yield Change(node, made, f"{ast.unparse(node)} -> {ast.unparse(made)}", predicate=False)
