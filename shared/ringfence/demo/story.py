"""The story: what happens in the account, in order. Each scene is what somebody does to IAM, and the event that tells of it."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ringfence.demo.account import ACCOUNT, AGENT, NOTEBOOK, TRAINING, WEB
from ringfence.errors import UsageError

EVENTS = Path(__file__).parents[3] / "events"
AWS = "arn:aws:iam::aws:policy/"
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


class Scene(Struct, frozen=True, kw_only=True):
    """One thing that happens."""

    says: str  # what a person sees
    event: str  # the sample event's file
    change: Mapping[str, Any] = {}  # dotted path -> value, below `detail`
    does: Callable[[Any], Any] | None = None  # to the embedded IAM, before the event arrives
    again: bool = False  # the same delivery as the scene before


def attach(role: str, policy: str) -> Callable[[Any], Any]:
    """Attach a managed policy to a role, as the attacker does."""
    return lambda iam: iam.attach_role_policy(RoleName=role, PolicyArn=policy)


def put(role: str, name: str) -> Callable[[Any], Any]:
    """Give a role everything, inline."""
    return lambda iam: iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=EVERYTHING)


SCENES = (
    Scene(says="The pipeline starts the nightly training", event="aws/cloudtrail/CreateTrainingJob.json"),
    Scene(says="SageMaker takes the training role", event="aws/cloudtrail/AssumeRole.json"),
    Scene(says="The support agent asks a model", event="aws/cloudtrail/InvokeModel.json"),
    Scene(
        says="Ana signs in, with MFA",
        event="aws/signin/ConsoleLogin-mfa.json",
        change={"userIdentity.userName": "ana", "userIdentity.arn": f"arn:aws:iam::{ACCOUNT}:user/ana"},
    ),
    Scene(
        says="Ana gives the notebooks a policy they need",
        event="aws/cloudtrail/AttachRolePolicy.json",
        change={"requestParameters.policyArn": AWS + "AmazonSageMakerCanvasAIServicesAccess"},
        does=attach(NOTEBOOK, AWS + "AmazonSageMakerCanvasAIServicesAccess"),
    ),
    Scene(says="Bo signs in with a password alone - from somewhere new", event="aws/signin/ConsoleLogin.json"),
    Scene(says="Bo's session tries to become administrator, and is refused", event="aws/cloudtrail/AttachRolePolicy-denied.json"),
    Scene(
        says="It attaches AdministratorAccess to the notebooks' role",
        event="aws/cloudtrail/AttachRolePolicy.json",
        change={"userIdentity.userName": "bo", "userIdentity.arn": f"arn:aws:iam::{ACCOUNT}:user/bo"},
        does=attach(NOTEBOOK, AWS + "AdministratorAccess"),
    ),
    Scene(says="AWS delivers the same event once more", event="aws/cloudtrail/AttachRolePolicy.json", again=True),
    Scene(
        says="It gives the support agent everything, inline",
        event="aws/cloudtrail/PutRolePolicy.json",
        change={"requestParameters.roleName": AGENT},
        does=put(AGENT, "debug"),
    ),
    Scene(
        says="Another team makes its own role administrator: not an AI identity",
        event="aws/cloudtrail/AttachRolePolicy.json",
        change={"requestParameters.roleName": WEB},
        does=attach(WEB, AWS + "AdministratorAccess"),
    ),
    Scene(says="GuardDuty sends a sample finding", event="aws/guardduty/sample.json"),
    Scene(
        says="GuardDuty: the training role's credentials are used outside AWS",
        event="aws/guardduty/credential-exfiltration.json",
        change={"resource.accessKeyDetails.principalId": "<the role's id>", "resource.accessKeyDetails.userName": TRAINING},
    ),
)


def raw(scene: Scene, event_id: str, time: str, role_id: str) -> dict[str, Any]:
    """Give the event of a scene as it is delivered: the sample with its changes, its own id, and the time of the demo."""
    file = EVENTS / scene.event
    if not file.exists():
        raise UsageError(f"{file} is not there", "The demo plays the sample events of a checkout: run it there, with `make demo`")
    event: dict[str, Any] = copy.deepcopy(json.loads(file.read_text(encoding="utf-8")))
    detail = event.get("detail", event)
    for path, value in scene.change.items():
        *parents, last = path.split(".")
        place = detail
        for key in parents:
            place = place[key]
        place[last] = f"{role_id}:i-0123456789abcdef0" if value == "<the role's id>" else value
    detail |= {key: time for key in ("eventTime", "updatedAt", "createdAt") if key in detail}
    detail |= {key: event_id for key in ("eventID", "id") if key in detail}
    if "userIdentity" in detail:
        detail["userIdentity"].pop("principalId", None)  # the embedded account gives its own unique ids
    return event
