"""gcp-public-or-external-member: everybody, or somebody outside, got access to what belongs to an AI project, or may get it again."""

import msgspec

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.member import MemberKind, parse_member
from ringfence.domain.raw import text
from ringfence.domain.state import Facet, State
from ringfence.guardrails._gcp_data import asked, project_at
from ringfence.guardrails._gcp_outside import outside
from ringfence.guardrails._google import changed, mine, short, standing

CLOSE, REMOVE = "gcp.storage.close-bucket", "gcp.iam.remove-binding"
# What may give access without being called a change of a policy: its log tells the grants all the same, and by those it is heard as one.
DATASETS = ("InsertDataset", "PatchDataset", "UpdateDataset")
BUCKETS = ("buckets.update", "buckets.patch")
PREVENTION, ENFORCED = "publicAccessPrevention", "enforced"
# Cloud Storage JSON API, Bucket; and, in the second spelling, its gRPC API. `unspecified` is the old name of `inherited`.
SAID_AT, ALLOWING = (f"iamConfiguration.{PREVENTION}", f"bucket.iamConfig.{PREVENTION}"), ("inherited", "unspecified")


def check(case: Case) -> Verdict:
    """Fire on who got access, and on a bucket that was closed to everybody and is no longer."""
    event = case.event
    if event is None:
        return None
    if mine(case):
        return _granted(case, event)
    return _opened(case, event) if event.heard_as in BUCKETS else None


def _opened(case: Case, event: Event) -> Verdict:
    """Fire in a declared project where public access prevention went off; it asks where nobody knows that it was on before."""
    now, before = _prevented(case.target_state), _prevented(case.before)
    if now is True or before is False or not project_at(case).declared:
        return None
    request = event.parameters["request"]
    says = any(asked(request, path) in ALLOWING for path in SAID_AT)
    if not says and (now is None or before is None):
        return None if request else Unknown(f"whether {case.identity.name} let {event.parameters['resource']} be public again is not told")
    found = changed(case, event, GUARDRAIL, "took the prevention of public access off")
    return msgspec.structs.replace(found, actions=(CLOSE,), standing=before is None)


def _prevented(state: State | None) -> bool | None:
    """Whether public access was prevented; None where it is not known."""
    told = text(state.settings, PREVENTION, "value") if state is not None else ""
    return told == ENFORCED if told else None


def _granted(case: Case, event: Event) -> Verdict:
    """Fire on whoever is everybody, has an address of no organisation, or is of a domain or a project that is not ours where some are named.

    A bucket is closed to everybody; from somebody with a name the grant is taken. About what is no person's a person decides.
    """
    found = mine(case)
    member = parse_member(case.identity.arn)
    who = outside(case, member)
    if not who or isinstance(who, Unknown):
        return who or None
    stands = standing(case, found)
    where = event.parameters["resource"]
    roles = [short(delta["role"]) for delta in found]
    closes = thing_of(where) is Thing.BUCKET and member.kind is MemberKind.EVERYBODY
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{who} got {', '.join(roles)} on {where}",
        evidence={"member": case.identity.arn, "roles": roles, "resource": where, "deltas": stands},
        actions=(CLOSE,) if closes else (REMOVE,),
        standing=event.parameters.get("standing") is True,
        certain=stands == found and member.kind in (MemberKind.USER, MemberKind.GROUP, MemberKind.DOMAIN, MemberKind.EVERYBODY),
    )


GUARDRAIL = Guardrail(
    id="gcp-public-or-external-member",
    title="Public or outside member on what belongs to an AI project",
    severity=Severity.CRITICAL,
    why="allUsers on a data set is publication.",
    triggers=(
        Trigger(Source.GCP_AUDIT, "SetIamPolicy", service="*"),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="storage") for name in BUCKETS),
        *(Trigger(Source.GCP_AUDIT, name, judges=Judged.ACTOR, service="bigquery") for name in DATASETS),
    ),
    reads_target=frozenset({Facet.BINDINGS, Facet.SETTINGS}),
    compares=True,
    vouches=frozenset({"bindings", "settings"}),
    actions=(CLOSE, REMOVE),
    standards=Standards(attack=("T1530", "T1537"), atlas=("AML.T0025",), cis=("gcp-v5:1.10", "gcp-v5:2.11"), nist=("AC-3", "SC-7")),
    false_positives="Data sets that are meant to be public: an exception with its end. Partners: name their domain under `trusted.gcp_domains`.",
    check=check,
)
