"""11: eight writers at once over one table, and somebody who seals meanwhile: every record under the tree once, and in no place twice."""

from concurrent.futures import ThreadPoolExecutor

import boto3

from ringfence.clouds.aws.archive import S3Archive
from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.decoders import RECORD
from ringfence.clouds.local_key import signed
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.seal import seal
from ringfence.engine.trail.verify import verify
from tests.strict.aws import strict_aws
from tests.support.aws import make_table
from tests.support.scale import cases
from tests.support.trails import START, Signer, entry

WRITERS = 8


def test_11_eight_writers_lose_and_double_nothing() -> None:
    each = cases(250)
    with strict_aws():
        boto3.client("s3").create_bucket(Bucket="sealed", ObjectLockEnabledForBucket=True)
        make_table("t")
        store, archive, signer = DynamoStore("t"), S3Archive("sealed"), Signer()

        def write(writer: int) -> None:
            for number in range(each):
                store.note(entry(writer * each + number))

        with ThreadPoolExecutor(WRITERS + 1) as pool:
            writing = [pool.submit(write, writer) for writer in range(WRITERS)]
            while not all(one.done() for one in writing):
                seal(store, archive, signer)
            for one in writing:
                one.result()
        seal(store, archive, signer)
        trail = archived(archive)
        ids = [RECORD.decode(line).id for line in trail.sealed()]
        assert sorted(ids) == [entry(number).id for number in range(WRITERS * each)]
        verdict = verify(trail, signed, START)
        assert (verdict.verified, verdict.records) == (True, WRITERS * each)
        assert store.size() == WRITERS * each
        assert archive.touched() == ()
