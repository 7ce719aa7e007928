"""ringfence trail: every part of it over a local trail, as somebody types it."""

import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from ringfence.clouds.local import LocalStore
from ringfence.domain.job import JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.records import closed, decision, record
from ringfence.engine.trail.period import Period
from ringfence.errors import UsageError
from tests.properties.test_reconcile import act
from tests.support.jobs import REVERSAL, job
from tests.support.outside_verifier import check
from tests.support.shell import Shell

BEGUN = datetime(2025, 11, 3, 9, tzinfo=UTC)


@pytest.fixture
def trail(shell: Shell) -> Shell:
    """A machine on which one job was done in November, and another one in December."""
    store = LocalStore(shell.folder / "home" / "ringfence.db")
    for number in range(2):
        made = job(REVERSAL)
        made = msgspec.structs.replace(
            made,
            id=f"{number:016x}",
            guardrail="aws-admin-policy-on-ai-identity",
            project=f"p{number}",
            created=BEGUN + timedelta(days=30 * number),
        )
        now = made.created
        call = {"service": "iam", "operation": "DetachRolePolicy", "parameters": {"RoleName": "role", "PolicyArn": "p1"}}
        records = [
            decision(made, now, {"policy_arn": "p1"}),
            record(made, RecordKind.INTENT, now + timedelta(seconds=1), "detach", step=0, data={"call": call}),
            record(
                made,
                RecordKind.OUTCOME,
                now + timedelta(seconds=2),
                "detached",
                step=0,
                data={"call": call, "changed": "true", "request_id": f"r{number}"},
            ),
            closed(msgspec.structs.replace(made, state=JobState.DONE), now + timedelta(seconds=3), "it holds"),
        ]
        store.open(made, records)
        store.sealed(0, ())
        if number == 0:
            shell("trail", "export", str(shell.folder / "first"))
    store.close()
    return shell


def test_an_export_verifies_with_nothing_but_itself_and_is_anchored_by_an_older_one(trail: Shell) -> None:
    out = trail.folder / "second"
    (said,) = trail("trail", "export", str(out), "--json")
    assert said == {"folder": str(out), "records": 8, "period": None}
    assert check(out, (trail.folder / "first" / "checkpoint").read_text()) == 8
    held = ("--checkpoint", str(trail.folder / "first" / "checkpoint"), "--key", str(trail.folder / "first" / "key"))
    then = ("--now", "2025-11-03T10:00:00Z")
    (verdict,) = trail("trail", "verify", str(out), *held, *then, "--require-anchor", "--json")
    assert verdict == {"verified": True, "records": 8, "anchored": True, "first_bad": None, "class": None, "reason": ""}
    (verdict,) = trail("trail", "verify", str(out), *held, "--json", code=0)
    assert verdict["anchored"] is False, "the anchor is older than two heartbeats by now"
    trail("trail", "verify", str(out), "--require-anchor", code=1)
    assert "NOT ANCHORED" in trail.out
    assert "warning: not anchored" in trail.err
    trail("trail", "export", str(out), code=2)
    assert "not empty" in trail.err


def test_what_somebody_changed_is_named(trail: Shell) -> None:
    out = trail.folder / "first"
    lines = (out / "records.jsonl").read_text().splitlines(keepends=True)
    (out / "records.jsonl").write_text("".join(lines[:1] + lines[2:]))
    (verdict,) = trail("trail", "verify", str(out), "--json", code=1)
    assert (verdict["verified"], verdict["class"], verdict["first_bad"]) == (False, "delete", 1)
    trail("trail", "verify", str(out), code=1)
    assert "NOT VERIFIED: delete (record 1)" in trail.out
    (trail.folder / "prose").write_text("no checkpoint at all")
    for wrong in (
        (str(trail.folder / "nowhere"),),
        (str(out), "--checkpoint", str(trail.folder / "nowhere")),
        (str(out), "--checkpoint", str(trail.folder / "prose")),
    ):
        trail("trail", "verify", *wrong, code=2)


