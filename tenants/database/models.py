"""What a release of the client schemas is made of."""

from django.db import models


class SpareSchema(models.Model):
    """A schema made ahead, empty of a client: taken by renaming it. Of use only while `release` is the head."""

    schema_name = models.CharField(max_length=63, primary_key=True)
    release = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.schema_name


class SchemaTemplate(models.Model):
    """One release of the client schemas: the DDL of a new one, and the steps for those that exist.

    `ddl` is SQL without any schema name, for a path whose first schema is the new, empty one. `steps` has one
    entry per migration of the client apps, in their order: `{"app", "name", "sql"}`, with null for `sql`
    where the migration is more than SQL. `public_release` is what `public` was migrated to when this was the
    release of the code.
    """

    release = models.CharField(max_length=32, primary_key=True)
    public_release = models.CharField(max_length=32, default="")
    ddl = models.TextField()
    steps = models.JSONField()
    made_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.release
