"""Tokens whose signature Cloud Run has checked and taken off."""

from typing import Any

import pytest

from ringfence.clouds.gcp.push import Gate
from ringfence.errors import RefusedError
from tests.unit.test_push import ACCOUNT, AUDIENCE, Scene


@pytest.mark.parametrize(("stripped", "changes", "why"), [
    (False, {}, "CLOUD_RUN_AUTHENTICATES"),
    (True, {"aud": "https://elsewhere.example.com"}, "audience"),
    (True, {"email": "eve@example.net"}, "another account"),
    (True, {"exp": 1}, "expired"),
    (True, {}, ""),
])  # fmt: skip
def test_a_token_whose_signature_cloud_run_took_off_is_taken_only_where_the_deployment_says_so(
    stripped: bool, changes: dict[str, Any], why: str
) -> None:
    scene = Scene()
    gate = Gate(AUDIENCE, ACCOUNT, scene.clock, scene.certs, stripped=stripped)
    header, claims, _ = scene.token(**changes).split(".")
    for signature in ("SIGNATURE_REMOVED_BY_GOOGLE", "SIGNATURE_REMOVED_BY_GOOGLF"):
        if why or signature[-1] != "E":
            with pytest.raises(RefusedError, match=why if signature[-1] == "E" else "signature|another account|audience|expired"):
                gate.admit(f"Bearer {header}.{claims}.{signature}")
        else:
            gate.admit(f"Bearer {header}.{claims}.{signature}")


@pytest.mark.parametrize("other", ["", "Bearer x", "Bearer somebody.elses.token"])
def test_where_cloud_run_authenticates_a_call_that_brings_the_header_that_it_checks_instead_is_refused(other: str) -> None:
    scene = Scene()
    header, claims, signature = scene.token().split(".")
    stripped = Gate(AUDIENCE, ACCOUNT, scene.clock, scene.certs, stripped=True)
    for last in ("SIGNATURE_REMOVED_BY_GOOGLE", signature):
        with pytest.raises(RefusedError, match="another header"):
            stripped.admit(f"Bearer {header}.{claims}.{last}", other)
        stripped.admit(f"Bearer {header}.{claims}.{last}")
    scene.gate.admit(f"Bearer {header}.{claims}.{signature}", other)  # a signature that is there is checked here, whatever else was
