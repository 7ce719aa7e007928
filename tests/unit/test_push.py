"""88: a push or a task whose token is not Google's, for us and of our own account gets no further."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from string import ascii_letters, digits
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ringfence.clouds.gcp.push import Certificates, Gate, google_certificates
from ringfence.errors import RefusedError, UpstreamError
from tests.support.google.issuer import KID, Issuer, certificate, part, rsa_key
from tests.support.google.ports import ports
from tests.support.google.wire import Dropped, Reply
from tests.support.jobs import NOW, Clock

AUDIENCE, ACCOUNT = "https://respond.example.com", "ringfence-push@fraud-ml-prod.iam.gserviceaccount.com"
RS256 = {"alg": "RS256", "kid": KID, "typ": "JWT"}
BEGIN = int(NOW.timestamp())


class Certs:
    """Google's certificates, and how often somebody asked for them."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer, self.asked, self.down = issuer, 0, False

    def __call__(self) -> Certificates:
        self.asked += 1
        if self.down:
            raise UpstreamError("down")
        return Certificates(dict(self.issuer.by_kid), timedelta(seconds=self.issuer.lives))


class Scene:
    def __init__(self, audience: str = AUDIENCE, account: str = ACCOUNT) -> None:
        self.issuer, self.clock = Issuer(), Clock()
        self.certs = Certs(self.issuer)
        self.gate = Gate(audience, account, self.clock, self.certs)

    def claims(self, **other: object) -> dict[str, Any]:
        made = {**self.issuer.claims(AUDIENCE, ACCOUNT, NOW), **other}
        return {name: value for name, value in made.items() if value is not ...}

    def token(self, **other: object) -> str:
        return self.issuer.token(self.claims(**other))

    def wait(self, seconds: float) -> None:
        self.clock.time += timedelta(seconds=seconds)


type Bad = Callable[[Scene], str | None]


def claim(**other: object) -> Bad:
    return lambda scene: f"Bearer {scene.token(**other)}"


def header(**other: object) -> Bad:
    told = {name: value for name, value in {**RS256, **other}.items() if value is not ...}
    return lambda scene: f"Bearer {scene.issuer.token(scene.claims(), told)}"


def altered(change: Callable[[list[str]], list[str]]) -> Bad:
    return lambda scene: f"Bearer {'.'.join(change(scene.token().split('.')))}"


def whole(make: Callable[[str], str | None]) -> Bad:
    return lambda scene: make(scene.token())


def unsigned(scene: Scene) -> str:
    return f"Bearer {part({'alg': 'none', 'kid': KID, 'typ': 'JWT'})}.{part(scene.claims())}."


def hmac_by_the_certificate(scene: Scene) -> str:
    """The old confusion: HS256 over the text, with Google's public certificate as the secret."""
    text = f"{part({**RS256, 'alg': 'HS256'})}.{part(scene.claims())}"
    made = HMAC(scene.issuer.by_kid[KID].encode(), SHA256())
    made.update(text.encode())
    return f"Bearer {text}.{part(made.finalize())}"


def by_curve(scene: Scene) -> str:
    text = f"{part({**RS256, 'alg': 'ES256'})}.{part(scene.claims())}"
    return f"Bearer {text}.{part(ec.derive_private_key(7, ec.SECP256R1()).sign(text.encode(), ec.ECDSA(SHA256())))}"


def another_certificate(scene: Scene) -> str:
    other = rsa_key("other")
    return f"Bearer {scene.issuer.token(scene.claims(), {**RS256, 'x5c': [certificate(other)], 'jwk': {}}, other)}"


def certificate_of_a_curve(scene: Scene) -> str:
    pem = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    scene.issuer.by_kid[KID] = pem.decode()
    return f"Bearer {scene.token()}"


def no_certificate(scene: Scene) -> str:
    scene.issuer.by_kid[KID] = "none"
    return f"Bearer {scene.token()}"


def spelt_otherwise(text: str) -> str:
    """Give base64url that decodes to the same bytes: its last bits are not looked at."""
    found = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    others = (text[:-1] + last for last in f"{ascii_letters}{digits}-_" if last != text[-1])
    return next(other for other in others if urlsafe_b64decode(other + "=" * (-len(text) % 4)) == found)


