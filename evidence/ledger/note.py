"""Signed notes and checkpoints, exactly as C2SP `signed-note` and `tlog-checkpoint` have them.

A checkpoint is the ledger's head, signed, in a form that existing witnesses and note verifiers read:

    ledger.example.org/proofline/5f0c6f0e-2b1d-4c7a-9a55-0d6c1e0f7a01
    1204
    <base64 of the 32-byte root>
    2027-01-01T00:00:00.000000Z

    — ledger.example.org/proofline/5f0c… <base64 of 4-byte key hint and 64-byte Ed25519 signature>

The fourth line is an extension line holding the time. The key name is the origin line.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from evidence.ledger.leaf import parse_rfc3339, rfc3339
from evidence.ledger.tree import HASH_BYTES

ED25519: Final = b"\x01"
SIGNATURE_LINE: Final = "\N{EM DASH} "
_MOST_SIGNATURES: Final = 100
_SIZE: Final = re.compile(r"(0|[1-9][0-9]{0,18})\Z")


class NoteError(ValueError):
    """A note that is malformed, or that the asked key did not sign. The message says which."""


def key_name(host: str, client: uuid.UUID) -> str:
    """The origin line and key name of one client's ledger at one installation."""
    return checked_name(f"{host}/proofline/{client}")


def checked_name(name: str) -> str:
    """The name, if C2SP allows it as a key name: not empty, no space of any kind, no plus sign."""
    if not name or "+" in name or any(each.isspace() or ord(each) < 0x20 for each in name):
        raise NoteError(f"A key name is not empty and holds no space and no plus sign: {name!r}.")
    return name


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes_raw()


def key_hint(name: str, public_key: bytes) -> bytes:
    """The first 4 bytes of `SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)`."""
    return sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


def verifier_line(name: str, public_key: bytes) -> str:
    """The key as note verifiers take it: `name+hint+base64(0x01 ‖ public key)`."""
    hint = key_hint(name, public_key).hex()
    return f"{checked_name(name)}+{hint}+{base64.b64encode(ED25519 + public_key).decode()}"


def signature_line(message: bytes, name: str, key: Ed25519PrivateKey) -> str:
    """`— name base64(hint ‖ signature)` and a newline, over exactly these bytes."""
    hint = key_hint(checked_name(name), public_bytes(key.public_key()))
    return f"{SIGNATURE_LINE}{name} {base64.b64encode(hint + key.sign(message)).decode()}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says so, which of their keys, and the bytes."""

    name: str
    hint: bytes
    signature: bytes


def parse_signature_line(line: str) -> Signature:
    """Read a line without its newline. Raises `NoteError` for anything but the one spelling it can have."""
    if not line.startswith(SIGNATURE_LINE):
        raise NoteError("A signature line begins with an em dash and a space.")
    name, separator, encoded = line[len(SIGNATURE_LINE) :].partition(" ")
    checked_name(name)
    try:
        packed = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"The signature of {name} is not base64.") from error
    if not separator or len(packed) < 5 or base64.b64encode(packed).decode() != encoded:
        raise NoteError(f"The signature of {name} is not base64 of a key hint and a signature.")
    return Signature(name, packed[:4], packed[4:])


def signature_holds(message: bytes, signature: Signature, name: str, public_key: bytes) -> bool:
    """Whether this signature over these bytes is by this key under this name."""
    if signature.name != name or signature.hint != key_hint(name, public_key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature.signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note: its text, an empty line, one signature line. The text ends with a newline."""
    return _checked_text(text) + "\n" + signature_line(text.encode(), name, key)


def _checked_text(text: str) -> str:
    if not text.endswith("\n"):
        raise NoteError("A note's text ends with a newline.")
    if any(ord(each) < 0x20 and each != "\n" for each in text):
        raise NoteError("A note's text holds no control character but the newline.")
    return text


def split_note(note: str) -> tuple[str, list[Signature]]:
    """The signed text and the signature lines. Raises `NoteError` if it is not a signed note."""
    at = note.rfind("\n\n")
    if at < 0 or not note.endswith("\n"):
        raise NoteError(
            "A signed note is a text, an empty line, and signature lines, each ending in a newline."
        )
    text, lines = note[: at + 1], note[at + 2 :].split("\n")[:-1]
    if not lines or len(lines) > _MOST_SIGNATURES:
        raise NoteError(f"A signed note has 1 to {_MOST_SIGNATURES} signatures, not {len(lines)}.")
    return _checked_text(text), [parse_signature_line(line) for line in lines]


def open_note(note: str, keys: Mapping[str, Sequence[bytes]]) -> tuple[str, list[Signature]]:
    """The text, and those of its signatures that hold.

    `keys` maps a name to its public keys. Signatures by unknown keys are passed over, as C2SP says; one by a
    known key that does not hold refuses the note, and so does a note that no known key signed.
    """
    text, signatures = split_note(note)
    held: list[Signature] = []
    for signature in signatures:
        for public_key in keys.get(signature.name, ()):
            if key_hint(signature.name, public_key) != signature.hint:
                continue
            if not signature_holds(text.encode(), signature, signature.name, public_key):
                raise NoteError(f"The signature of {signature.name} does not hold.")
            held.append(signature)
    if not held:
        raise NoteError("No known key signed this note.")
    return text, held


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a log that a checkpoint signs: origin, size, 32-byte root, and when."""

    origin: str
    size: int
    root: bytes
    time: datetime

    def text(self) -> str:
        """The checkpoint's text, without signatures."""
        if self.size < 0 or len(self.root) != HASH_BYTES:
            raise NoteError(f"A head has a size from 0 and a root of {HASH_BYTES} bytes.")
        root = base64.b64encode(self.root).decode()
        return f"{checked_name(self.origin)}\n{self.size}\n{root}\n{rfc3339(self.time)}\n"

    def sign(self, key: Ed25519PrivateKey) -> str:
        """The checkpoint: this text signed under its origin as the key name."""
        return sign_note(self.text(), self.origin, key)


def parse_head(text: str) -> Head:
    """The head of a checkpoint's text (`split_note` takes the signatures off). Raises `NoteError`."""
    lines = text.split("\n")
    if len(lines) != 5 or lines[4] or not _SIZE.match(lines[1]):
        raise NoteError("A checkpoint has four lines: origin, size, root, time.")
    try:
        root = base64.b64decode(lines[2], validate=True)
        time = parse_rfc3339(lines[3])
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"A checkpoint's root is base64 and its fourth line a time: {error}.") from error
    head = Head(lines[0], int(lines[1]), root, time)
    if head.text() != text:
        raise NoteError("The checkpoint's text is not in its one canonical spelling.")
    return head
