"""Conditions of Google's bindings: over, always true, or in doubt - never ignored.

Only what is surely so is said: an expression that IAM would evaluate to false from now on grants nothing, one that it would evaluate to
true for ever grants without a condition. Resource names, tags, access levels, and whatever is not read here stay in doubt. Facts: IAM
documentation, "Attribute reference for IAM Conditions"; the language is CEL.
"""

import re
from datetime import datetime
from functools import lru_cache

from ringfence.iam.conditions import Judgement, Truth

STRING = r"(?:\"[^\"\\]*\"|'[^'\\]*')"
TIME = re.compile(rf"request\.time\s*(<=|<|>=|>)\s*timestamp\(\s*({STRING})\s*\)")
REVERSED = re.compile(rf"timestamp\(\s*({STRING})\s*\)\s*(<=|<|>=|>)\s*request\.time")
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
TOKEN = re.compile(rf"{STRING}|&&|[()\[\]{{}}]|.", re.DOTALL)
BEYOND = ("||", "?", "//", "\\", '"""', "'''")  # alternatives, comments, escapes: not taken apart here
LONGEST = 4096  # characters; longer ones stay in doubt, unread


@lru_cache(maxsize=4096)
def judge(expression: str, now: datetime | None) -> Judgement:
    """Judge an expression as of a time; without one, whatever depends on the time is in doubt."""
    doubt = Judgement(Truth.UNKNOWN, expression)
    if len(expression) > LONGEST:
        return doubt
    terms = _terms(expression)
    truths = {_term(term, now) for term in terms or ("",)}
    if Truth.NEVER in truths:
        return Judgement(Truth.NEVER, expression)
    return Judgement(Truth.ALWAYS, expression) if truths == {Truth.ALWAYS} else doubt


def _terms(expression: str) -> tuple[str, ...]:
    """Take a chain of `&&` apart, brackets left whole; nothing where the expression is more than that."""
    if any(mark in expression for mark in BEYOND):
        return ()
    terms, depth, lowest = [""], 0, 0
    for part in TOKEN.findall(expression):
        depth += (part in "([{") - (part in ")]}")
        lowest = min(lowest, depth)
        if part == "&&" and depth == 0:
            terms.append("")
        else:
            terms[-1] += part
    return () if depth or lowest < 0 else tuple(_bare(term) for term in terms)


def _bare(term: str) -> str:
    """Take off blanks, and brackets round the whole of one comparison."""
    term = term.strip()
    inner = term[1:-1].strip()
    whole = term.startswith("(") and (TIME.fullmatch(inner) or REVERSED.fullmatch(inner) or inner in ("true", "false"))
    return inner if whole else term


def _term(term: str, now: datetime | None) -> Truth:
    if term in ("true", "false"):
        return Truth.ALWAYS if term == "true" else Truth.NEVER
    if match := TIME.fullmatch(term):
        return _time(match[1], match[2], now)
    if match := REVERSED.fullmatch(term):
        return _time(TURNED[match[2]], match[1], now)
    return Truth.UNKNOWN


def _time(operator: str, text: str, now: datetime | None) -> Truth:
    """Judge `request.time OPERATOR timestamp`: past its end it is over; past its beginning it holds for ever."""
    at = _timestamp(text[1:-1])
    if at is None or now is None:
        return Truth.UNKNOWN
    if operator.startswith("<"):
        return Truth.NEVER if now > at or (operator == "<" and now == at) else Truth.UNKNOWN
    return Truth.ALWAYS if now > at or (operator == ">=" and now == at) else Truth.UNKNOWN


def _timestamp(text: str) -> datetime | None:
    """Read a timestamp of RFC 3339, which has a zone; anything else is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
