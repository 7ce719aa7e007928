"""Who may assume a role that should not: what a trust policy opens to the outside.

Facts: IAM User Guide, "AWS JSON policy elements: Principal", "Access to AWS accounts owned by third parties" (external id), "Create a role for
OpenID Connect federation"; GitHub, GitLab and Terraform documentation of their tokens' `sub`: their issuers serve everybody, and `aud` is the same
for all of them, so only `sub` tells whose token it is.
"""

import re
from collections.abc import Iterator

from ringfence.domain.arn import ACCOUNT, parse_arn
from ringfence.domain.finding import Case
from ringfence.iam import Policy
from ringfence.iam.document import Condition, Statement
from ringfence.iam.principals import entries

EQUALS = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"})
OF_ORGANISATIONS = ("aws:principalorgid", "aws:principalorgpaths")
OF_ACCOUNTS = ("aws:principalarn", "aws:principalaccount", "aws:sourceaccount", "aws:sourcearn")
EXTERNAL_ID = "sts:externalid"
SHARED = {  # issuers that serve everybody -> how far `sub` has to be spelt out
    "token.actions.githubusercontent.com": re.compile(r"repo:[^/*?]+/", re.ASCII),
    "gitlab.com": re.compile(r"project_path:[^/*?]+/", re.ASCII),
    "app.terraform.io": re.compile(r"organization:[^:*?]+:", re.ASCII),
}


def openings(trust: Policy, case: Case) -> tuple[str, ...]:
    """Say in words whom a trust policy lets in from outside; empty where nobody. A denial beside it is not weighed: it may be gone tomorrow."""
    return tuple(dict.fromkeys(words for s in trust.statements if s.allow for words in _by(s, case) if words))


def _by(statement: Statement, case: Case) -> Iterator[str]:
    if statement.not_principal is not None:
        yield "" if _to_ours(statement, case) else f"everybody but {statement.not_principal}"
    for kind, entry in entries(statement.principal):
        if kind == "Federated":
            yield _federated(statement, entry, case)
        elif kind in ("AWS", "*"):
            yield _aws(statement, entry, case)


def _aws(statement: Statement, entry: str, case: Case) -> str:
    if entry == "*":
        return "" if _to_ours(statement, case) else "everybody"
    arn = parse_arn(entry)
    account = arn.account if arn else entry
    known = (case.identity.account, *case.settings.trusted_accounts)
    if not ACCOUNT.fullmatch(account) or account in known or _narrowed(statement, (EXTERNAL_ID,)) or _to_our_organisation(statement, case):
        return ""
    return f"the account {account}, which is not one of yours, without an external id"


def _federated(statement: Statement, entry: str, case: Case) -> str:
    """An OIDC provider is open where nothing says whose token counts; a SAML provider vouches for the account's own people."""
    arn = parse_arn(entry)
    if arn is not None and arn.type != "oidc-provider":
        return ""
    host = (arn.resource.removeprefix("oidc-provider/") if arn else entry).lower()
    if host in case.settings.trusted_issuers:
        return ""
    subjects = [value for c in _equals(statement, (f"{host}:sub",)) for value in c.values]
    if (spelt := SHARED.get(host)) is not None:
        return "" if subjects and all(spelt.match(value) for value in subjects) else f"anybody whom {host} gives a token"
    return "" if _narrowed(statement, (f"{host}:sub", f"{host}:aud")) else f"anybody whom {host} gives a token"


def _narrowed(statement: Statement, keys: tuple[str, ...]) -> bool:
    """Whether a condition on one of these keys has to equal something."""
    return any(all(set(value) - {"*", "?"} for value in c.values) for c in _equals(statement, keys))


def _to_ours(statement: Statement, case: Case) -> bool:
    """Whether a condition leaves everybody of accounts or organisations that are known. Where no organisation is named as ours, any may be."""
    known = (case.identity.account, *case.settings.trusted_accounts)
    accounts = ((_account(c.key, value) for value in c.values) for c in _equals(statement, OF_ACCOUNTS))
    any_organisation = not case.settings.trusted_organizations and _narrowed(statement, OF_ORGANISATIONS)
    return any_organisation or _to_our_organisation(statement, case) or any(all(one in known for one in named) for named in accounts)


def _to_our_organisation(statement: Statement, case: Case) -> bool:
    organisations = ((value.partition("/")[0] for value in c.values) for c in _equals(statement, OF_ORGANISATIONS))
    return any(all(one in case.settings.trusted_organizations for one in named) for named in organisations)


def _account(key: str, value: str) -> str:
    arn = parse_arn(value) if key.endswith("arn") else None
    return arn.account if arn else value


def _equals(statement: Statement, keys: tuple[str, ...]) -> Iterator[Condition]:
    """Give the conditions that ask for one of some values. ForAllValues holds, too, where the request has no such key: it asks for nothing."""
    for c in statement.conditions:
        qualifier, _, operator = c.operator.rpartition(":")
        if c.key in keys and operator in EQUALS and qualifier != "forallvalues" and c.values:
            yield c
