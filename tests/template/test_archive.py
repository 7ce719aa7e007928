"""20: the sealed trail's bucket and key, as the template makes them: taking away any one of these protections fails here."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from ringfence.iam import Policies, Principal, Request, authorize
from ringfence.iam.authorize import Effect
from tests.support.template import statements, template

BUCKET, KEY = "arn:aws:s3:::sealed", "arn:aws:kms:us-east-1:123456789012:key/k"
SEAL = "arn:aws:iam::123456789012:role/ringfence/SealRole"
ADMIN = "arn:aws:iam::123456789012:role/admin"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
WELL = {"aws:SecureTransport": "true", "s3:if-none-match": "*"}
NAMES = {
    "<Archive.Arn>": BUCKET,
    "<SealKey.Arn>": KEY,
    "<SealRole.Arn>": SEAL,
    "<Table.Arn>": "arn:aws:dynamodb:us-east-1:123456789012:table/t",
}


def named(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item) for item in value]
    if isinstance(value, str):
        for name, real in NAMES.items():
            value = value.replace(name, real)
    return value


def own() -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": named(statements(template(), "SealRole"))}


def asked(document: dict[str, Any], action: str, resource: str, who: str, **context: str) -> Effect:
    """What AWS says, where the caller's own policies allow all that there is (seal's: what it has)."""
    request = Request(
        action=action,
        resource=resource,
        principal=Principal(kind="AWS", arn=who),
        resource_account="123456789012",
        context={**WELL, "aws:PrincipalArn": who, **context},
    )
    identity = [own()] if who == SEAL else [EVERYTHING]
    return authorize(request, Policies(identity=identity, resource=document)).effect


QUESTIONS: tuple[tuple[str, str, str, dict[str, str], Effect], ...] = (
    ("s3:PutObject", f"{BUCKET}/segments/1", SEAL, {}, Effect.ALLOWED),
    ("s3:GetObject", f"{BUCKET}/segments/1", SEAL, {}, Effect.ALLOWED),
    ("s3:ListBucket", BUCKET, SEAL, {}, Effect.ALLOWED),
    ("s3:GetObject", f"{BUCKET}/segments/1", ADMIN, {}, Effect.ALLOWED),
    ("s3:PutObject", f"{BUCKET}/segments/1", ADMIN, {}, Effect.EXPLICITLY_DENIED),
    ("s3:DeleteObject", f"{BUCKET}/segments/1", ADMIN, {}, Effect.EXPLICITLY_DENIED),
    ("s3:DeleteObject", f"{BUCKET}/segments/1", SEAL, {}, Effect.EXPLICITLY_DENIED),
    ("s3:DeleteObjectVersion", f"{BUCKET}/segments/1", ADMIN, {}, Effect.EXPLICITLY_DENIED),
    ("s3:BypassGovernanceRetention", f"{BUCKET}/segments/1", ADMIN, {}, Effect.EXPLICITLY_DENIED),
    ("s3:PutObjectRetention", f"{BUCKET}/segments/1", ADMIN, {}, Effect.EXPLICITLY_DENIED),
    *(
        (f"s3:{verb}", f"{BUCKET}/segments/1", ADMIN, {}, Effect.EXPLICITLY_DENIED)
        for verb in ("PutObjectAcl", "PutObjectLegalHold", "ReplicateDelete", "ReplicateObject")
    ),
    *(
        (f"s3:Put{what}", BUCKET, ADMIN, {}, Effect.EXPLICITLY_DENIED)
        for what in ("BucketVersioning", "LifecycleConfiguration", "ReplicationConfiguration")
    ),
    ("s3:GetObject", f"{BUCKET}/segments/1", ADMIN, {"aws:SecureTransport": "false"}, Effect.EXPLICITLY_DENIED),
    ("s3:ListBucket", BUCKET, ADMIN, {"aws:SecureTransport": "false"}, Effect.EXPLICITLY_DENIED),
)
WITHOUT = {"aws:SecureTransport": "true", "aws:PrincipalArn": SEAL}


def bucket_answers(document: dict[str, Any]) -> list[Effect]:
    answers = [asked(document, action, resource, who, **context) for action, resource, who, context, _ in QUESTIONS]
    blind = Request(
        action="s3:PutObject",
        resource=f"{BUCKET}/x",
        principal=Principal(kind="AWS", arn=SEAL),
        resource_account="123456789012",
        context=WITHOUT,
    )
    return [*answers, authorize(blind, Policies(identity=[own()], resource=document)).effect]


BUCKET_WANTED = [*(question[-1] for question in QUESTIONS), Effect.EXPLICITLY_DENIED]


def bucket_policy() -> dict[str, Any]:
    found: dict[str, Any] = named(template()["ArchivePolicy"]["Properties"]["PolicyDocument"])
    return found


def test_nobody_deletes_replaces_or_unlocks_and_only_seal_writes() -> None:
    assert bucket_answers(bucket_policy()) == BUCKET_WANTED


def weaker(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Take each statement, and each action of a statement, away."""
    for number, statement in enumerate(document["Statement"]):
        without = copy.deepcopy(document)
        del without["Statement"][number]
        yield statement["Sid"], without
        for action in statement["Action"] if isinstance(statement["Action"], list) else ():
            without = copy.deepcopy(document)
            without["Statement"][number]["Action"].remove(action)
            yield f"{statement['Sid']} {action}", without


