"""One recognizable word of a client in every text that its schema can hold, found by introspection.

`plant` puts a row into every table of the client, with the word in every column that holds text (or bytes, JSON,
arrays of text), and takes real CloudTrail records with the word in them through the ordinary intake, so that events,
occurrences, exceptions and the raw objects carry it too. A column that is added later is planted without a change here.
"""

import datetime
import io
import json
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import connection, models, transaction
from django.utils import timezone

from evidence.intake.ingest import ingest
from evidence.intake.models import Delivery
from evidence.intake.sources import connect
from evidence.ledger.models import Checkpoint, LedgerEntry
from evidence.ledger.services import Recorded, append, checkpoint
from reports.packages.models import Package
from tenants.apitokens.services import create
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.members.models import Role, User
from tenants.notifications.kinds import kinds
from tenants.notifications.models import Notification
from tenants.notifications.services import choose_mail, notify

EXAMPLES = Path(settings.BASE_DIR) / "evidence" / "sources" / "aws" / "examples"
_TEXTS = (models.CharField, models.TextField)


def word_of(client: Client) -> str:
    """The client's word: letters and digits only, so that no encoding of an answer can hide it."""
    return f"cnry{uuid.uuid5(uuid.NAMESPACE_OID, client.slug).hex[:4]}"


def plant(client: Client) -> dict[type[models.Model], models.Model]:
    """Plant the client's word everywhere; return one planted row per model. Fails for what it cannot plant."""
    word = word_of(client)
    planted: dict[type[models.Model], models.Model] = {}
    with at_client(client):
        _ingest(word)
        # Rows of the ledger prove each other: a made-up one would be damage, so they are made as they always are.
        with transaction.atomic():
            append([Recorded(kind="decision", ref=word, sha256="0" * 64, meta={"words": word})], at=_NOW)
        checkpoint(at=_NOW)
        planted[LedgerEntry] = LedgerEntry.objects.latest("seq")
        planted[Checkpoint] = Checkpoint.objects.latest("size")
        for model in client_models():
            if model not in planted:
                _row(model, word, planted)
        _store_package(client, planted[Package], word)
    return planted


def plant_for(client: Client, people: Iterable[User], *, owner: User) -> list[models.Model]:
    """Plant the client's word in what `public` keeps of it for people: tell each of everything, give `owner` a token.

    Each wants mail at once. Returns the owner's rows.
    """
    word, at = word_of(client), timezone.now()
    for person in (owner, *people):
        choose_mail(person, mail="at_once", digest_hour=7, zone="UTC", at=at)
        for kind in kinds():
            notify(
                [person],
                kind=kind.key,
                subject=f"About {word}",
                body=word,
                url=f"{word}/",
                client=client,
                at=at,
                dedup=word,
            )
    token = create(owner, client=client, name=word, role=Role.CLIENT_ADMIN, at=at).token
    return [*Notification.objects.filter(user=owner, client=client), token]


def client_models() -> list[type[models.Model]]:
    """Every model whose table lies in a client's schema and whose rows Django writes."""
    labels = {label.split(".")[-1] for label in settings.TENANT_APPS}
    return [model for model in apps.get_models() if model._meta.app_label in labels and model._meta.managed]


