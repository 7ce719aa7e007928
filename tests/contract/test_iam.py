"""The IAM reader and writer: memory and moto give the same answers; what moto cannot do is scripted."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber

from ringfence.clouds.aws.iam_reader import READS, IamReader
from ringfence.clouds.aws.replies import reply_of
from ringfence.clouds.aws.snapshot import take
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryIam
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.plan import Call
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Absence, Done, Failed, Lost, Wanted
from ringfence.errors import UndeclaredCallError, UpstreamError, UsageError
from tests.support.aws import aws, customer_policy, make
from tests.support.cases import ACCOUNT, state_of

EVERYTHING = Wanted(frozenset(Facet) - {Facet.KEY_USE})  # a snapshot does not tell of the use of keys
INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
STATES: list[dict[str, Any]] = [
    {"role": "r", "trusted_by": "sagemaker.amazonaws.com", "inline": {"a": INLINE}},
    {"user": "u", "login": True, "inline": {"a": INLINE}, "credentials": [{"kind": "access-key", "id": "?", "status": "Inactive"}]},
    {"user": "machine", "login": False},
    {"group": "g", "inline": {"a": INLINE}},
]


@pytest.fixture
def iam() -> Iterator[Any]:
    with aws(managed=False) as client:
        yield client


@pytest.mark.parametrize("given", STATES, ids=lambda g: next(iter(g.values())))
def test_reading_gives_what_was_made(iam: Any, given: dict[str, Any]) -> None:
    wanted = state_of(given)
    assert wanted is not None
    target = make(iam, wanted)
    live = IamReader().read(target, EVERYTHING)
    assert isinstance(live, State)
    assert live.identity == target
    assert (live.trust, live.inline, live.attached, live.members) == (wanted.trust, wanted.inline, (), wanted.members)
    assert live.login is wanted.login
    assert [c.status for c in live.credentials or ()] == [c.status for c in wanted.credentials or ()]


@pytest.mark.parametrize("kind", [Kind.ROLE, Kind.USER, Kind.GROUP])
def test_what_is_not_there_is_gone(iam: Any, kind: Kind) -> None:
    target = Identity.of(kind, "nobody", ACCOUNT)
    assert IamReader().read(target, EVERYTHING) is Absence.GONE
    assert MemoryIam().read(target, EVERYTHING) is Absence.GONE
    assert iam


def test_a_namesake_of_another_account_is_not_the_identity(iam: Any) -> None:
    wanted = state_of({"role": "r"})
    assert wanted is not None
    make(iam, wanted)
    assert IamReader().read(Identity.of(Kind.ROLE, "r", "210987654321"), EVERYTHING) is Absence.GONE


def test_a_facet_that_was_not_asked_for_is_not_read(iam: Any) -> None:
    wanted = state_of({"user": "u"})
    assert wanted is not None
    live = IamReader().read(make(iam, wanted), Wanted())
    assert isinstance(live, State)
    assert (live.attached, live.inline, live.mfa, live.login, live.credentials, live.documents) == (None,) * 6


def test_more_than_a_page_is_read(iam: Any) -> None:
    wanted = state_of({"role": "r"})
    assert wanted is not None
    target = make(iam, wanted)
    arns = {customer_policy(iam, f"p{n}") for n in range(130)}
    for arn in arns:
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.create_group(GroupName="g")
    for n in range(130):
        iam.create_user(UserName=f"u{n}")
        iam.add_user_to_group(GroupName="g", UserName=f"u{n}")
    live = IamReader().read(target, Wanted(frozenset({Facet.ATTACHED})))
    group = IamReader().read(Identity.of(Kind.GROUP, "g", ACCOUNT), Wanted(frozenset({Facet.MEMBERS})))
    assert isinstance(live, State)
    assert isinstance(group, State)
    assert set(live.attached or ()) == arns
    assert len(group.members or ()) == 130


def test_holders_of_a_policy(iam: Any) -> None:
    arn = customer_policy(iam, "ml/p")
    for given in ({"role": "r"}, {"user": "u"}, {"group": "g"}):
        wanted = state_of(given)
        assert wanted is not None
        target = make(iam, wanted)
        getattr(iam, f"attach_{target.kind}_policy")(**{f"{target.kind.title()}Name": target.name, "PolicyArn": arn})
    policy = Identity.thing(Kind.POLICY, arn)
    assert policy is not None
    read = IamReader().read(policy, Wanted(frozenset({Facet.MEMBERS, Facet.VERSIONS})))
    assert isinstance(read, State)
    assert (read.default_version, list(read.versions or ())) == ("v1", ["v1"])
    assert read.identity.unique_id
    found = read.members or ()
    assert {(i.kind, i.name) for i in found} == {(Kind.ROLE, "r"), (Kind.USER, "u"), (Kind.GROUP, "g")}
    documents = IamReader().read(found[0], Wanted(frozenset({Facet.DOCUMENTS}), (arn, arn + "-not")))
    assert isinstance(documents, State)
    assert list(documents.documents or ()) == [arn]


def test_identities_beyond_iam_have_nothing_to_read() -> None:
    root = Identity.of(Kind.ROOT, "root", ACCOUNT)
    assert IamReader().read(root, EVERYTHING) == State(identity=root)


CALLS = [
    Call("iam", "DetachRolePolicy", {"RoleName": "r", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/p"}),
    Call("iam", "DeleteRolePolicy", {"RoleName": "r", "PolicyName": "p"}),
    Call("iam", "DetachRolePolicy", {"RoleName": "nobody", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/p"}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda c: f"{c.operation} {c.parameters['RoleName']}")
def test_memory_refuses_what_iam_refuses(iam: Any, call: Call) -> None:
    wanted = state_of({"role": "r"})
    assert wanted is not None
    make(iam, wanted)
    replies = [AwsWriter().call(call, "j"), MemoryIam(wanted).call(call, "j")]
    assert [r.code for r in replies if isinstance(r, Failed)] == ["NoSuchEntity", "NoSuchEntity"]


def test_the_job_travels_in_the_user_agent(iam: Any) -> None:
    agents: list[str] = []
    wanted = state_of({"role": "r", "inline": {"p": INLINE}})
    assert wanted is not None
    make(iam, wanted)
    iam.meta.events.register_last(
        "before-send.iam.DeleteRolePolicy", lambda request, **_: agents.append(str(request.headers["User-Agent"]))
    )
    reply = AwsWriter().call(Call("iam", "DeleteRolePolicy", {"RoleName": "r", "PolicyName": "p"}), "0123abcd")
    assert isinstance(reply, Done)
    assert "ringfence-job/0123abcd" in agents[0]
    IamReader().read(Identity.of(Kind.ROLE, "r", ACCOUNT), Wanted())
    assert len(agents) == 1


@pytest.mark.parametrize("call", [Call("s3", "DeleteBucket", {}), Call("iam", "NoSuchOperation", {})])
def test_only_iam_is_written(iam: Any, call: Call) -> None:
    assert iam
    with pytest.raises(UndeclaredCallError):
        AwsWriter().call(call, "j")


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "DetachRolePolicy")  # type: ignore[typeddict-item]  # as much as is read


def test_what_errors_mean() -> None:
    assert reply_of(client_error("AccessDenied", 403)) == Failed("AccessDenied", "words")
    assert reply_of(client_error("LimitExceeded", 409)) == Failed("LimitExceeded", "words")
    assert isinstance(reply_of(client_error("ServiceFailure", 500)), Lost)
    assert isinstance(reply_of(client_error("Odd", 503)), Lost)
    assert isinstance(reply_of(ConnectionClosedError(endpoint_url="x")), Lost)
    assert isinstance(reply_of(ResponseParserError("truncated")), Lost)
    with pytest.raises(UpstreamError, match="throttles"):
        reply_of(client_error("Throttling"))


def test_a_lost_reply_of_the_client_is_lost(iam: Any) -> None:
    def dies(**_: object) -> None:
        raise ConnectionClosedError(endpoint_url="x")

    iam.meta.events.register_first("before-send.iam.DeleteRolePolicy", dies)
    reply = AwsWriter().call(Call("iam", "DeleteRolePolicy", {"RoleName": "r", "PolicyName": "p"}), "j")
    assert isinstance(reply, Lost)


def test_reading_that_is_refused_says_so(iam: Any) -> None:
    def denies(**_: object) -> None:
        raise client_error("AccessDenied", 403)

    iam.meta.events.register_first("before-send.iam.GetRole", denies)
    with pytest.raises(UpstreamError, match="permission"):
        IamReader().read(Identity.of(Kind.ROLE, "r", ACCOUNT), Wanted())


def test_every_facet_declares_its_permissions() -> None:
    assert READS.keys() == {None, *Facet}


def test_a_snapshot_of_the_account_is_read_back(iam: Any) -> None:
    arn = customer_policy(iam, "ml/p", INLINE)
    for given in STATES:
        wanted = state_of(given)
        assert wanted is not None
        make(iam, wanted)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.add_user_to_group(GroupName="g", UserName="u")
    progress: list[str] = []
    snapshot = json.loads(json.dumps(take(lambda n, what: progress.append(f"{n} {what}")), default=str))
    assert progress
    reader = SnapshotReader(snapshot)
    for given in STATES:
        kind = Kind(next(iter(given)))
        target = Identity.of(kind, str(given[kind.value]), ACCOUNT)
        live, read = IamReader().read(target, Wanted(EVERYTHING.facets, (arn,))), reader.read(target, EVERYTHING)
        assert isinstance(live, State)
        assert isinstance(read, State)
        assert (read.identity, read.trust, read.attached, read.inline, read.members) == (
            live.identity,
            live.trust,
            live.attached,
            live.inline,
            live.members,
        )
        assert (read.mfa, read.login, read.credentials) == (live.mfa, live.login, live.credentials)
    role = reader.read(Identity.of(Kind.ROLE, "R", ACCOUNT), EVERYTHING)
    assert isinstance(role, State)
    assert role.documents == {arn: INLINE}
    policy = Identity.thing(Kind.POLICY, arn)
    assert policy is not None
    held = reader.read(policy, EVERYTHING)
    assert isinstance(held, State)
    assert (held.members, held.default_version, held.versions) == ((role.identity,), "v1", {"v1": INLINE})
    assert reader.read(Identity.of(Kind.ROLE, "r", "210987654321"), EVERYTHING) is Absence.NOT_KNOWN
    assert reader.read(Identity.of(Kind.ROLE, "no", ACCOUNT), EVERYTHING) is Absence.NOT_KNOWN


@pytest.mark.parametrize("given", [{}, [], {"Users": []}, "x", None])
def test_what_is_no_snapshot_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="no snapshot"):
        SnapshotReader(given)


def test_holders_and_keys_that_come_in_pages_are_read_to_the_end() -> None:
    """moto gives no second page of these: what IAM answers is scripted."""
    with aws(managed=False) as iam, Stubber(iam) as stub:
        stub.add_response("get_policy", {"Policy": {"PolicyId": "ANPAEXAMPLEEXAMPLE", "DefaultVersionId": "v1"}})
        for page in range(11):
            more = {"IsTruncated": True, "Marker": f"m{page}"} if page < 10 else {"IsTruncated": False}
            roles = [{"RoleName": f"r{n}", "RoleId": f"AROAEXAMPLEEXAMPLE{n}"} for n in range(page * 100, min(1001, page * 100 + 100))]
            stub.add_response("list_entities_for_policy", {"PolicyRoles": roles, "PolicyUsers": [], "PolicyGroups": [], **more})
        held = Identity.thing(Kind.POLICY, "arn:aws:iam::123456789012:policy/held")
        assert held is not None
        policy = IamReader(lambda: iam).read(held, Wanted(frozenset({Facet.MEMBERS})))
        assert isinstance(policy, State)
        assert len(policy.members or ()) == 1001
        stub.add_response(
            "get_user",
            {
                "User": {
                    "Path": "/",
                    "UserName": "u",
                    "UserId": "AIDAEXAMPLEEXAMPLE",
                    "Arn": "arn:aws:iam::123456789012:user/u",
                    "CreateDate": datetime(2026, 3, 2, tzinfo=UTC),
                }
            },
        )
        for page in range(11):
            more = {"IsTruncated": True, "Marker": f"m{page}"} if page < 10 else {"IsTruncated": False}
            keys = [{"AccessKeyId": f"AKIAEXAMPLE{n:09}", "Status": "Active"} for n in range(page * 100, min(1001, page * 100 + 100))]
            stub.add_response("list_access_keys", {"AccessKeyMetadata": keys, **more})
        stub.add_response("list_service_specific_credentials", {"ServiceSpecificCredentials": []})
        stub.add_response("list_ssh_public_keys", {"SSHPublicKeys": [], "IsTruncated": False})
        stub.add_response("list_signing_certificates", {"Certificates": [], "IsTruncated": False})
        state = IamReader(lambda: iam).read(Identity.of(Kind.USER, "u", "123456789012"), Wanted(frozenset({Facet.KEYS})))
        assert isinstance(state, State)
        assert len(state.credentials or ()) == 1001
