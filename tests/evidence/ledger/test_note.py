"""Signed notes and checkpoints, against the published example of a signed note and each way to be wrong."""

import base64
import uuid
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.ledger.keys import ListedKey, keys_json, rotation_message, vouch
from evidence.ledger.note import (
    Head,
    NoteError,
    Signature,
    checked_name,
    key_hint,
    key_name,
    open_note,
    parse_head,
    parse_signature_line,
    public_bytes,
    sign_note,
    signature_holds,
    split_note,
    verifier_line,
)

# The example of golang.org/x/mod/sumdb/note, whose format C2SP signed-note is.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNX"
    "gKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "ledger.example.org/proofline/5f0c6f0e-2b1d-4c7a-9a55-0d6c1e0f7a01"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_bytes(KEY.public_key())
HEAD = Head(ORIGIN, 12, bytes(range(32)), datetime(2027, 1, 1, tzinfo=UTC))


def test_the_published_note_holds():
    name, hint, encoded = PETER.split("+", 2)
    public = base64.b64decode(encoded)[1:]
    assert key_hint(name, public).hex() == hint
    assert verifier_line(name, public) == PETER
    text, held = open_note(PETER_NOTE, {name: [public]})
    assert text.endswith("problem is.\n")
    assert [each.name for each in held] == [name]


def test_the_published_note_with_one_letter_changed_does_not():
    name, _, encoded = PETER.split("+", 2)
    with pytest.raises(NoteError, match="does not hold"):
        open_note(PETER_NOTE.replace("If", "Is"), {name: [base64.b64decode(encoded)[1:]]})


def test_a_checkpoint_is_four_lines_an_empty_one_and_a_signature():
    note = HEAD.sign(KEY)
    lines = note.split("\n")
    assert lines[0] == ORIGIN
    assert lines[1] == "12"
    assert base64.b64decode(lines[2]) == bytes(range(32))
    assert lines[3:5] == ["2027-01-01T00:00:00.000000Z", ""]
    assert lines[5].startswith(f"\N{EM DASH} {ORIGIN} ")
    assert lines[6:] == [""]
    packed = base64.b64decode(lines[5].rsplit(" ", 1)[1])
    assert packed[:4] == sha256(ORIGIN.encode() + b"\n\x01" + PUBLIC).digest()[:4]
    KEY.public_key().verify(packed[4:], "\n".join(lines[:4]).encode() + b"\n")


def test_a_checkpoint_reads_back():
    text, held = open_note(HEAD.sign(KEY), {ORIGIN: [PUBLIC]})
    assert parse_head(text) == HEAD
    assert len(held) == 1


def test_a_witness_may_sign_too():
    other = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    note = HEAD.sign(KEY) + sign_note(HEAD.text(), "witness.example", other).split("\n\n")[1]
    _, held = open_note(note, {ORIGIN: [PUBLIC]})
    assert [each.name for each in held] == [ORIGIN]
    _, held = open_note(note, {ORIGIN: [PUBLIC], "witness.example": [public_bytes(other.public_key())]})
    assert [each.name for each in held] == [ORIGIN, "witness.example"]


def test_a_note_nobody_known_signed_is_refused():
    with pytest.raises(NoteError, match="No known key"):
        open_note(HEAD.sign(KEY), {"someone.else": [PUBLIC]})
    with pytest.raises(NoteError, match="No known key"):
        open_note(HEAD.sign(KEY), {ORIGIN: [public_bytes(Ed25519PrivateKey.generate().public_key())]})


@pytest.mark.parametrize(
    "note",
    [
        "",
        "no signature\n",
        "text\n\n",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n\N{EM DASH} name\n",
        "text\n\n\N{EM DASH} na+me AAAAAAA=\n",
        "text\n\n\N{EM DASH} name AAAAAAB=\n",
        "text\n\n\N{EM DASH} name AAAA\n",
        "text\n\n\N{EM DASH} name AAAAAAA=",
        "te\txt\n\n\N{EM DASH} name AAAAAAA=\n",
    ],
)
def test_what_is_no_signed_note_is_refused(note):
    with pytest.raises(NoteError):
        split_note(note)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\n", "\u2003"])
def test_names_that_c2sp_does_not_allow(name):
    with pytest.raises(NoteError):
        checked_name(name)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n12\n", "\n012\n"),
        ("\n12\n", "\n-1\n"),
        ("\n12\n", "\n+12\n"),
        ("000000Z\n", "000000Z\nmore\n"),
        ("000000Z\n", "00Z\n"),
        ("AAEC", "AAE"),
        ("Hh8=", "Hh9="),
    ],
)
def test_a_checkpoint_with_another_spelling_is_refused(old, new):
    text = HEAD.text()
    assert old in text
    with pytest.raises(NoteError):
        parse_head(text.replace(old, new))


def test_a_signature_is_by_this_key_under_this_name_over_these_bytes():
    line = sign_note("text\n", "name", KEY).split("\n")[2]
    signature = parse_signature_line(line)
    assert signature_holds(b"text\n", signature, "name", PUBLIC)
    assert not signature_holds(b"text", signature, "name", PUBLIC)
    assert not signature_holds(b"text\n", signature, "other", PUBLIC)
    assert not signature_holds(b"text\n", Signature("name", signature.hint, b"\0" * 64), "name", PUBLIC)
    assert not signature_holds(b"text\n", Signature("name", signature.hint, b"short"), "name", PUBLIC)


def test_the_key_name_is_host_and_client():
    assert key_name("ledger.example.org", uuid.UUID("5f0c6f0e-2b1d-4c7a-9a55-0d6c1e0f7a01")) == ORIGIN


def test_a_rotation_is_signed_by_the_key_before():
    old, new = KEY, Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    begins = datetime(2027, 2, 1, tzinfo=UTC)
    public = public_bytes(new.public_key())
    first = ListedKey(ORIGIN, PUBLIC, datetime(2026, 1, 1, tzinfo=UTC), begins, 0)
    second = ListedKey(
        ORIGIN,
        public,
        begins,
        None,
        40,
        first.hint,
        vouch(old, name=ORIGIN, public_key=public, begins=begins),
    )
    old.public_key().verify(second.signature, rotation_message(ORIGIN, public, begins))
    listed = keys_json([first, second])["keys"]
    assert listed[0]["signed_by"] is None
    assert listed[0]["until"] == listed[1]["from"] == "2027-02-01T00:00:00.000000Z"
    assert listed[1]["signed_by"] == listed[0]["hint"]
    assert listed[1]["leaf"] == 40