def test_a_checkpoint_is_taken_out_of_the_message_that_it_came_in(trail: Shell) -> None:
    note = (trail.folder / "first" / "checkpoint").read_text()
    message = trail.write(
        "mail.txt",
        f"Hello,\r\n\r\n4 records are sealed. Keep this.\r\n\r\n{note}\r\nringfence trail verify\r\n".replace("\r\n", "\n").replace(
            "\n", "\r\n"
        ),
    )
    trail("trail", "export", str(trail.folder / "second"))
    (verdict,) = trail(
        "trail", "verify", str(trail.folder / "second"), "--checkpoint", str(message), "--now", "2025-11-03T10:00:00", "--json"
    )
    assert verdict["anchored"] is True


def test_a_living_archive_that_was_changed_is_a_verdict_and_no_crash(trail: Shell) -> None:
    trail("trail", "verify")
    archive = trail.folder / "home" / "trail"
    newest = max((archive / "checkpoints").iterdir())
    newest.write_bytes(b"x")
    (verdict,) = trail("trail", "verify", "--json", code=1)
    assert (verdict["verified"], verdict["class"]) == (False, "edit")
    (trail.folder / "first" / "records.jsonl").write_bytes(b"not json\n")
    (trail.folder / "first" / "checkpoint").write_bytes(b"x")
    trail("trail", "page", str(trail.folder / "first"), "--out", str(trail.folder / "x.html"))
    assert "Not verified: edit" in (trail.folder / "x.html").read_text()
    assert "a trail whose checkpoint cannot be read" in (trail.folder / "x.html").read_text()


def test_this_machine_notices_a_trail_that_went_back(trail: Shell) -> None:
    trail("trail", "verify")
    assert "verified: 8 records" in trail.out
    (verdict,) = trail("trail", "verify", str(trail.folder / "first"), "--json", code=1)
    assert (verdict["class"], verdict["first_bad"]) == ("replay", 4)
    assert "this machine has seen another state" in verdict["reason"]
    trail("trail", "verify", str(trail.folder / "first"), "--now", "2025-11-30", code=0)
    (verdict,) = trail("trail", "verify", str(trail.folder / "first"), "--json", code=1)
    assert verdict["class"] == "replay", "a look at the past forgets nothing"


def test_the_table_is_compared_with_what_was_sealed(trail: Shell) -> None:
    trail("trail", "verify")
    db = sqlite3.connect(trail.folder / "home" / "ringfence.db")
    db.execute("delete from record where number = 5")
    db.commit()
    db.close()
    (verdict,) = trail("trail", "verify", "--json", code=1)
    assert (verdict["class"], verdict["first_bad"]) == ("gap", 5)


def test_an_evidence_pack_ends_where_its_period_does(trail: Shell) -> None:
    out = trail.folder / "pack"
    (said,) = trail("trail", "export", str(out), "--period", "2025-11", "--format", "ocsf", "--format", "asff", "--json")
    assert said["records"] == 4
    assert check(out) == 4
    proofs = [json.loads(line) for line in (out / "proofs.jsonl").read_text().splitlines()]
    assert [(p["number"], p["size"]) for p in proofs] == [(n, 4) for n in range(4)]
    assert len((out / "asff.jsonl").read_text().splitlines()) == 1
    assert [json.loads(line)["class_uid"] for line in (out / "ocsf.jsonl").read_text().splitlines()] == [2003, 7001, 7001]
    controls = (out / "controls.html").read_text()
    assert "no\ncertification" in controls
    assert "NIST SP 800-53 r5 AC-6" in controls
    assert "4</b><span>records in the period" in controls
    assert "Verified, not anchored" in (out / "trail.html").read_text()
    (later,) = trail("trail", "export", str(trail.folder / "q4"), "--period", "2025-Q4", "--json")
    assert later["records"] == 8
    assert len((trail.folder / "q4" / "proofs.jsonl").read_text().splitlines()) == 8
    for wrong in ("2024", "2099", "0000", "9999-12", "2025-Q5", "soon"):
        trail("trail", "export", str(trail.folder / "wrong"), "--period", wrong, code=2)


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2026", (2026, 1), (2027, 1)),
        ("2026-Q1", (2026, 1), (2026, 4)),
        ("2026-Q4", (2026, 10), (2027, 1)),
        ("2026-02", (2026, 2), (2026, 3)),
        ("2026-12", (2026, 12), (2027, 1)),
    ],
)
def test_periods(text: str, first: tuple[int, int], end: tuple[int, int]) -> None:
    period = Period.of(text)
    assert (period.first, period.end) == (datetime(*first, 1, tzinfo=UTC), datetime(*end, 1, tzinfo=UTC))
    assert period.holds(period.first)
    assert not period.holds(period.end)
    with pytest.raises(UsageError, match="is no period"):
        Period.of(f"{text}-x")