def digest_alone(scene: Scene) -> str:
    text = f"{part(RS256)}.{part(scene.claims())}"
    made = Hash(SHA256())
    made.update(text.encode())
    return f"Bearer {text}.{part(made.finalize())}"


NONE, READ, SIGNED, ALG = "no bearer token", "cannot be read", "not by Google's key", "not signed with RS256"
BAD: dict[str, tuple[Bad, str]] = {
    "no header": (lambda _: None, NONE),
    "an empty header": (lambda _: "", NONE),
    "no scheme": (whole(lambda token: token), NONE),
    "another scheme": (whole(lambda token: f"Basic {token}"), NONE),
    "two tokens": (whole(lambda token: f"Bearer {token}, Bearer {token}"), NONE),
    "two parts": (altered(lambda parts: parts[:2]), NONE),
    "four parts": (altered(lambda parts: [*parts, parts[2]]), NONE),
    "an empty signature": (altered(lambda parts: [*parts[:2], ""]), NONE),
    "padding": (altered(lambda parts: [f"{parts[0]}=", *parts[1:]]), NONE),
    "a line break": (whole(lambda token: f"Bearer {token}\n"), NONE),
    "a token without an end": (lambda scene: f"Bearer {scene.token(more='x' * 9000)}", NONE),
    "alg none, unsigned": (unsigned, NONE),
    "alg none": (header(alg="none"), ALG),
    "alg None": (header(alg="None"), ALG),
    "alg HS256": (hmac_by_the_certificate, ALG),
    "alg ES256": (by_curve, ALG),
    "alg RS384": (header(alg="RS384"), ALG),
    "alg PS256": (header(alg="PS256"), ALG),
    "alg rs256": (header(alg="rs256"), ALG),
    "no alg": (header(alg=...), ALG),
    "alg as a list": (header(alg=["RS256"]), ALG),
    "a header that is no object": (lambda scene: f"Bearer {scene.issuer.token(scene.claims(), ['RS256'])}", READ),
    "a header that is no JSON": (altered(lambda parts: ["AAAA", *parts[1:]]), READ),
    "claims that are no object": (lambda scene: f"Bearer {scene.issuer.token([1])}", READ),
    "claims that are no JSON": (lambda scene: f"Bearer {scene.issuer.token(b'{')}", READ),
    "claims nested without an end": (lambda scene: f"Bearer {scene.issuer.token(b'[' * 5000)}", READ),
    "a signature of another spelling": (altered(lambda parts: [*parts[:2], spelt_otherwise(parts[2])]), READ),
    "one character too many": (altered(lambda parts: [*parts[:2], f"{parts[2]}AAA"]), READ),
    "a critical extension": (header(crit=["exp"]), "no plain JSON Web Token"),
    "another type": (header(typ="at+jwt"), "no plain JSON Web Token"),
    "no kid": (header(kid=...), "names no key"),
    "an empty kid": (header(kid=""), "names no key"),
    "a kid that is a number": (header(kid=1), "names no key"),
    "an unknown kid": (header(kid="kid-2"), "not one of Google's"),
    "another key": (lambda scene: f"Bearer {scene.issuer.token(scene.claims(), key=rsa_key('other'))}", SIGNED),
    "another key, with its certificate": (another_certificate, SIGNED),
    "the digest alone": (digest_alone, SIGNED),
    "other claims": (altered(lambda parts: [parts[0], part({"aud": AUDIENCE}), parts[2]]), SIGNED),
    "another header": (altered(lambda parts: [part({**RS256, "x": 1}), *parts[1:]]), SIGNED),
    "a signature cut short": (altered(lambda parts: [*parts[:2], parts[2][:-6]]), SIGNED),
    "a certificate of a curve": (certificate_of_a_curve, "cannot be used"),
    "a certificate that is none": (no_certificate, "cannot be used"),
    "another issuer": (claim(iss="https://accounts.example.com"), "issuer is not Google"),
    "an issuer that begins like it": (claim(iss="https://accounts.google.com.example.com"), "issuer is not Google"),
    "an issuer over http": (claim(iss="http://accounts.google.com"), "issuer is not Google"),
    "no issuer": (claim(iss=...), "issuer is not Google"),
    "issuers as a list": (claim(iss=["https://accounts.google.com"]), "issuer is not Google"),
    "another audience": (claim(aud="https://notify.example.com"), "another audience"),
    "an audience with a slash more": (claim(aud=f"{AUDIENCE}/"), "another audience"),
    "audiences as a list": (claim(aud=[AUDIENCE]), "another audience"),
    "no audience": (claim(aud=...), "another audience"),
    "another account": (claim(email="eve@fraud-ml-prod.iam.gserviceaccount.com"), "another account"),
    "the account in capitals": (claim(email=ACCOUNT.upper()), "another account"),
    "no account": (claim(email=...), "another account"),
    "an account that is not verified": (claim(email_verified=False), "another account"),
    "an account that is verified as text": (claim(email_verified="true"), "another account"),
    "an account that is verified as 1": (claim(email_verified=1), "another account"),
    "an account of which nothing is said": (claim(email_verified=...), "another account"),
    "expired": (claim(exp=BEGIN - 60), "expired"),
    "expired long ago": (claim(iat=BEGIN - 7200, exp=BEGIN - 3600), "expired"),
    "no expiry": (claim(exp=...), "no `exp`"),
    "an expiry that is text": (claim(exp=str(BEGIN + 3600)), "no `exp`"),
    "an expiry that is true": (claim(exp=True), "no `exp`"),
    "issued in the future": (claim(iat=BEGIN + 61), "not valid yet"),
    "never issued": (claim(iat=...), "no `iat`"),
    "issued at null": (claim(iat=None), "no `iat`"),
    "not before later": (claim(nbf=BEGIN + 61), "not valid yet"),
    "not before a word": (claim(nbf="now"), "no `nbf`"),
}


