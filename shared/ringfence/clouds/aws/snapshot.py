"""Takes a snapshot of the account's identities: GetAccountAuthorizationDetails, and what that lacks of users."""

from collections.abc import Callable
from typing import Any

import msgspec

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.replies import upstream
from ringfence.domain.identity import Identity
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Wanted

LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
USERS = Wanted(frozenset({Facet.MFA, Facet.LOGIN, Facet.KEYS}))
EVERY = 100  # users between two lines of progress


def details(progress: Callable[[int, str], None] = lambda *_: None) -> dict[str, Any]:
    """Read the account's authorization details; raises UpstreamError where AWS does not answer or does not allow."""
    found: dict[str, Any] = {name: [] for name in LISTS}
    with upstream("reading the account's authorization details"):
        for page in clients.iam().get_paginator("get_account_authorization_details").paginate():
            for name in LISTS:
                found[name] += page.get(name, [])
            progress(sum(len(found[name]) for name in LISTS), "identities and policies read")
    return found


def take(progress: Callable[[int, str], None]) -> dict[str, Any]:
    """Read the details, and of each user what they lack; raises UpstreamError where AWS does not answer or does not allow."""
    found = details(progress)
    found["Ringfence"] = {}
    for n, user in enumerate(found["UserDetailList"], 1):
        identity = Identity.from_arn(user["Arn"], user["UserId"])
        state = IamReader().read(identity, USERS) if identity else None
        if isinstance(state, State):
            found["Ringfence"][user["UserName"]] = {
                "mfa": state.mfa,
                "login": state.login,
                "credentials": msgspec.to_builtins(state.credentials),
            }
        if n % EVERY == 0:
            progress(n, "users read in detail")
    return found
