"""A key that is the event's own id tells of no other record: such keys are left empty, and out of the index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("controls", "0002_occurrence_key_index")]

    operations = [
        migrations.RunSQL(
            "UPDATE controls_occurrence SET occurrence_key = '' WHERE occurrence_key = encode(uid, 'hex')",
            "UPDATE controls_occurrence SET occurrence_key = encode(uid, 'hex') WHERE occurrence_key = ''",
        ),
        migrations.RemoveIndex(model_name="occurrence", name="occurrence_by_key"),
        migrations.AddIndex(
            model_name="occurrence",
            index=models.Index(
                condition=models.Q(("occurrence_key", ""), _negated=True),
                fields=["occurrence_key"],
                name="occurrence_by_shared_key",
            ),
        ),
    ]