def text_columns(schema: str) -> set[tuple[str, str]]:
    """(table, column) of every column of a schema that can hold a text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
            " join pg_namespace n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid"
            " where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition"
            " and a.attnum > 0 and not a.attisdropped"
            " and t.typname in ('text', 'varchar', 'bpchar', '_text', '_varchar', 'jsonb', 'json', 'bytea')",
            [schema],
        )
        return set(cursor.fetchall())


def holding(schema: str, word: str) -> set[tuple[str, str]]:
    """(table, column) of every column of a schema in which some row holds the word."""
    found = set()
    for table, column in text_columns(schema):
        with connection.cursor() as cursor:
            cursor.execute(
                f'select exists (select 1 from "{schema}"."{table}"'
                f" where position(convert_to(%s, 'UTF8') in"
                f' case when pg_typeof("{column}")::text = \'bytea\' then "{column}"::text::bytea'
                f" else convert_to(\"{column}\"::text, 'UTF8') end) > 0)",
                [word],
            )
            if cursor.fetchone()[0]:
                found.add((table, column))
    return found


def unplanted(schema: str, word: str) -> set[tuple[str, str]]:
    """Columns that hold the word nowhere though they could: a gap in the probe."""
    fields = {
        (model._meta.db_table, field.column): field
        for model in apps.get_models()
        for field in model._meta.concrete_fields
    }
    missing = set()
    for table, column in text_columns(schema) - holding(schema, word):
        field = fields.get((table, column))
        base = getattr(field, "target_field", getattr(field, "base_field", field))
        code = bool(getattr(base, "choices", None)) or (
            base is not None and (base.max_length or 99) < len(word)
        )
        if not code and f"{table}.{column}" not in NEVER_WORDS:
            missing.add((table, column))
    return missing


# Columns that only ever hold what the code itself writes.
NEVER_WORDS = {
    "django_migrations.app": "names of apps",
    "django_migrations.name": "names of migrations",
    "evidence_checkpoint.note": "a signed head: origin, size, hash",
    "evidence_checkpoint.root": "a hash",
    "evidence_checkpoint.frontier": "hashes",
    "evidence_ledgerentry.kind": "the kinds of leaves",
    "evidence_ledgerentry.leaf_hash": "a hash",
    "evidence_event.uid": "an id or a hash",
    "evidence_event.digest": "a hash",
}


def _ingest(word: str) -> None:
    """Sign-ins, key changes and a listing of accounts, with the word in names, addresses and user agents."""
    at = timezone.now()
    source = connect("aws", at=at)
    for name in ("console_sign_ins.ndjson", "iam_authorization_details.json", "iam_changes.ndjson"):
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        records = (
            [json.loads(line) for line in text.splitlines()]
            if name.endswith("ndjson")
            else [json.loads(text)]
        )
        if name == "iam_changes.ndjson":
            records.append(records[0] | {"eventName": word, "eventID": str(uuid.uuid4())})
        body = "\n".join(json.dumps(_marked(record, word)) for record in records).encode()
        delivery, counts = ingest(
            source, io.BytesIO(body), name=f"{word}-{name}", way=Delivery.Way.INGEST, at=at
        )
        assert delivery.state == Delivery.State.DONE, (name, delivery.reason, counts)
    broken = f'{{"eventVersion": "1.08", "eventName": "{word}"}}\n["{word}"]\n'.encode()
    ingest(source, io.BytesIO(broken), name=f"{word}-broken.ndjson", way=Delivery.Way.INGEST, at=at)


def _store_package(client: Client, package: models.Model, word: str) -> None:
    """Give the planted package its zip, so that what is sent out carries the word too."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        bundle.writestr(f"{word}/package.json", json.dumps({f"does_not_prove/gap/{word}": {"text": word}}))
        bundle.writestr(f"{word}/package.pdf", f"%PDF-1.7 {word}")
    packed.seek(0)
    name = default_storage.save(f"{client.pk}/packages/{word}.zip", File(packed))
    results = {word: {"population": 1, "fail": 0, "unknown": 1, "result": word}}
    Package.objects.filter(pk=package.pk).update(
        state=Package.State.BUILT, name=word, object_name=name, controls=results
    )


_NAMES = ("userName", "UserName", "RoleName", "userAgent", "errorMessage", "groupName", "policyName")


def _marked(value: Any, word: str) -> Any:
    if isinstance(value, dict):
        marked = {key: _marked(each, word) for key, each in value.items()}
        for key in _NAMES:
            if isinstance(marked.get(key), str):
                marked[key] = f"{marked[key]}-{word}"
        return marked
    if isinstance(value, list):
        return [_marked(each, word) for each in value]
    return value


def _row(
    model: type[models.Model], word: str, planted: dict[type[models.Model], models.Model]
) -> models.Model:
    """Write one row of a model, its relations first."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            values[field.name] = _related(field, word, planted)
        elif isinstance(field, models.AutoField):
            continue
        else:
            values[field.name] = _value(field, word)
    row = model(**values)
    with transaction.atomic(), connection.cursor() as cursor:
        # What a sound row must satisfy besides is tested elsewhere; here only texts matter.
        cursor.execute("set local session_replication_role = replica")
        try:
            row.save(force_insert=True)
        except Exception as error:
            raise AssertionError(
                f"The probe cannot plant a row of {model._meta.label}: {error}. Teach tests/probes/canaries.py."
            ) from error
    planted[model] = row
    return row


def _related(field: Any, word: str, planted: dict[type[models.Model], models.Model]) -> models.Model | None:
    target = field.related_model
    if field.null or target is field.model:
        return None
    existing = target.objects.order_by("pk").last()
    return planted.get(target) or existing or _row(target, word, planted)


_NOW = datetime.datetime(2026, 11, 2, 9, 30, tzinfo=datetime.UTC)


_PLAIN: tuple[tuple[type[models.Field], Any], ...] = (
    (models.UUIDField, uuid.uuid4),
    (models.DateTimeField, lambda: _NOW),
    (models.DateField, _NOW.date),
    (models.GenericIPAddressField, lambda: "203.0.113.9"),
    (models.BooleanField, lambda: True),
    (models.IntegerField, lambda: 1),
    (models.FloatField, lambda: 1),
    (models.DecimalField, lambda: 1),
)


def _value(field: Any, word: str) -> Any:
    if isinstance(field, ArrayField):
        return [_value(field.base_field, word)]
    if isinstance(field, _TEXTS) and not field.choices:
        return word[: field.max_length] if field.max_length else word
    if isinstance(field, models.JSONField):
        return {word: word}
    if isinstance(field, models.BinaryField):
        return word.encode()[: field.max_length]
    if field.has_default():
        return field.get_default()
    if field.null:
        return None
    if field.choices:
        return field.choices[-1][0]
    for kind, value in _PLAIN:
        if isinstance(field, kind):
            return value()
    raise AssertionError(f"The probe does not know {type(field).__name__} of {field}. Teach canaries.py.")
