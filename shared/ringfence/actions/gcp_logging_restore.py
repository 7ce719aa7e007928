"""gcp.logging.restore: what was logged, kept and told before is logged, kept and told again.

Sinks, exclusions and log buckets: Cloud Logging API v2 reference. Audit configuration lies in the allow policy of a project, folder or organisation and is
written alone (`updateMask: auditConfigs,etag`). What the event alone tells needs no snapshot; everything else does.
"""

from collections.abc import Callable, Mapping

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._google import POLICY_GRANTS, call_on
from ringfence.actions._google_audit import AUDIT, lost, wanted
from ringfence.actions._google_settings import parts, setting, target_of
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google import RESOURCE_MANAGER
from ringfence.domain.google_settings import LOGGING, Thing, thing_of
from ringfence.domain.plan import ActionClass, Step
from ringfence.domain.state import Document, Facet

SINK, EXCLUSION, BUCKET, DELETED = "sink", "exclusion", "bucket", "deleted"
RETENTION, LOCKED = "retentionDays", "locked"
DAYS = 30  # that a log bucket keeps what it gets, unless told otherwise (Cloud Logging documentation, "Quotas and limits")


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:
    """One step for the sink, the exclusion, the log bucket or the audit configuration that the event changed."""
    place = target_of(case, *RESTORES)
    thing = thing_of(place.arn) if place is not None else None
    if thing is None:
        return Impossible("the finding is about no sink, exclusion, log bucket or audit configuration")
    made = RESTORES[thing](case, finding)
    return made if isinstance(made, Impossible) else (made,)


def _sink(case: Case, finding: Finding) -> Step | Impossible:
    now, old = parts(case.target_state).get(SINK), parts(case.before).get(SINK)
    if old is None and now is not None and finding.evidence.get("disabled") is True:
        old = {key: value for key, value in now.items() if key != "disabled"}  # nothing else was done to it
    if old is None:
        return _unknown(case)
    back = call_on(case, LOGGING, "DeleteSink") if now is None else call_on(case, LOGGING, "UpdateSink", **now)
    return setting(ACTION, SINK, (now, old), call_on(case, LOGGING, "CreateSink" if now is None else "UpdateSink", **old), back)


def _exclusion(case: Case, finding: Finding) -> Step | Impossible:
    """Take away one that was made (`exclusion` in the evidence is what it says), and put a changed one back."""
    told = finding.evidence.get("exclusion")
    created: Document | None = told if isinstance(told, Mapping) else None
    now = parts(case.target_state).get(EXCLUSION) if case.target_state else created
    old = parts(case.before).get(EXCLUSION)
    if old is not None and now is not None:
        put, back = (call_on(case, LOGGING, "UpdateExclusion", **document) for document in (old, now))
        return setting(ACTION, EXCLUSION, (now, old), put, back)
    if created is None:
        return _unknown(case)
    again = call_on(case, LOGGING, "CreateExclusion", **(now or created))
    return setting(ACTION, EXCLUSION, (now, None), call_on(case, LOGGING, "DeleteExclusion"), again)


def _bucket(case: Case, finding: Finding) -> Step | Impossible:
    """Put a deleted one back; give a changed one its settings. What is kept for longer by now stays so; a lock cannot be taken off."""
    if finding.evidence.get("deleted") is True:
        gone, there = {"deleted": True}, {"deleted": False}
        now = parts(case.target_state).get(DELETED, gone)
        return setting(ACTION, DELETED, (now, there), call_on(case, LOGGING, "UndeleteBucket"), call_on(case, LOGGING, "DeleteBucket"))
    is_, was = parts(case.target_state).get(BUCKET), parts(case.before).get(BUCKET)
    if is_ is None or was is None:
        return _unknown(case)
    if is_.get(LOCKED, False) != was.get(LOCKED, False):
        return Impossible(f"{_name(case)} was locked: nobody can take the lock off, or shorten what it keeps")
    old = {**was, RETENTION: max(is_.get(RETENTION, DAYS), was.get(RETENTION, DAYS))}
    put, back = (call_on(case, LOGGING, "UpdateBucket", **document) for document in (old, is_))
    return setting(ACTION, BUCKET, (is_, old), put, back)


def _audit(case: Case, finding: Finding) -> Step | Impossible:
    """Put what was taken off the audit configuration, as a delta: whatever else it says by now stays."""
    audit = wanted(case, finding)
    if not audit:
        return _unknown(case)
    now = parts(case.target_state).get(AUDIT, {})
    put = lost(now, audit) or {name: now[name] for name in audit}  # nothing is lost any more: the step then stands
    back = {"add": {name: now[name] for name in put if name in now}, "remove": [name for name in put if name not in now]}
    call = call_on(case, RESOURCE_MANAGER, "SetAuditConfig", add=put)
    inverse = call_on(case, RESOURCE_MANAGER, "SetAuditConfig", **{verb: what for verb, what in back.items() if what})
    return setting(ACTION, AUDIT, (now or None, {**now, **put}), call, inverse)


def _name(case: Case) -> str:
    return case.target.arn if case.target else ""


def _unknown(case: Case) -> Impossible:
    return Impossible(f"how {_name(case)} was set before is not known: there is no snapshot of it, and the event does not tell")


RESTORES: Mapping[Thing, Callable[[Case, Finding], Step | Impossible]] = {
    Thing.SINK: _sink,
    Thing.EXCLUSION: _exclusion,
    Thing.LOG_BUCKET: _bucket,
    Thing.SCOPE: _audit,
}
ACTION = Action(
    id="gcp.logging.restore",
    title="Put back sinks, exclusions, log buckets and audit configuration",
    before="less is logged, kept or told",
    after="it is as it was before",
    action_class=ActionClass.REVERSAL,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS}),
    writes=(
        Permission(f"{LOGGING}:UpdateSink", grants=("logging.sinks.get", "logging.sinks.update")),
        Permission(f"{LOGGING}:CreateSink", grants=("logging.sinks.create", "logging.sinks.get")),
        Permission(f"{LOGGING}:UpdateExclusion", grants=("logging.exclusions.get", "logging.exclusions.update")),
        Permission(f"{LOGGING}:DeleteExclusion", grants=("logging.exclusions.delete", "logging.exclusions.get")),
        Permission(f"{LOGGING}:UpdateBucket", grants=("logging.buckets.get", "logging.buckets.update")),
        Permission(f"{LOGGING}:UndeleteBucket", grants=("logging.buckets.get", "logging.buckets.undelete")),
        Permission(f"{RESOURCE_MANAGER}:SetAuditConfig", grants=POLICY_GRANTS[RESOURCE_MANAGER]),
    ),
    undo="Puts the newer settings back, or takes away again what was put back, with the operator's own credentials.",
    impact="None on running work; more logs are kept and paid for. A sink that is made again has a new writer identity: grant that one its role on the destination, or nothing arrives.",
    plan=plan,
)
