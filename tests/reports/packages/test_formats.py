"""The worked ledger of docs/formats/bundle.md, computed again from the page."""

import base64
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "formats" / "bundle.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """The content of the page's code block of that name, with its last newline."""
    (found,) = re.findall(rf"^```{name}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return found


@pytest.fixture
def leaves(verify):
    return [verify.parse_canonical(line.encode(), "leaves") for line in block("leaves").splitlines()]


def test_the_records_give_the_root_of_their_leaf(verify, leaves):
    records = [line.encode() for line in block("records").splitlines()]
    hashes = [verify.leaf_hash(record) for record in records]
    root = verify.node_hash(verify.node_hash(hashes[0], hashes[1]), hashes[2])
    assert leaves[2]["leaf"]["sha256"] == root.hex()
    assert leaves[2]["leaf"]["meta"]["records"] == len(records)
    assert leaves[1]["leaf"]["sha256"] == sha256(block("records").encode()).hexdigest()


def test_the_leaves_give_the_root_of_the_checkpoint(verify, leaves):
    (point,) = verify.parse_checkpoints(block("checkpoint").encode(), "page")
    for entry in leaves:
        content = verify.canonical(entry["leaf"])
        path = [bytes.fromhex(each) for each in entry["path"]]
        assert (
            verify.root_from_inclusion(entry["leaf"]["seq"], 3, verify.leaf_hash(content), path) == point.root
        )
    assert (point.size, point.origin) == (3, f"ledger.example.org/proofline/{leaves[0]['leaf']['client']}")


def test_the_signatures_hold_under_the_listed_key(verify, leaves):
    (key,) = verify.parse_canonical(block("keys").strip().encode(), "keys")["keys"]
    public = base64.b64decode(key["public_key"])
    name, hint, encoded = block("verifier").strip().split("+", 2)
    assert (name, hint, base64.b64decode(encoded)) == (key["name"], key["hint"], b"\x01" + public)
    assert leaves[0]["leaf"]["sha256"] == sha256(public).hexdigest()
    (point,) = verify.parse_checkpoints(block("checkpoint").encode(), "page")
    ((_, found, signature),) = point.signatures
    assert found == verify.key_hint(name, public) == bytes.fromhex(hint)
    assert verify.ed25519_verify(public, point.text.encode(), signature)
    _, _, signature = verify.parse_signature(block("signature").rstrip("\n"), "page")
    assert verify.ed25519_verify(public, b'{"v":1}\n', signature)


def test_the_earlier_head_leads_to_this_one(verify, leaves):
    content = verify.parse_canonical(block("consistency").strip().encode(), "consistency")
    (proof,) = content["proofs"]
    assert bytes.fromhex(proof["root"]) == verify.leaf_hash(verify.canonical(leaves[0]["leaf"]))
    path = [bytes.fromhex(each) for each in proof["path"]]
    assert verify.consistency_holds(1, bytes.fromhex(proof["root"]), 3, bytes.fromhex(content["root"]), path)


def test_the_event_leads_to_its_leaf(verify, leaves):
    event = verify.parse_canonical(block("event").strip().encode(), "event")
    raw = base64.b64decode(event["raw"])
    assert raw.decode() == block("records").splitlines()[0]
    assert sha256(raw).hexdigest() == event["raw_sha256"]
    path = [bytes.fromhex(each) for each in event["path"]]
    root = verify.root_from_inclusion(event["seq"], event["records"], verify.leaf_hash(raw), path)
    assert root.hex() == leaves[event["leaf"]]["leaf"]["sha256"]
    assert event["batch_sha256"] == leaves[event["leaf"]]["leaf"]["meta"]["batch"]


def test_the_page_names_every_key_of_a_real_bundle(verify, draft_files):
    """Every key of every JSON file, and every kind of figure, stands on the page."""
    names = set(verify.SHEET_KEYS) | set(json.loads(draft_files["manifest.json"]))
    names |= set(json.loads(draft_files["assertion.json"])) | set(
        json.loads(draft_files["ledger/consistency.json"])
    )
    names |= set(json.loads(draft_files["ledger/keys.json"])["keys"][0])
    event = next(path for path in draft_files if path.startswith("evidence/") and "_e_" in path)
    names |= set(json.loads(draft_files[event]))
    assert {name for name in names if not re.search(rf"\b{name}\b", PAGE)} == set()
    assert all(code in PAGE for code in verify.CODES)
