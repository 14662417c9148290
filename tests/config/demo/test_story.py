"""What the simulated files hold, found by reading their bytes again."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from config.demo.months import story_months
from config.demo.story import expected
from config.demo.write import write_client
from tests.config.demo.judge import judged, without_factor
from tests.config.demo.reading import END, Record, Written, instant

ROOT = Path(__file__).parents[3]


def test_harbor_holds_1204_privileged_sign_ins_of_which_3_lacked_a_factor(harbor: Written) -> None:
    assert judged(harbor) == {"pass": 1194, "fail": 3, "unknown": 7}


def test_the_expected_figures_are_those_of_the_bytes(written: Written) -> None:
    said, found = expected(written.slug, end=END), judged(written)
    assert (said.passed, said.failed, said.unknown) == (found["pass"], found["fail"], found["unknown"])
    assert said.population == sum(found.values())
    assert said.records == len(written.of_the_year())
    assert said.records + said.records_now == len(written.records)
    assert said.damaged == len(written.without_time)


@pytest.mark.parametrize(
    "end", [date(2026, 12, 1), date(2027, 1, 2), date(2028, 2, 29), date(2028, 3, 31), date(2027, 7, 4)]
)
def test_the_figures_hold_for_any_end_date(end: date) -> None:
    said = expected("harbor", end=end)
    assert (said.population, said.passed, said.failed, said.unknown) == (1204, 1194, 3, 7)
    assert said.deployments[6] == 40
    assert sum(said.deployments.values()) == 412
    assert said.by_month[2][1] == 1
    assert said.late > 0
    troubled = expected("larkfield", end=end)
    assert troubled.failed > 0
    assert troubled.unknown > 0
    assert troubled.damaged >= 50


def test_the_volume_is_that_of_a_company_and_still_lean() -> None:
    harbor, larkfield = expected("harbor", end=END), expected("larkfield", end=END)
    assert 25_000 <= harbor.records + harbor.records_now <= 40_000
    assert 10_000 <= larkfield.records + larkfield.records_now <= 15_000


def test_every_day_of_harbor_is_heard_and_four_days_of_larkfield_are_not(
    harbor: Written, larkfield: Written
) -> None:
    for written in (harbor, larkfield):
        months = story_months(END)
        heard = {written.local_day(record) for record in written.records.values()}
        heard |= {at.astimezone(written.zone).date() for at in (*written.details, *written.reports)}
        day, missing = months[0].first, []
        while day < END:
            if day not in heard:
                missing.append(day)
            day += timedelta(days=1)
        assert tuple(missing) == expected(written.slug, end=END).silent
        assert len(missing) == (4 if written.slug == "larkfield" else 0)


def test_every_sign_in_has_a_listing_of_the_same_day_before_it(written: Written) -> None:
    last = datetime(END.year, END.month, END.day, 0, 5, tzinfo=UTC)
    assert max(written.details) == max(written.reports) == last
    for record in written.named("ConsoleLogin", "AssumeRoleWithSAML", "SwitchRole", "UserAuthentication"):
        listed = instant(record).replace(hour=0, minute=5, second=0)
        assert listed in written.details
        assert listed in written.reports


def test_nobody_signs_in_around_a_change_of_their_own_rights(written: Written) -> None:
    changes: dict[str, list[datetime]] = {}
    for record in written.named("CreateUser", "DeleteUser", "AttachUserPolicy", "AddUserToGroup"):
        changes.setdefault(record["requestParameters"]["userName"], []).append(instant(record))
    assert changes
    for record in written.named("ConsoleLogin"):
        for change in changes.get(record["userIdentity"].get("userName", ""), ()):
            assert abs(instant(record) - change) > timedelta(hours=30)


def test_harbor_has_one_vendor_account_without_a_factor_from_m5_on(harbor: Written) -> None:
    months = story_months(END)
    assert without_factor(harbor, months[3].last) == []
    for day in (months[4].last, months[11].last, END - timedelta(days=1)):
        assert without_factor(harbor, day) == ["bluepeak-support"]


def test_larkfield_has_two_accounts_without_a_factor_at_its_type_i_date_and_now(larkfield: Written) -> None:
    for day in (story_months(END)[5].last, END - timedelta(days=1)):
        assert without_factor(larkfield, day) == ["marco.bianchi", "praxisnet-support"]


def test_expected_names_the_accounts_without_a_factor(written: Written) -> None:
    said = expected(written.slug, end=END).accounts_without_factor
    for month in story_months(END):
        assert list(said[month.number]) == without_factor(written, month.last)


def test_a_damaged_file_is_mended_by_the_next_with_the_same_records(larkfield: Written) -> None:
    assert len(larkfield.without_time) >= 50
    for damaged in larkfield.without_time:
        mended = dict(larkfield.records[damaged["eventID"]])
        del mended["eventTime"]
        assert mended == damaged


def test_sign_ins_of_two_days_of_m9_arrive_in_m10(harbor: Written) -> None:
    months = story_months(END)
    before: list[date] = []
    late: list[list[Record]] = []
    for path in harbor.paths:
        days = {harbor.local_day(record) for record in harbor.by_path[path]}
        if days and max(days) <= months[8].last and before and max(before) > months[9].day(7):
            late.append(harbor.by_path[path])
        before.extend(days)
    assert len(late) == 1
    assert len({harbor.local_day(record) for record in late[0]}) == 2
    assert {record["eventSource"] for record in late[0]} == {"signin.amazonaws.com"}
    assert len(late[0]) == expected("harbor", end=END).late


def test_files_come_in_order_of_delivery(larkfield: Written) -> None:
    ends = [max(map(instant, timed)) for timed in map(_timed, larkfield.by_path.values()) if timed]
    slack = timedelta(days=7)  # a week's second region may have been quiet towards its end
    assert all(later > earlier - slack for earlier, later in pairwise(ends))


def _timed(records: list[Record]) -> list[Record]:
    return [record for record in records if "eventTime" in record]


def test_a_log_file_lies_under_the_key_that_its_records_give(written: Written) -> None:
    keys = [path for path in written.paths if "AWSLogs" in path.parts]
    assert keys
    for path in keys:
        account, kind, region, minute, _ = path.name.split("_")
        assert kind == "CloudTrail"
        assert path.parts[-7:-1] == (account, kind, region, minute[:4], minute[4:6], minute[6:8])
        for record in written.by_path[path]:
            assert (record["recipientAccountId"], record["awsRegion"]) == (account, region)


def test_larkfield_sends_in_three_wrappings(larkfield: Written) -> None:
    tops = Counter(path.relative_to(larkfield.paths[0].parents[3]).parts[0] for path in larkfield.paths)
    assert set(tops) == {"AWSLogs", "cloudtrail-stream", "lookup", "iam"}


def test_no_two_records_share_an_id_but_those_of_the_mended_file(written: Written) -> None:
    seen = Counter(record["eventID"] for records in written.by_path.values() for record in records)
    again = {one for one, count in seen.items() if count > 1}
    assert {record["eventID"] for record in written.without_time} <= again
    assert bool(again) == bool(written.without_time)


def test_addresses_are_those_reserved_for_documentation(written: Written) -> None:
    reserved = ("203.0.113.", "198.51.100.", "192.0.2.")
    for record in written.records.values():
        ip = record["sourceIPAddress"]
        assert ip.startswith(reserved) or ip.endswith(".amazonaws.com")


def test_nothing_is_later_than_the_start_of_the_end_day(written: Written) -> None:
    stop = datetime(END.year, END.month, END.day, tzinfo=UTC)
    assert max(map(instant, written.records.values())) < stop


def test_chapters_are_in_the_months_the_story_names(harbor: Written, larkfield: Written) -> None:
    def months_of(written: Written, name: str) -> set[int]:
        days = {written.local_day(record) for record in written.named(name)}
        return {m.number for m in story_months(END) for day in days if m.first <= day <= m.last}

    for written in (harbor, larkfield):
        assert months_of(written, "DeleteBucketPublicAccessBlock") == {11}
        assert months_of(written, "PutBucketPublicAccessBlock") == {12}
    assert months_of(harbor, "ModifyDBInstance") == {10}
    assert months_of(larkfield, "DisableEbsEncryptionByDefault") == {12}
    failed = [record for record in harbor.named("CreateDBSnapshot") if "errorCode" in record]
    assert len(failed) == 4


PROGRAM = """
import hashlib, pathlib, sys
from datetime import date
from config.demo.write import write_client
h = hashlib.sha256()
for slug in ("harbor", "larkfield"):
    root = pathlib.Path(sys.argv[1]) / slug
    for path in write_client(slug, root, end=date.fromisoformat(sys.argv[2])):
        h.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
print(h.hexdigest())
"""


def written_hash(folder: Path, hash_seed: str, zone: str) -> str:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), END.isoformat()],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": zone, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_the_same_seed_and_date_give_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    one = written_hash(tmp_path / "one", "1", "Pacific/Auckland")
    assert one == written_hash(tmp_path / "other", "4242", "America/St_Johns")


def test_another_seed_gives_another_story_with_the_same_figures() -> None:
    one, other = expected("harbor", end=END), expected("harbor", end=END, seed=7)
    assert one != other
    assert (one.passed, one.failed, one.unknown) == (other.passed, other.failed, other.unknown)


def test_the_past_does_not_change_when_a_day_passes(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    files = [
        {path.relative_to(folder): path.read_bytes() for path in write_client("larkfield", folder, end=end)}
        for folder, end in ((before, END), (after, END + timedelta(days=1)))
    ]
    this_week = [name for name, body in files[0].items() if files[1].get(name) != body]
    assert len(this_week) <= 3


def test_an_unknown_client_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_client("nobody", tmp_path, end=END)
