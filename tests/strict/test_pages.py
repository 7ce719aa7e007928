"""What comes in pages is read to the end."""

import json

from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.snapshot import details
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import Facet, State
from ringfence.engine.ports import Wanted
from tests.support.aws import aws, customer_policy

INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}


def test_what_comes_in_pages_is_read_to_the_end() -> None:
    """1,001 of what IAM lists: policies of a role, attached and inline, and identities of an account."""
    with aws(managed=False) as iam:
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        for number in range(1001):
            iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=trust)
            iam.put_role_policy(RoleName="r0", PolicyName=f"i{number}", PolicyDocument=json.dumps(INLINE))
            iam.attach_role_policy(RoleName="r0", PolicyArn=customer_policy(iam, f"arn:aws:iam::123456789012:policy/p{number}"))
        state = IamReader().read(Identity.of(Kind.ROLE, "r0", "123456789012"), Wanted(frozenset({Facet.INLINE, Facet.ATTACHED})))
        assert isinstance(state, State)
        assert (len(state.inline or {}), len(state.attached or ())) == (1001, 1001)
        assert len(details()["RoleDetailList"]) == 1001
