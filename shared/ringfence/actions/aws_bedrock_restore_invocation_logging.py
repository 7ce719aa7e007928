"""aws.bedrock.restore-invocation-logging: put back how model invocations were logged, in one region (Amazon Bedrock API Reference)."""

from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.domain.canonical import digest
from ringfence.domain.finding import Case, Finding
from ringfence.domain.identity import Kind
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Facet, Fact, FactKind

CONFIGURATION = "configuration"  # the only part of these settings
PUT, DELETE = "PutModelInvocationLoggingConfiguration", "DeleteModelInvocationLoggingConfiguration"


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step: the configuration of our own snapshot. The role that it names for CloudWatch Logs is passed, if the deployment may."""
    logging = case.target
    if logging is None or logging.kind is not Kind.MODEL_LOGGING:
        return Impossible("the finding is about no logging of model invocations")
    old = (case.before.settings or {}).get(CONFIGURATION) if case.before else None
    if old is None:
        return Impossible("how model invocations were logged before is not known: there is no snapshot of it")
    if case.target_state is None or case.target_state.settings is None:
        return Impossible("how model invocations are logged now is not known")
    now = case.target_state.settings.get(CONFIGURATION)
    region = logging.region
    back = Call("bedrock", DELETE, {}, region) if now is None else Call("bedrock", PUT, {"loggingConfig": now}, region)
    return (
        Step(
            action=ACTION.id,
            action_class=ACTION.action_class,
            fact=Fact(FactKind.SETTINGS, CONFIGURATION),
            before=None if now is None else digest(now),
            after=digest(old),
            call=Call("bedrock", PUT, {"loggingConfig": old}, region),
            inverse=back,
        ),
    )


ACTION = Action(
    id="aws.bedrock.restore-invocation-logging",
    title="Put back the model-invocation logging configuration",
    before="model invocations are not logged, or elsewhere",
    after="they are logged as before",
    action_class=ActionClass.REVERSAL,
    on=On.TARGET,
    reads=frozenset({Facet.SETTINGS}),
    writes=(Permission("bedrock:PutModelInvocationLoggingConfiguration"), Permission("iam:PassRole", "ModelLoggingRole")),
    undo="Puts the newer configuration back, or deletes it again, under the operator's own credentials.",
    impact="None on running work; the cost of storing the logs returns. Calls to bedrock-mantle are never in these logs.",
    plan=plan,
)
