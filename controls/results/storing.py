"""Occurrence rows in and out of their table by the thousand: one statement, whatever their number."""

import json
from collections.abc import Iterable, Sequence

from django.db import connection

from controls.results.models import Occurrence

# What judging again may change.
JUDGED = (
    "time", "batch_id", "seq", "result", "reason", "note", "severity", "group", "depends", "occurrence_key",
    "rule_version",
)  # fmt: skip
# The same as fields of the model, with the time of the judgment.
UPDATED = ["batch" if name == "batch_id" else name for name in (*JUDGED, "judged_at")]
_TYPES = {
    "id": "int8", "rule": "varchar", "member_id": "varchar", "time": "timestamptz", "local_date": "date",
    "source_id": "int2", "batch_id": "int8", "seq": "int4", "uid": "bytea", "occurrence_key": "varchar",
    "action": "text", "actor_key": "text", "target_key": "text", "result": "varchar", "reason": "varchar",
    "note": "text", "severity": "varchar", "group": "text[]", "depends": "varchar[]", "rule_version": "varchar",
    "judged_at": "timestamptz", "late": "bool",
}  # fmt: skip
_COPY = "COPY controls_occurrence ({}) FROM STDIN (FORMAT BINARY)".format(
    ", ".join(f'"{name}"' for name in _TYPES)
)
_ASKED = (
    "SELECT o.* FROM jsonb_to_recordset(%s::jsonb) AS k (rule text, key text)"
    " JOIN controls_occurrence o ON o.rule = k.rule"
)


def insert(rows: Sequence[Occurrence]) -> None:
    """Store new rows; each has its primary key afterwards."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('controls_occurrence', 'id')) FROM generate_series(1, %s)",
            [len(rows)],
        )
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.id = key
        with cursor.copy(_COPY) as copy:
            copy.set_types(list(_TYPES.values()))
            for row in rows:
                known = row.__dict__
                copy.write_row([known[name] for name in _TYPES])
    for row in rows:
        row._state.adding = False


def by_member(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Occurrence]:
    """Return the rows there are of these `(rule, member_id)`."""
    wanted = _wanted(keys)
    if not wanted:
        return {}
    rows = Occurrence.objects.raw(f"{_ASKED} AND o.member_id = k.key", [wanted])
    return {(row.rule, row.member_id): row for row in rows}


def of_occurrences(keys: Iterable[tuple[str, str]]) -> list[Occurrence]:
    """Return the counted or attached rows of these `(rule, occurrence_key)`, those of one key in order of time."""
    wanted = _wanted(keys)
    if not wanted:
        return []
    return list(
        Occurrence.objects.raw(
            # The index has shared keys alone, which the second condition says.
            f"{_ASKED} AND o.occurrence_key = k.key AND o.occurrence_key <> '' WHERE o.result <> %s"
            " ORDER BY o.rule, o.occurrence_key, o.time, o.member_id",
            [wanted, Occurrence.Result.NONE],
        )
    )


def _wanted(keys: Iterable[tuple[str, str]]) -> str:
    """The keys as one text, which costs a tenth of arrays on its way into a statement; empty if there are none."""
    listed = [{"rule": rule, "key": key} for rule, key in sorted(set(keys))]
    return json.dumps(listed) if listed else ""