@pytest.mark.parametrize("name", BAD)
def test_88_a_bad_token_is_refused_for_its_reason(name: str) -> None:
    bad, reason = BAD[name]
    scene = Scene()
    with pytest.raises(RefusedError, match=reason):
        scene.gate.admit(bad(scene))
    assert scene.certs.asked <= 1


def test_88_the_table_is_long_enough() -> None:
    assert len(BAD) >= 30


@pytest.mark.parametrize(
    "good",
    [
        claim(),
        claim(iss="accounts.google.com"),
        claim(exp=BEGIN - 59),
        claim(iat=BEGIN + 60),
        claim(nbf=BEGIN + 60),
        claim(iat=BEGIN + 0.5),
        claim(email_verified=True, hd="example.com"),
        header(typ=...),
        header(x5t="x"),
        whole(lambda token: f"bearer {token}"),
    ],
)
def test_88_a_good_one_is_let_in(good: Bad) -> None:
    scene = Scene()
    scene.gate.admit(good(scene))


@pytest.mark.parametrize("name", ["alg none", "alg HS256", "alg ES256", "alg RS384", "no kid", "no header", "claims that are no JSON"])
def test_88_no_key_is_looked_at_for_what_is_no_token_of_google_s(name: str) -> None:
    scene = Scene()
    with pytest.raises(RefusedError):
        scene.gate.admit(BAD[name][0](scene))
    assert scene.certs.asked == 0


@pytest.mark.parametrize(("audience", "account"), [("", ACCOUNT), (AUDIENCE, ""), ("", "")])
def test_88_without_its_configuration_it_lets_nobody_in(audience: str, account: str) -> None:
    scene = Scene(audience, account)
    token = scene.issuer.token({**scene.claims(), "aud": audience, "email": account})
    with pytest.raises(RefusedError, match="is not set"):
        scene.gate.admit(f"Bearer {token}")
    assert scene.certs.asked == 0


def test_certificates_are_kept_for_as_long_as_google_says() -> None:
    scene = Scene()
    scene.issuer.lives = 1800
    good = f"Bearer {scene.token()}"
    for _ in range(30):
        scene.gate.admit(good)
        scene.wait(59.9)
    assert scene.certs.asked == 1
    scene.wait(3)
    scene.gate.admit(good)
    assert scene.certs.asked == 2


def test_certificates_that_google_lets_nobody_keep_are_asked_for_once_a_minute() -> None:
    scene = Scene()
    scene.issuer.lives = 0
    good = f"Bearer {scene.token()}"
    for _ in range(10):
        scene.gate.admit(good)
        scene.wait(5)
    assert scene.certs.asked == 1
    scene.wait(10)
    scene.gate.admit(good)
    assert scene.certs.asked == 2


