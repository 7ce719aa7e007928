"""The reader port over AWS: identities and policies from IAM, and the settings of trails and of Bedrock's logging from their services."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.replies import upstream
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.state import State
from ringfence.engine.ports import Absence, Wanted

# What reading the settings of each kind of target calls (Service Authorization Reference).
SETTINGS_READS: Mapping[Kind, tuple[str, ...]] = {
    Kind.TRAIL: ("cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"),
    Kind.MODEL_LOGGING: ("bedrock:GetModelInvocationLoggingConfiguration",),
}
# UpdateTrail's parameters by what GetTrail calls them. Delivery to CloudWatch Logs needs a role to be passed, and is left out.
OF_A_TRAIL = {
    "Name": "Name",
    "S3BucketName": "S3BucketName",
    "S3KeyPrefix": "S3KeyPrefix",
    "SnsTopicName": "SnsTopicName",
    "IncludeGlobalServiceEvents": "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail": "IsMultiRegionTrail",
    "LogFileValidationEnabled": "EnableLogFileValidation",
    "KmsKeyId": "KmsKeyId",
    "IsOrganizationTrail": "IsOrganizationTrail",
}
type Clients = Callable[[str, str], Any]


class AwsReader:
    """Reads whatever a step can change. Raises UpstreamError where AWS does not answer or does not allow."""

    def __init__(self, iam: IamReader | None = None, client: Clients = clients.of) -> None:
        """Take the reader of IAM, and the getter of other services' clients by name and region."""
        self._iam = iam or IamReader()
        self._client = client

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of an identity or other target. A trail or logging that is not there has settings without any part."""
        if identity.partition == GOOGLE:
            return Absence.NOT_KNOWN
        if identity.kind is Kind.TRAIL:
            return State(identity=identity, settings=dict(self._trail(identity)))
        if identity.kind is Kind.MODEL_LOGGING:
            return State(identity=identity, settings=dict(self._model_logging(identity)))
        return self._iam.read(identity, wanted)

    def owner(self, access_key_id: str) -> Identity | Absence:
        """Give the user whose access key it is."""
        return self._iam.owner(access_key_id)

    def trails(self, account: str, region: str) -> Iterator[Identity]:
        """Give the trails of the account whose home is a region."""
        with upstream(f"listing the trails of {region}"):
            found = self._client("cloudtrail", region).describe_trails(includeShadowTrails=False)["trailList"]
        for trail in found:
            named = Identity.thing(Kind.TRAIL, trail["TrailARN"])
            if named is not None and named.account == account:
                yield named

    def _trail(self, trail: Identity) -> Iterator[tuple[str, Mapping[str, Any]]]:
        client = self._client("cloudtrail", trail.region)
        with upstream(f"reading the trail {trail.name}"):
            try:
                told = client.get_trail(Name=trail.arn)["Trail"]
                if client.get_trail_status(Name=trail.arn)["IsLogging"]:
                    yield "logging", {"IsLogging": True}
                selectors = client.get_event_selectors(TrailName=trail.arn)
            except client.exceptions.TrailNotFoundException:
                return
        yield "trail", {parameter: told[name] for name, parameter in OF_A_TRAIL.items() if name in told}
        chosen = {key: selectors[key] for key in ("EventSelectors", "AdvancedEventSelectors") if selectors.get(key)}
        if chosen and not _default(chosen.get("EventSelectors", ())):
            yield "selectors", chosen

    def _model_logging(self, logging: Identity) -> Iterator[tuple[str, Mapping[str, Any]]]:
        with upstream(f"reading how model invocations are logged in {logging.region}"):
            told = self._client("bedrock", logging.region).get_model_invocation_logging_configuration()
        if configuration := told.get("loggingConfig"):
            yield "configuration", configuration


def _default(selectors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether selectors say what a trail does that nobody told anything: all management events, and no data."""
    plain = [{key: value for key, value in one.items() if value not in ([], None)} for one in selectors]
    return plain == [{"ReadWriteType": "All", "IncludeManagementEvents": True}]