@pytest.mark.parametrize(
    ("wanted", "jobs"),
    [
        ((), {0, 1}),
        (("--project", "p1"), {1}),
        (("--guardrail", "admin-policy"), {0, 1}),
        (("--guardrail", "no-such"), set()),
        (("--outcome", "done", "--until", "2025-11-20"), {0}),
        (("--since", "2025-11-20"), {1}),
        (("--identity", "FRAUD"), {0, 1}),
        (("--approver", "ana"), set()),
    ],
)
def test_the_list_is_narrowed_down(trail: Shell, wanted: tuple[str, ...], jobs: set[int]) -> None:
    found = trail("trail", "list", *wanted, "--json")
    assert {int(r["job"], 16) for r in found} == jobs
    assert len(found) == 4 * len(jobs)


def test_the_page_is_written_where_it_is_wanted(trail: Shell) -> None:
    (said,) = trail("trail", "page", "--json")
    assert (said["records"], said["verified"]) == (8, True)
    assert Path(said["page"]).read_text().startswith("<!doctype html>")
    shutil.rmtree(trail.folder / "first" / "segments")
    (trail.folder / "first" / "segments").mkdir()
    trail("trail", "page", str(trail.folder / "first"), "--out", str(trail.folder / "x.html"))
    assert "NOT VERIFIED (truncate)" in trail.out
    assert "Not verified: truncate" in (trail.folder / "x.html").read_text()
    trail("trail", "page", "--out", "/proc/nowhere/x.html", code=2)


def test_cloudtrail_and_trail_are_compared(trail: Shell) -> None:
    def made(number: int, request: str, job: str) -> dict[str, object]:
        event = act(1, "DetachRolePolicy", "role", time=BEGUN + timedelta(days=30 * number, seconds=1), request=request, job=job)
        return {**event, "requestParameters": {"roleName": "role", "policyArn": "p1"}}

    log = trail.folder / "cloudtrail.json"
    log.write_text(json.dumps({"Records": [made(0, "r0", f"{0:016x}"), made(1, "r1", f"{1:016x}")]}))
    (summary,) = trail("trail", "reconcile", str(log), "--json")
    assert summary == {"summary": {"paired": 2, "unrecorded": 0, "unmade": 0, "complete": True}}
    log.write_text(
        json.dumps(
            {
                "Records": [
                    made(0, "r0", f"{0:016x}"),
                    made(0, "stolen", ""),
                    {**made(1, "theirs", ""), "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/x"}},
                ]
            }
        )
    )
    stolen, missing, summary = trail("trail", "reconcile", str(log), "--json", code=1)
    assert (stolen["kind"], stolen["request_id"], missing["kind"], missing["request_id"]) == ("unrecorded", "stolen", "unmade", "r1")
    assert summary["summary"] == {"paired": 1, "unrecorded": 1, "unmade": 1, "complete": True}
    trail("trail", "reconcile", str(log), "--trail", str(trail.folder / "first"), code=1)
    assert "1 acts paired, 1 without a record, 0 not in CloudTrail" in trail.out
    log.write_text(json.dumps({"Records": [made(0, "r0", f"{0:016x}"), 7]}))
    (summary,) = trail("trail", "reconcile", str(log), "--json", code=1)
    assert summary["summary"]["complete"] is False, "a record that cannot be read may be anything"
    (trail.folder / "first" / "records.jsonl").write_text("")
    trail("trail", "reconcile", str(log), "--trail", str(trail.folder / "first"), code=1)
    assert "the trail does not verify" in trail.err
    trail("trail", "reconcile", code=2)
    assert "nothing to compare with" in trail.err


def test_an_empty_trail_says_so(shell: Shell) -> None:
    shell("trail", "export", str(shell.folder / "x"), code=2)
    assert "nothing is sealed yet" in shell.err
    shell("trail", "list")
    assert "nothing on the trail fits" in shell.out
