"""The event table in SQL: partitioned by month of event time, partitions made on demand.

The ledger's rows are only ever added: a trigger refuses an update or a delete, whoever asks.
"""

from django.db import migrations

EVENT = """
CREATE TABLE evidence_event (
    time timestamptz NOT NULL,
    uid bytea NOT NULL,
    digest bytea NOT NULL,
    batch_id bigint NOT NULL,
    seq integer NOT NULL,
    class_uid integer NOT NULL,
    source_id smallint NOT NULL,
    activity_id smallint NOT NULL,
    status_id smallint NOT NULL,
    severity_id smallint NOT NULL,
    src_ip inet,
    actor_key text NOT NULL,
    action text NOT NULL,
    target_key text NOT NULL,
    PRIMARY KEY (time, uid)
) PARTITION BY RANGE (time);
CREATE INDEX event_time_brin ON evidence_event USING brin (time);
"""

APPEND_ONLY = """
CREATE FUNCTION evidence_ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger rows are only ever added (% of leaf %)', TG_OP, OLD.seq;
END
$$;
CREATE TRIGGER evidence_ledger_append_only BEFORE UPDATE OR DELETE ON evidence_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION evidence_ledger_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_initial")]

    operations = [
        migrations.RunSQL(EVENT, "DROP TABLE evidence_event"),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER evidence_ledger_append_only ON evidence_ledgerentry;"
            "DROP FUNCTION evidence_ledger_append_only()",
        ),
    ]
