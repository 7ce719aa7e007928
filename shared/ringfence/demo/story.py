"""The story: what happens in both clouds, in order."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ringfence.demo.account import ACCOUNT, AGENT, NOTEBOOK, TRAINING, WEB
from ringfence.demo.clouds import Clouds
from ringfence.demo.project import ACCOUNT as TRAIN_ACCOUNT
from ringfence.demo.project import ANA, BO, PIPELINES, TRAIN, give
from ringfence.demo.scene import ROLE_ID, Scene

AWS = "arn:aws:iam::aws:policy/"
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def attach(role: str, policy: str) -> Callable[[Clouds], object]:
    """Attach a managed policy to a role, as the attacker does."""
    return lambda clouds: clouds.aws.attach_role_policy(RoleName=role, PolicyArn=policy)


def put(role: str, name: str) -> Callable[[Clouds], object]:
    """Give a role everything, inline."""
    return lambda clouds: clouds.aws.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=EVERYTHING)


def granting(role: str, member: str, by: str) -> Mapping[str, Any]:
    """Say what a log tells of a grant."""
    return {
        "protoPayload.authenticationInfo.principalEmail": by,
        "protoPayload.serviceData.policyDelta.bindingDeltas": [{"action": "ADD", "role": role, "member": member}],
    }


ON_AWS = (
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
        change={"resource.accessKeyDetails.principalId": ROLE_ID, "resource.accessKeyDetails.userName": TRAINING},
        undone="The team has rotated the credentials and takes the quarantine back",
    ),
)

GRANT = "gcp/audit_log/SetIamPolicy.json"
ON_GOOGLE = (
    Scene(
        says="Ana lets the training account query BigQuery",
        event=GRANT,
        change=granting("roles/bigquery.jobUser", TRAIN, ANA),
        does=give("roles/bigquery.jobUser", TRAIN),
    ),
    Scene(
        says="Bo's stolen session makes the Vertex AI training account owner of the project",
        event=GRANT,
        change=granting("roles/owner", TRAIN, BO),
        does=give("roles/owner", TRAIN),
    ),
    Scene(says="Google delivers the same entry once more", event=GRANT, again=True),
    Scene(
        says="Ana lets the pipelines' account act as the training account",
        event="gcp/audit_log/SetIAMPolicy-service-account.json",
        change=granting("roles/iam.serviceAccountUser", PIPELINES, ANA),
        does=give("roles/iam.serviceAccountUser", PIPELINES, TRAIN_ACCOUNT),
        undone="Ana meant that: the pipelines start the training, and the grant is put back",
    ),
    Scene(
        says="Security Command Center: a leaked key of the training account is used from outside",
        event="gcp/scc/leaked-key.json",
    ),
)


class Act(Struct, frozen=True, kw_only=True):
    """Scenes in one place."""

    where: str
    scenes: tuple[Scene, ...]


ACTS = (
    Act(where="AWS, an AI account: notebooks, training, inference, an agent, two people, another team's role", scenes=ON_AWS),
    Act(where="Google Cloud, an AI project: training and pipelines on Vertex AI, the same people, the same fence", scenes=ON_GOOGLE),
)
SCENES = tuple(scene for act in ACTS for scene in act.scenes)
