"""A leaf without its predecessor is refused as a hole, and the log cannot be emptied at once."""

import django.db.models.expressions
from django.db import migrations, models

NEVER_EMPTIED = """
CREATE FUNCTION evidence_ledger_never_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger rows are only ever added (TRUNCATE)';
END
$$;
CREATE TRIGGER evidence_ledger_never_emptied BEFORE TRUNCATE ON evidence_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_ledger_never_emptied();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('evidence', '0003_listing_instant'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='ledgerentry',
            name='ledger_without_holes',
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('previous__isnull', True), ('seq', 0)), models.Q(('previous', django.db.models.expressions.CombinedExpression(models.F('seq'), '-', models.Value(1))), ('previous__isnull', False)), _connector='OR'), name='ledger_without_holes'),
        ),
        migrations.RunSQL(
            NEVER_EMPTIED,
            "DROP TRIGGER evidence_ledger_never_emptied ON evidence_ledgerentry;"
            "DROP FUNCTION evidence_ledger_never_emptied()",
        ),
    ]
