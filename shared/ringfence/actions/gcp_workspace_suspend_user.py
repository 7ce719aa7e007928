"""gcp.workspace.suspend-user: suspend a user of Google Workspace or Cloud Identity: every session and token of theirs ends.

Directory API v1 reference, `users.patch`. It takes an administrator's role in the directory, which is no permission of IAM; a deployment without one (the
default) leaves it to a person.
"""

from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._google_settings import parts, setting
from ringfence.domain.finding import Case, Finding
from ringfence.domain.google_settings import DIRECTORY
from ringfence.domain.identity import Kind
from ringfence.domain.member import MemberKind, parse_member
from ringfence.domain.plan import ActionClass, Call, Step
from ringfence.domain.state import Document, Facet

SUSPENDED = "suspended"
YES: Document = {"suspended": True}
NO: Document = {"suspended": False}


def plan(case: Case, finding: Finding) -> tuple[Step, ...] | Impossible:  # noqa: ARG001 - one signature for all actions
    """One step, where the deployment may and the user is one of the organisation."""
    member = parse_member(case.identity.arn)
    if case.identity.kind is not Kind.MEMBER or member.kind is not MemberKind.USER or member.deleted or not member.domain:
        return Impossible(f"{case.identity.name} is no user of a directory: nobody can suspend it")
    trusted = case.settings.trusted_domains
    if trusted and member.domain not in trusted:
        return Impossible(f"{member.id} is of another organisation: take away what it was granted here")
    if not case.settings.deployment.workspace:
        return Impossible(
            f"this deployment has no role in Google Workspace. In the Admin console, under Directory > Users, open {member.id}: "
            "Suspend user, then under Security reset the sign-in cookies and remove connected applications"
        )
    now = parts(case.state).get(SUSPENDED, NO)
    put, back = (Call(DIRECTORY, "PatchUser", {"name": f"users/{member.id}", **document}) for document in (YES, now))
    return (setting(ACTION, SUSPENDED, (now, YES), put, back),)


ACTION = Action(
    id="gcp.workspace.suspend-user",
    title="Suspend a user of Google Workspace",
    before="the user signs in",
    after="the user is suspended and signed out",
    action_class=ActionClass.CONTAINMENT,
    reads=frozenset({Facet.SETTINGS}),
    writes=(Permission(f"{DIRECTORY}:PatchUser"),),  # by the role "User Management Admin" of the directory, not by IAM
    undo="Takes the suspension off. Sessions and tokens that it ended stay ended.",
    impact="The person loses everything of the organisation, mail and calendar included. What they started in the cloud runs on.",
    plan=plan,
)
