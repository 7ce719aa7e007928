"""gcp.storage.close-bucket: nobody without a name reads or writes a bucket any more, by allow policy or by access control list.

Cloud Storage documentation, "Public access prevention": enforced, it overrides what is granted to everybody, and refuses to grant it.
"""

from collections.abc import Iterator

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._google import POLICY_GRANTS, call_on, grants_of, unbind
from ringfence.actions._google_settings import parts, setting, target_of
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import STORAGE
from ringfence.domain.google_settings import Thing
from ringfence.domain.member import PUBLIC
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Document, Facet

PREVENTION, ACL = "publicAccessPrevention", "acl"
ENFORCED: Document = {"value": "enforced"}
INHERITED: Document = {"value": "inherited"}


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """Take what everybody may off the list, then the grants that the finding names off the policy, then enforce public access prevention.

    Enforcing is last, so that an undo begins by allowing what it puts back. Where it is enforced already, what everybody was granted is of no effect
    and could not be put back: it stays.
    """
    bucket = target_of(case, Thing.BUCKET)
    if bucket is None:
        return Impossible("the finding is about no bucket of Cloud Storage")
    now = parts(case.target_state)
    prevented = now.get(PREVENTION, INHERITED)
    closed = prevented == ENFORCED
    there = {b.key: b for b in (case.target_state.bindings if case.target_state else None) or ()}  # as they stand in the policy
    grants = [there.get(b.key, b) for b in grants_of(finding) if not (closed and b.member in PUBLIC)]
    # The list comes first: a legacy role of a bucket stands on it, too, and taken off there it is gone from the policy.
    return (
        *(() if closed else _unlisted(case, now.get(ACL, {}))),
        *(unbind(ACTION.id, ACTION.action_class, bucket.arn, grant) for grant in grants),
        setting(
            ACTION,
            PREVENTION,
            (prevented, ENFORCED),
            call_on(case, STORAGE, "PatchBucket", **ENFORCED),
            call_on(case, STORAGE, "PatchBucket", **prevented),
        ),
    )


def _unlisted(case: Case, listed: Document) -> Iterator[Step]:
    """Take everybody off the access control list. It is a delta, as a grant is: whoever else is on the list stays."""
    everybody = {entity: role for entity, role in listed.items() if entity in PUBLIC}
    if everybody:
        left = {entity: role for entity, role in listed.items() if entity not in PUBLIC}
        take, put = (call_on(case, STORAGE, "PatchBucketAcl", **{verb: everybody}) for verb in ("remove", "add"))
        yield setting(ACTION, ACL, (listed, left or None), take, put)


ACTION = Action(
    id="gcp.storage.close-bucket",
    title="Close a bucket to everybody without a name",
    before="the bucket can be open to everybody",
    after="public access is prevented, and what was granted is taken back",
    action_class=ActionClass.REVERSAL,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS, Facet.BINDINGS}),
    writes=(
        Permission(f"{STORAGE}:PatchBucket", grants=("storage.buckets.get", "storage.buckets.setIamPolicy", "storage.buckets.update")),
        Permission(
            f"{STORAGE}:PatchBucketAcl",
            grants=("storage.buckets.get", "storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy", "storage.buckets.update"),
        ),
        Permission(f"{STORAGE}:SetIamPolicy", grants=POLICY_GRANTS[STORAGE]),
    ),
    undo="Lets the bucket be public again and puts back what was granted, with the operator's own credentials.",
    impact="Whoever reads the bucket without a name, a web site among them, is refused. Who was granted something by name keeps it, unless the finding names them.",
    plan=plan,
)