def test_an_unknown_key_has_them_fetched_again_once_a_minute_at_most_and_a_new_one_is_then_known() -> None:
    scene = Scene()
    good, unknown = f"Bearer {scene.token()}", header(kid="kid-2")(scene)
    scene.gate.admit(good)
    for _ in range(100):
        with pytest.raises(RefusedError):
            scene.gate.admit(unknown)
        scene.wait(3)
    assert scene.certs.asked == 1 + 4, "five minutes of rubbish"
    scene.issuer.by_kid["kid-2"] = scene.issuer.by_kid[KID]
    scene.wait(60)
    scene.gate.admit(unknown)
    scene.gate.admit(good)


def test_where_google_does_not_answer_nobody_is_refused_and_nobody_is_let_in() -> None:
    scene = Scene()
    good = f"Bearer {scene.token()}"
    scene.certs.down = True
    for _ in range(4):
        with pytest.raises(UpstreamError):
            scene.gate.admit(good)
        scene.wait(3)
    assert scene.certs.asked == 1
    scene.certs.down = False
    scene.gate.admit(good)
    scene.wait(19_999)
    scene.certs.down = True
    fresh = scene.issuer.token(scene.issuer.claims(AUDIENCE, ACCOUNT, scene.clock()))
    scene.gate.admit(f"Bearer {fresh}")
    scene.wait(2)
    for _ in range(2):
        with pytest.raises(UpstreamError):
            scene.gate.admit(f"Bearer {fresh}")
    with pytest.raises(UpstreamError):
        scene.gate.admit(header(kid="kid-2")(scene))


def test_who_comes_while_another_one_asks_waits_for_the_answer() -> None:
    scene = Scene()
    good = f"Bearer {scene.token()}"

    def slowly() -> Certificates:
        Event().wait(0.05)
        return scene.certs()

    gate = Gate(AUDIENCE, ACCOUNT, scene.clock, slowly)
    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(gate.admit, good) for _ in range(16)]:
            one.result()
    assert scene.certs.asked == 1


@pytest.fixture
def served() -> Iterator[Any]:
    with ports() as google:
        yield google


@pytest.mark.enable_socket  # loopback only
def test_google_s_certificates_are_read_with_their_age(served: Any) -> None:
    assert google_certificates() == Certificates(served.issuer.by_kid, timedelta(seconds=20_000))
    scene = Scene()
    Gate(AUDIENCE, ACCOUNT, scene.clock).admit(f"Bearer {scene.token()}")


@pytest.mark.enable_socket  # loopback only
@pytest.mark.parametrize("kept", ["no-store", "max-age", "s-max-age=5", "max-age=-5", "max-age=99999999999", ""])
def test_an_age_that_is_none_is_no_age(served: Any, kept: str) -> None:
    served.google.handlers["www.certs"] = lambda _: Reply({"a": "b"}, headers={"Cache-Control": kept})
    assert google_certificates() == Certificates({"a": "b"}, timedelta())


@pytest.mark.enable_socket  # loopback only
@pytest.mark.parametrize(
    "answer", [Reply({"a": "b"}, 503), Reply(b"{"), Reply([]), Reply({"a": 1}), Reply({}, 302, {"Location": "/x"}), None]
)
def test_certificates_that_cannot_be_read_are_an_outage(served: Any, answer: Reply | None) -> None:
    def answered(_: object) -> Reply:
        if answer is None:
            raise Dropped
        return answer

    served.google.handlers["www.certs"] = answered
    with pytest.raises(UpstreamError, match="certificates cannot be read"):
        google_certificates()


def test_the_tokens_here_are_as_google_s_own_library_makes_them() -> None:
    from google.auth import crypt, jwt

    scene = Scene()
    signer = crypt.RSASigner(scene.issuer.key, KID)  # type: ignore[no-untyped-call]
    made = jwt.encode(signer, scene.claims())  # type: ignore[no-untyped-call]
    scene.gate.admit(f"Bearer {made.decode()}")
    assert json.loads(urlsafe_b64decode(made.split(b".")[0] + b"==")) == RS256
