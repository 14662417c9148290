"""The installation's identity and its Ed25519 signing key, encrypted at rest with the master key."""

from datetime import datetime
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from tenants.secrets.models import Installation, SigningKey


def box() -> MultiFernet:
    """Return what encrypts secrets at rest: the first master key encrypts, all decrypt."""
    if not settings.PROOFLINE_MASTER_KEYS:
        raise ImproperlyConfigured(
            "PROOFLINE_MASTER_KEY is not set. Set it to a Fernet key, and keep a copy."
        )
    return MultiFernet([Fernet(key) for key in settings.PROOFLINE_MASTER_KEYS])


def installation_host() -> str:
    """Return the host named in every checkpoint's origin: that of the first start, never changed after."""
    host = urlsplit(settings.PROOFLINE_BASE_URL).hostname or "localhost"
    return Installation.objects.get_or_create(id=1, defaults={"host": host})[0].host


def current_key() -> Ed25519PrivateKey:
    """Return the key that signs now, made at first need."""
    row = SigningKey.objects.filter(valid_until=None).first() or _make(timezone.now())
    return _private(row)


def keys() -> list[SigningKey]:
    """Return every signing key that the installation ever had, oldest first."""
    return list(SigningKey.objects.order_by("pk"))


def private_keys() -> list[Ed25519PrivateKey]:
    """Return the private halves of all keys, oldest first: an old one vouches for the one after it."""
    return [_private(row) for row in keys()]


def public_half(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of a key's public half."""
    return key.public_key().public_bytes_raw()


@transaction.atomic
def rotate_key(*, at: datetime) -> SigningKey:
    """End the present signing key and make the one that signs from now on.

    Each client's ledger announces it with its next leaf or head (`evidence.ledger.services`), vouched for by the
    old key; whoever trusted the old one can follow.
    """
    current_key()  # a new installation has one to begin with
    row = SigningKey.objects.select_for_update().get(valid_until=None)
    row.valid_until = at
    row.save(update_fields=["valid_until"])
    return _make(at)


def _private(row: SigningKey) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(box().decrypt(bytes(row.private_encrypted)))


def _make(at: datetime) -> SigningKey:
    key = Ed25519PrivateKey.generate()
    with transaction.atomic():
        row, _ = SigningKey.objects.get_or_create(
            valid_until=None,
            defaults={
                "public": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
                "private_encrypted": box().encrypt(key.private_bytes_raw()),
                "valid_from": at,
            },
        )
    return row
