"""Signing keys as the ledger and each bundle list them: public key, validity, and the chain between them.

A key begins with a leaf of kind `key`. The first has no voucher; each later one carries a signature of the
key before it, so that whoever trusts one key can follow to the next.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.ledger.leaf import rfc3339
from evidence.ledger.note import key_hint


@dataclass(frozen=True, slots=True)
class ListedKey:
    """One signing key: valid from `begins` until `ends` (None: still), announced by leaf `leaf`.

    `signed_by` is the 8 hex digits of the hint of the key before, `signature` its signature over
    `rotation_message`; both None for an installation's first key.
    """

    name: str
    public_key: bytes
    begins: datetime
    ends: datetime | None
    leaf: int
    signed_by: str | None = None
    signature: bytes | None = None

    @property
    def hint(self) -> str:
        """The key hint, as 8 hex digits."""
        return key_hint(self.name, self.public_key).hex()

    @property
    def sha256(self) -> str:
        """What the key's leaf has as `sha256`: that of the 32 bytes of the public key."""
        return sha256(self.public_key).hexdigest()

    def leaf_meta(self) -> dict[str, Any]:
        """What the key's leaf has as `meta`; the leaf's `ref` is the hint."""
        return {
            "name": self.name,
            "public_key": base64.b64encode(self.public_key).decode(),
            "from": rfc3339(self.begins),
            "signed_by": self.signed_by,
            "signature": None if self.signature is None else base64.b64encode(self.signature).decode(),
        }

    def to_json(self) -> dict[str, Any]:
        """The key's entry in `ledger/keys.json`."""
        return {
            **self.leaf_meta(),
            "hint": self.hint,
            "until": None if self.ends is None else rfc3339(self.ends),
            "leaf": self.leaf,
        }


def rotation_message(name: str, public_key: bytes, begins: datetime) -> bytes:
    """What the key before signs for the key after: `proofline/key/1`, name, base64 key, time, one a line."""
    encoded = base64.b64encode(public_key).decode()
    return f"proofline/key/1\n{name}\n{encoded}\n{rfc3339(begins)}\n".encode()


def vouch(old: Ed25519PrivateKey, *, name: str, public_key: bytes, begins: datetime) -> bytes:
    """The old key's signature for the new one."""
    return old.sign(rotation_message(name, public_key, begins))


def keys_json(keys: Sequence[ListedKey]) -> dict[str, Any]:
    """The content of `ledger/keys.json`, oldest key first."""
    return {"v": 1, "keys": [key.to_json() for key in keys]}
