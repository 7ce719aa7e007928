"""Expressions of Terraform's language, as far as deploy/gcp uses them: parsed once into closures, evaluated over names."""

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

type Names = Mapping[str, Any]
type Thunk = Callable[[Names], Any]

TOKEN = re.compile(r"\s*(=>|\.\.\.|==|!=|>=|<=|&&|\|\||[A-Za-z_][\w-]*|\d+|[][(){}?:.,=!<>*])", re.ASCII)
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
CONSTANTS = {"true": True, "false": False, "null": None}
LEVELS: tuple[dict[str, Callable[[Any, Any], Any]], ...] = (
    {"||": lambda a, b: a or b},
    {"&&": lambda a, b: a and b},
    {"==": lambda a, b: a == b, "!=": lambda a, b: a != b},
    {">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, "<": lambda a, b: a < b},
    {"*": lambda a, b: a * b},
)


def expression(text: str, functions: Mapping[str, Callable[..., Any]]) -> Thunk:
    """Parse one expression."""
    parser = _Parser(text, functions)
    found = parser.ternary()
    assert not parser.text[parser.at :].strip(), f"left over: {parser.text[parser.at :]!r}"
    return found


def text_of(value: Any) -> str:
    """Write a value as a template does."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def index(value: Any, key: Any) -> Any:
    """Look into a value; an attribute of a resource is its own business."""
    return value[key]


class _Parser:
    def __init__(self, text: str, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.text, self.at, self.functions = text, 0, functions

    def peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        if self.text[self.at : self.at + 1] == '"':
            return '"'
        found = TOKEN.match(self.text, self.at)
        return found[1] if found else ""

    def take(self, *wanted: str) -> str:
        word = self.peek()
        if wanted and word not in wanted:
            return ""
        self.at += len(word)
        return word

    def must(self, wanted: str) -> None:
        assert self.take(wanted), f"{wanted!r} expected at {self.text[self.at :]!r}"

    def ternary(self) -> Thunk:
        condition = self.binary(0)
        if not self.take("?"):
            return condition
        yes = self.ternary()
        self.must(":")
        no = self.ternary()
        return lambda names: yes(names) if condition(names) else no(names)

    def binary(self, level: int) -> Thunk:
        if level == len(LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while operator := self.take(*LEVELS[level]):
            left = _both(LEVELS[level][operator], operator, left, self.binary(level + 1))
        return left

    def unary(self) -> Thunk:
        if self.take("!"):
            inner = self.unary()
            return lambda names: not inner(names)
        return self.path(self.primary())

    def path(self, found: Thunk) -> Thunk:
        while self.peek() in (".", "["):
            if self.take("."):
                found = _look(found, _always(self.take()))
            elif self.text[self.at : self.at + 3] == "[*]":
                self.at += 3
                self.must(".")
                found = _splat(found, self.take())
            else:
                self.must("[")
                found = _look(found, self.ternary())
                self.must("]")
        return found

    def primary(self) -> Thunk:
        word = self.peek()
        if word == '"':
            return self.template()
        self.take()
        if word == "(":
            inner = self.ternary()
            self.must(")")
            return inner
        if word == "[":
            return self.tuple_()
        if word == "{":
            return self.object_()
        if word.isdigit():
            return _always(int(word))
        if word in CONSTANTS:
            return _always(CONSTANTS[word])
        assert re.match("[A-Za-z_]", word), f"unexpected {word!r} in {self.text!r}"
        return self.call(word) if self.take("(") else lambda names: names[word]

    def call(self, name: str) -> Thunk:
        arguments: list[Thunk] = []
        spread = False
        while not self.take(")"):
            arguments.append(self.ternary())
            spread = bool(self.take("...")) or spread
            self.take(",")
        function = self.functions[name]
        if name == "can":
            return lambda names: function(lambda: arguments[0](names))
        return lambda names: function(*(arguments[0](names) if spread else (argument(names) for argument in arguments)))

    def loop(self) -> tuple[list[str], Thunk]:
        self.must("for")
        variables = [self.take()]
        if self.take(","):
            variables.append(self.take())
        self.must("in")
        over = self.ternary()
        self.must(":")
        return variables, over

    def tuple_(self) -> Thunk:
        if self.peek() == "for":
            variables, over = self.loop()
            value, only = self.ternary(), self.only()
            self.must("]")
            return lambda names: [value(inner) for inner in _rounds(variables, over(names), names) if only(inner)]
        items: list[Thunk] = []
        while not self.take("]"):
            items.append(self.ternary())
            self.take(",")
        return lambda names: [item(names) for item in items]

    def only(self) -> Thunk:
        return self.ternary() if self.take("if") else _always(value=True)

    def object_(self) -> Thunk:
        if self.peek() == "for":
            variables, over = self.loop()
            key = self.ternary()
            self.must("=>")
            value, only = self.ternary(), self.only()
            self.must("}")
            return lambda names: {key(inner): value(inner) for inner in _rounds(variables, over(names), names) if only(inner)}
        entries: list[tuple[Thunk, Thunk]] = []
        while not self.take("}"):
            name = self.template() if self.peek() == '"' else _always(self.take())
            assert self.take("=", ":")
            entries.append((name, self.ternary()))
            self.take(",")
        return lambda names: {name(names): value(names) for name, value in entries}

    def template(self) -> Thunk:
        self.must('"')
        parts: list[Thunk] = []
        while (char := self.text[self.at]) != '"':
            if char == "\\":
                parts.append(_always(ESCAPES[self.text[self.at + 1]]))
                self.at += 2
            elif self.text.startswith("${", self.at):
                self.at += 2
                parts.append(self.ternary())
                self.must("}")
            else:
                parts.append(_always(char))
                self.at += 1
        self.at += 1
        return lambda names: "".join(text_of(part(names)) for part in parts)


def _always(value: Any) -> Thunk:
    return lambda _: value


def _both(function: Callable[[Any, Any], Any], operator: str, left: Thunk, right: Thunk) -> Thunk:
    if operator == "||":
        return lambda names: left(names) or right(names)
    if operator == "&&":
        return lambda names: left(names) and right(names)
    return lambda names: function(left(names), right(names))


def _look(value: Thunk, key: Thunk) -> Thunk:
    return lambda names: index(value(names), key(names))


def _splat(value: Thunk, attribute: str) -> Thunk:
    return lambda names: [index(one, attribute) for one in value(names).values()]


def _rounds(variables: list[str], over: Any, names: Names) -> list[Names]:
    pairs = over.items() if isinstance(over, Mapping) else enumerate(sorted(over) if isinstance(over, set) else over)
    rounds = ({variables[-1]: value, **({variables[0]: key} if len(variables) > 1 else {})} for key, value in pairs)
    return [dict(chain(names.items(), new.items())) for new in rounds]
