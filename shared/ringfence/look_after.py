"""What `review` does with each census beside counting: it remembers how things are, and looks who has no MFA. Imported by `chores` alone."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from ringfence import wiring
from ringfence.clouds.aws import clients, credential_report
from ringfence.clouds.aws.reader import AwsReader
from ringfence.clouds.snapshot import SnapshotReader
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import State
from ringfence.edge import Log
from ringfence.engine.commands import run_at_desk
from ringfence.engine.discovery import Membership, membership
from ringfence.engine.hear import hear
from ringfence.engine.judgement import Judgement
from ringfence.engine.memory import kept
from ringfence.engine.ports import Wanted
from ringfence.engine.protect import exempts
from ringfence.errors import UpstreamError
from ringfence.settings import Settings
from ringfence.sources import aws_credential_report


def remember(
    reader: SnapshotReader, states: Iterable[State], found: Mapping[str, Judgement], settings: Settings, seen: datetime, log: Log
) -> int:
    """Keep how identities of projects, their policies, the trails and the logging of models are, where nothing was found about them.

    Of whom an exception covers nothing is kept. Raises UpstreamError in the end where something could not be read: it is remembered by
    the next census.
    """
    suspects = {planned.finding.identity.unique_id for judgement in found.values() for planned in judgement.planned}
    suspects |= {s.identity.unique_id for s in states if any(exempts(e, s.identity, None) for e in settings.exemptions)}
    fine = [s for s in states if s.identity.unique_id not in suspects and isinstance(membership(s.identity, s, settings), Membership)]
    members = {s.identity.unique_id for s in fine}
    policies = [p for p in reader.policies_held() if {i.unique_id for i in p.members or ()} & members]
    count, failed = 0, list[str]()
    for state in (*fine, *policies, *_settings(settings.deployment.account, failed, log)):
        if (keeps := kept(state)) is not None and (whole := _beside(keeps, settings, log)) is not None:
            wiring.store().remember(whole, seen)
            count += 1
    if failed:
        raise UpstreamError(f"not all could be remembered: {', '.join(failed)}", "The next census tries again")
    return count


def _beside(state: State, settings: Settings, log: Log) -> State | None:
    """Weigh what stands against what is remembered: our own boundary is nobody's, and settings that differ are no census's to call fine."""
    if state.boundary is not None and state.boundary == settings.deployment.quarantine_boundary:
        before = wiring.store().before(state.identity)
        return msgspec.structs.replace(state, boundary=before.boundary if before else None)
    if state.settings is not None:
        before = wiring.store().before(state.identity)
        if before is not None and before.settings != state.settings:
            log.warning("settings are not what is remembered: a month from now that is forgotten", target=state.identity.arn)
            return None
    return state


def _settings(account: str, failed: list[str], log: Log) -> Iterator[State]:
    """Give the trails that log, and how model invocations are logged, in the regions that are looked after."""
    reader = AwsReader()
    for region in clients.regions():
        try:
            targets = [*reader.trails(account, region), _model_logging(account, region)]
            states = [reader.read(target, Wanted()) for target in targets]
        except UpstreamError as error:
            log.warning("settings cannot be read", region=region, reason=str(error))
            failed.append(f"settings in {region}")
            continue
        yield from (
            s for s in states if isinstance(s, State) and s.settings and (s.identity.kind is not Kind.TRAIL or "logging" in s.settings)
        )


def _model_logging(account: str, region: str) -> Identity:
    partition = clients.iam().meta.partition
    arn = f"arn:{partition}:bedrock:{region}:{account}:model-invocation-logging"
    return Identity(Kind.MODEL_LOGGING, arn, "model-invocation-logging", account, partition)


def who_has_no_mfa(log: Log) -> int:
    """Judge each line of the credential report, with a fresh reading of the user; give how many lines there were."""
    count, failed = 0, list[str]()
    for event in aws_credential_report.events(credential_report.fetch(), wiring.now()):
        try:
            judgement = wiring.evaluator().judge(event, wiring.now())
            jobs = run_at_desk(hear(judgement, wiring.evaluator(), wiring.settings()), wiring.desk())
        except UpstreamError as error:
            log.warning("a user cannot be looked at", identity=event.subject.arn if event.subject else "", reason=str(error))
            failed.append(event.subject.name if event.subject else "somebody")
            continue
        if jobs:
            log.warning("MFA", identity=event.subject.arn if event.subject else "", jobs={job.id: job.state for job in jobs})
        count += 1
    if failed:
        raise UpstreamError(f"whether they have MFA is not known: {', '.join(failed[:20])}", "The next census looks again")
    return count
