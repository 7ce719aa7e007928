"""CloudTrail's history: page by page, not faster than it answers, where the partition keeps what is looked for."""

import pytest
from botocore.stub import Stubber

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.history import PAGES, CloudTrailHistory
from ringfence.engine.ports import Remembered
from ringfence.errors import UpstreamError
from tests.support.aws import aws
from tests.support.jobs import NOW


def test_cloudtrail_is_asked_page_by_page_and_not_faster_than_it_answers() -> None:
    with aws(managed=False):
        (client, *_) = clients.cloudtrails()
        pauses: list[float] = []
        asked = {"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "eve"}], "StartTime": NOW, "MaxResults": 50}
        with Stubber(client) as stub:
            stub.add_response("lookup_events", {"Events": [{"CloudTrailEvent": '{"eventID":"a"}'}, {}], "NextToken": "more"}, asked)
            stub.add_response(
                "lookup_events",
                {"Events": [{"CloudTrailEvent": '{"eventID":"a"}'}, {"CloudTrailEvent": "[]"}]},
                {**asked, "NextToken": "more"},
            )
            history = CloudTrailHistory(lambda: (client,), pauses.append)
            assert history.regions == ("us-east-1",)
            assert history.lookup("Username", "eve", NOW) == Remembered(({"eventID": "a"},), complete=False, requests=2), (
                "two could not be read"
            )
            stub.add_client_error("lookup_events", "ThrottlingException")
            with pytest.raises(UpstreamError):
                CloudTrailHistory(lambda: (client,), pauses.append).lookup("Username", "eve", NOW)
            for _ in range(PAGES):
                stub.add_response("lookup_events", {"NextToken": "more"})
            assert history.lookup("Username", "eve", NOW) == Remembered((), complete=False, requests=PAGES)
            stub.add_response("lookup_events", {"Events": [{"CloudTrailEvent": text} for text in ('"\\ud800"', "1e999", "[" * 9999)]})
            assert not history.lookup("Username", "eve", NOW).complete, "what cannot be read ends nothing, and is said"
            stub.add_response("lookup_events", {"Events": []})
            assert history.lookup("Username", "eve", NOW).complete
            stub.assert_no_pending_responses()
    assert pauses == [0.5] * (4 + PAGES)


@pytest.mark.parametrize(
    ("region", "regions"),
    [
        ("us-east-1", ["us-east-1"]),
        ("eu-west-1", ["eu-west-1", "us-east-1"]),
        ("cn-north-1", ["cn-north-1"]),
        ("us-gov-east-1", ["us-gov-east-1", "us-gov-west-1"]),
    ],
)
def test_events_of_iam_are_looked_for_where_the_partition_keeps_them(
    region: str, regions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with aws(managed=False):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        clients.cloudtrails.cache_clear()
        assert [client.meta.region_name for client in clients.cloudtrails()] == regions
        clients.cloudtrails.cache_clear()