def test_whatever_is_taken_away_of_the_buckets_policy_is_missed() -> None:
    for name, document in weaker(bucket_policy()):
        assert bucket_answers(document) != BUCKET_WANTED, name


def test_the_bucket_is_locked_versioned_encrypted_closed_and_outlives_the_stack() -> None:
    archive = template()["Archive"]
    assert (archive["DeletionPolicy"], archive["UpdateReplacePolicy"]) == ("Retain", "Retain")
    made = archive["Properties"]
    assert made["ObjectLockEnabled"] is True
    assert made["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}},
    }
    assert made["VersioningConfiguration"] == {"Status": "Enabled"}
    (encrypted,) = made["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encrypted == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert set(made["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(made["PublicAccessBlockConfiguration"]) == 4
    assert made["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


KEY_QUESTIONS = (
    ("kms:Sign", SEAL, Effect.ALLOWED),
    ("kms:Verify", SEAL, Effect.ALLOWED),
    ("kms:GetPublicKey", SEAL, Effect.ALLOWED),
    ("kms:Sign", ADMIN, Effect.EXPLICITLY_DENIED),
    ("kms:GetPublicKey", ADMIN, Effect.ALLOWED),
    ("kms:PutKeyPolicy", ADMIN, Effect.ALLOWED),  # heard as tampering
    ("kms:ScheduleKeyDeletion", ADMIN, Effect.EXPLICITLY_DENIED),
    ("kms:DisableKey", ADMIN, Effect.EXPLICITLY_DENIED),
)


def key_answers(document: dict[str, Any]) -> list[Effect]:
    return [asked(document, action, KEY, who) for action, who, _ in KEY_QUESTIONS]


def test_only_seal_signs_and_nobody_deletes_the_key() -> None:
    made = template()["SealKey"]
    assert (made["DeletionPolicy"], made["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert (made["Properties"]["KeySpec"], made["Properties"]["KeyUsage"]) == ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    document = named(made["Properties"]["KeyPolicy"])
    wanted = [question[-1] for question in KEY_QUESTIONS]
    assert key_answers(document) == wanted
    for name, weak in weaker(document):
        assert key_answers(weak) != wanted, name


@pytest.mark.parametrize(
    ("action", "context", "effect"),
    [
        ("dynamodb:UpdateItem", {"dynamodb:Attributes": ["pk", "sk", "number", "open", "due"]}, Effect.ALLOWED),
        ("dynamodb:UpdateItem", {"dynamodb:Attributes": ["pk", "sk", "body"]}, Effect.EXPLICITLY_DENIED),
        ("dynamodb:PutItem", {"dynamodb:LeadingKeys": ["job#-"]}, Effect.ALLOWED),
        ("dynamodb:PutItem", {"dynamodb:LeadingKeys": ["job#84d9b7817d117a1a"]}, Effect.IMPLICITLY_DENIED),
        ("dynamodb:DeleteItem", {}, Effect.EXPLICITLY_DENIED),
    ],
)
def test_seal_numbers_records_and_cannot_change_what_they_say(action: str, context: dict[str, Any], effect: Effect) -> None:
    table = NAMES["<Table.Arn>"]
    request = Request(
        action=action, resource=table, principal=Principal(kind="AWS", arn=SEAL), resource_account="123456789012", context=context
    )
    assert authorize(request, Policies(identity=[own()])).effect is effect
