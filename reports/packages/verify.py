#!/usr/bin/env python3
"""Verify a Proofline bundle: a folder or a zip, with nothing but Python 3.9 or later.

    python3 -I verify.py [PATH] [--checkpoint FILE] [--previous FILE] [--json]

PATH is a bundle's folder or its .zip; without it, the bundle in this folder (or the one that this file lies
in). --checkpoint compares with a checkpoint that was obtained elsewhere, --previous with the manifest (or the
bundle) of the version before. Exit code 0: everything holds. 1: something differs, and each difference is one
line `CODE path[:row] message: expected ..., found ...` (rows count from 1 after the header). 2: it cannot run.

It does not only compare hashes. It counts members again, draws samples again, recomputes coverage, rates,
result words and the list of what the package does not prove (checks V01 to V25, described one by one in
docs/formats/bundle.md of the project). It imports nothing of the project and uses no network.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 9):  # noqa: UP036 (this file runs on machines that we do not choose)
    sys.stderr.write("verify.py needs Python 3.9 or later.\n")
    sys.exit(2)

import argparse
import base64
import binascii
import datetime
import hashlib
import heapq
import json
import math
import os
import re
import struct
import zipfile
import zlib
from collections import Counter

VERSION = 1
CHUNK = 1 << 18
WHOLE_LIMIT = 1 << 28  # no file that must be read whole comes near this
LINE_LIMIT = 1 << 24
SHOWN = 40  # differences printed per check; all are counted
NOTHING = "nothing to check"

CODES = [f"V{number:02d}" for number in range(1, 26)]
MANIFEST, SIGNATURE = "manifest.json", "ledger/manifest.sig"
REQUIRED = (
    "README.txt", "package.pdf", "package.json", "controls.csv", "criteria.csv", "tests.csv", "duties.csv",
    "exceptions.csv", "responses.csv", "coverage.csv", "control_coverage.csv", "samples/index.csv",
    "evidence/index.csv", "ledger/leaves.jsonl", "ledger/checkpoints.txt", "ledger/consistency.json",
    "ledger/keys.json", "verify.py"
)  # fmt: skip
REQUIRED_WHEN_ISSUED = ("index.html", "verify.html", "assertion.json", "oscal/")

COLUMNS = {
    "controls.csv": "control,version,from,until,statement,criteria,owner,frequency,nature,key,design_reviewed,"
    "in_operation_from,status",
    "criteria.csv": "criterion,title,in_scope,reason,approver,controls",
    "tests.csv": "control,version,procedure,pid,lane,method,members,sample,pass,fail,unknown,pass_rate,"
    "deviation_rate,days,covered,proven_zero,gap,unknown_days,items,items_failed,result,text",
    "duties.csv": "duty,control,title,due,grace_end,done_at,state,outcome,by,evidence",
    "exceptions.csv": "id,origin,control,criteria,severity,occurred_first,detected,members,due,fixed_at,in_time,"
    "retest,closed_at,state,accepted_until,accepted_by,pid,response_id",
    "responses.csv": "response_id,exception,agreement,cause,effect,done,to_do,owner,due,compensating,writer,"
    "approver,at",
    "coverage.csv": "source,local_date,state,events,records,duplicates,rejected,liveness,hours_lost,refilled_at,"
    "batches",
    "control_coverage.csv": "control,local_date,state,blocking_sources",
    "samples/index.csv": "draw,pid,version,population_sha256,ledger,method,stratum_by,seed_kind,seed_text,seed,"
    "size,by,at",
    "evidence/index.csv": "path,sha256,bytes,kind,title,control,criteria,inclusion_from,inclusion_to,collected_at,"
    "by,reviewed_by,members,leaf_seq",
    "differences.csv": "where,id,field,was,is,because",
}
MEMBERS = "n,member_id,occurred_at,local_date,kind,system,subject,object,source,batch_sha256,seq"
RESULTS = "member_id,result,reason,rule,rule_version,judged_at,exception,in_time,evidence"
DRAWN = "draw,order,rank,member_id,n,stratum,replaces,reason"
STRATUM_COLUMN = {"month": 3, "kind": 4, "system": 5, "source": 8}
FREQUENCIES = (("A", 1), ("HY", 2), ("Q", 4), ("M", 12), ("W", 52), ("D", 366))
REPLACEMENTS = ("out_of_scope", "duplicate", "unobtainable")
STATES = ("covered", "proven_zero", "gap", "unknown", "not_in_scope")
EXCEPTION_STATES = (
    "open", "triaged", "ticketed", "fixed", "retested", "closed", "accepted", "false_positive", "merged"
)  # fmt: skip
BY_HAND = ("suppression", "vendor_days", "config_late")
KINDS = (
    "gap", "unknown_days", "days_out_of_scope", "unknown_members", "not_tested", "rule_off", "rejected",
    "refilled", "late", "not_frozen", "representation", "tie_out", "waived", "accepted", "suppression",
    "vendor_days", "criterion_out", "config_late"
)  # fmt: skip

HEX64 = re.compile(r"[0-9a-f]{64}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
MEMBER_ID = re.compile(r"(e:[0-9a-f]{32}|[dx]:\S+|i:\S+/\d{4}-\d\d-\d\d|p:\S+)\Z")
SAMPLE = re.compile(r"samples/(?!index\.csv\Z)")
INTEGER = re.compile(r"(0|[1-9][0-9]{0,17})\Z")
UNUSUAL = re.compile(r"[\"\r\t]|(?:^|,)[=+@ -]| (?:,|\Z)")
BREAKS = str.maketrans({"\r": "\u2423", "\n": "\u2423", "\t": "\u2423"})


class Damaged(Exception):
    """Something is there and cannot be what it should be."""

    def __init__(self, where, message, expected="", found=""):
        super().__init__(message)
        self.where, self.message, self.expected, self.found = where, message, expected, found


class NothingToCheck(Exception):
    """The bundle's type or status has no such files. Said, never passed over."""


class CannotRun(Exception):
    """There is no bundle to look at."""


# Ed25519 (RFC 8032), verification only.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _point_add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _point_double(p):
    a = p[0] * p[0] % P
    b = p[1] * p[1] % P
    c = 2 * p[2] * p[2] % P
    h = a + b
    e = h - (p[0] + p[1]) * (p[0] + p[1]) % P
    g = a - b
    f = c + g
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _point_decode(encoded):
    y = int.from_bytes(encoded, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def _point_encode(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = _point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def _double_multiply(s, p, t, q):
    """s·p + t·q, both scalars walked together (Straus)."""
    both = _point_add(p, q)
    total = (0, 1, 1, 0)
    for at in range(max(s.bit_length(), t.bit_length()) - 1, -1, -1):
        total = _point_double(total)
        pick = (s >> at & 1) | (t >> at & 1) << 1
        if pick:
            total = _point_add(total, (None, p, q, both)[pick])
    return total


def ed25519_verify(public_key, message, signature):
    """Whether a 64-byte signature over a message is by the holder of a 32-byte public key."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    point = _point_decode(public_key)
    s = int.from_bytes(signature[32:], "little")
    if point is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % L
    negative = (P - point[0], point[1], 1, P - point[3])
    return _point_encode(_double_multiply(s, BASE, h, negative)) == signature[:32]


# Canonical JSON (RFC 8785).

ESCAPED = re.compile(r'[\x00-\x1f"\\]')
SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _json_text(value):
    return '"' + ESCAPED.sub(lambda m: SHORT.get(m.group()) or f"\\u{ord(m.group()):04x}", value) + '"'


def _json_number(value):
    if not math.isfinite(value):
        raise ValueError("JSON has no such number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 1 else '-'}{abs(point - 1)}"


def _json_write(value, parts):
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, str):
        parts.append(_json_text(value))
    elif isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise ValueError("an integer beyond 2^53-1")
        parts.append(str(value))
    elif isinstance(value, float):
        parts.append(_json_number(value))
    elif isinstance(value, dict):
        parts.append("{")
        for at, key in enumerate(sorted(value, key=lambda k: k.encode("utf-16-be", "surrogatepass"))):
            parts.append("," if at else "")
            parts.append(_json_text(key) + ":")
            _json_write(value[key], parts)
        parts.append("}")
    else:
        parts.append("[")
        for at, each in enumerate(value):
            parts.append("," if at else "")
            _json_write(each, parts)
        parts.append("]")


def canonical(value):
    """The RFC 8785 bytes of a value that came from JSON."""
    parts = []
    _json_write(value, parts)
    return "".join(parts).encode("utf-8")


def parse_canonical(content, where):
    """The value of canonical JSON bytes (without a newline), or Damaged."""
    try:
        value = json.loads(content.decode("utf-8"))
        same = canonical(value) == content
    except (ValueError, RecursionError) as error:
        raise Damaged(where, "is not JSON", "canonical JSON", str(error)) from None
    if not same:
        raise Damaged(where, "is not canonical", "the bytes of RFC 8785", "another spelling")
    return value


# Merkle tree (RFC 6962).


def leaf_hash(leaf):
    """The hash of one leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    """The hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_from_inclusion(index, size, hash_of_leaf, path):
    """The root that an audit path gives, or None if no tree has such a path."""
    if not 0 <= index < size:
        return None
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + bin(index >> inner).count("1"):
        return None
    node = hash_of_leaf
    for level, sibling in enumerate(path):
        left = level >= inner or index >> level & 1
        node = node_hash(sibling, node) if left else node_hash(node, sibling)
    return node


def consistency_holds(old_size, old_root, new_size, new_root, proof):
    """Whether the log of the new root begins with that of the old (RFC 9162 2.1.4.2)."""
    if not 0 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == hashlib.sha256(b"").digest()
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = hashes[0]
    for each in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(each, fr), node_hash(each, sr)
            while fn and not fn & 1:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, each)
        fn >>= 1
        sn >>= 1
    return sn == 0 and fr == old_root and sr == new_root


class Roots:
    """Roots of a log at each of some sizes, from all its leaf hashes in order, without keeping them."""

    def __init__(self, sizes):
        self.sizes, self.found, self.count, self.edge = set(sizes), {}, 0, []
        self._note()

    def add(self, hash_of_leaf):
        node, size = hash_of_leaf, self.count
        while size & 1:
            node = node_hash(self.edge.pop(), node)
            size >>= 1
        self.edge.append(node)
        self.count += 1
        self._note()

    def _note(self):
        if self.count in self.sizes:
            root = self.edge[-1] if self.edge else hashlib.sha256(b"").digest()
            for each in reversed(self.edge[:-1]):
                root = node_hash(each, root)
            self.found[self.count] = root


# Signed notes (C2SP signed-note, tlog-checkpoint).


def unbase64(text, where, what):
    """The bytes of the one base64 spelling that they have, or Damaged."""
    try:
        packed = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise Damaged(where, what + " is not base64", "base64", repr(text[:80])) from None
    if base64.b64encode(packed).decode() != text:
        raise Damaged(where, what + " has a second spelling", base64.b64encode(packed).decode(), text)
    return packed


def key_hint(name, public_key):
    """The first 4 bytes of SHA-256(name, newline, 1, public key)."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public_key).digest()[:4]


def parse_signature(line, where):
    """(name, hint, signature) of a signature line without its newline, or Damaged."""
    if not line.startswith("\u2014 ") or line.count(" ") != 2:
        raise Damaged(where, "is no signature line", "\u2014 name base64", repr(line[:80]))
    _, name, encoded = line.split(" ")
    packed = unbase64(encoded, where, "signature")
    if len(packed) < 5 or not name or "+" in name:
        raise Damaged(where, "is no signature line", "a key hint and a signature", repr(line[:80]))
    return name, packed[:4], packed[4:]


class Checkpoint:
    """One signed head."""

    def __init__(self, text, signatures, where):
        self.text, self.signatures, self.where = text, signatures, where
        lines = text.split("\n")
        if len(lines) != 5 or lines[4] or not INTEGER.match(lines[1]) or not TIME.match(lines[3]):
            raise Damaged(where, "is no checkpoint", "origin, size, root, time", repr(text[:120]))
        self.origin, self.size, self.time = lines[0], int(lines[1]), lines[3]
        self.root = unbase64(lines[2], where, "root")
        if len(self.root) != 32:
            raise Damaged(where, "root has another length", "32 bytes", f"{len(self.root)} bytes")


def parse_checkpoints(content, where):
    """All notes of a file, with an empty line between two; Damaged for anything else."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(where, "is not UTF-8", "UTF-8", str(error)) from None
    if not text.endswith("\n") or text.endswith("\n\n"):
        raise Damaged(where, "does not end with one newline", "signature line, newline", repr(text[-20:]))
    blocks = text[:-1].split("\n\n")
    if len(blocks) % 2:
        raise Damaged(where, "is not notes with an empty line between", "text, empty line, signatures", "")
    notes = []
    for at in range(0, len(blocks), 2):
        place = f"{where}:{at // 2 + 1}"
        signatures = [parse_signature(line, place) for line in blocks[at + 1].split("\n")]
        notes.append(Checkpoint(blocks[at] + "\n", signatures, place))
    return notes


# Canonical CSV.


def csv_field(value):
    """The canonical spelling of one field."""
    value = value.translate(BREAKS)
    if value and value[0] in "=+-@":
        value = "'" + value
    if "," in value or '"' in value or (value and (value[0] == " " or value[-1] == " ")):
        value = '"' + value.replace('"', '""') + '"'
    return value


def spelled(fields, line):
    """The canonical spelling of a line: itself, if nothing in it could need another."""
    return ",".join(map(csv_field, fields)) if UNUSUAL.search(line) else line


def csv_fields(line):
    """The fields of one line; ValueError if its quoting is broken."""
    if '"' not in line:
        return line.split(",")
    fields, at, end = [], 0, len(line)
    while True:
        if at < end and line[at] == '"':
            parts, at = [], at + 1
            while True:
                close = line.find('"', at)
                if close < 0:
                    raise ValueError("a quoted field does not end")
                parts.append(line[at:close])
                at = close + 1
                if at < end and line[at] == '"':
                    parts.append('"')
                    at += 1
                    continue
                break
            if at < end and line[at] != ",":
                raise ValueError("a quoted field goes on after its closing quote")
            fields.append("".join(parts))
        else:
            comma = line.find(",", at)
            stop = end if comma < 0 else comma
            fields.append(line[at:stop])
            at = stop
        if at >= end:
            return fields
        at += 1


# Folder and zip.


class Folder:
    """A bundle as a folder."""

    kind = "folder"

    def __init__(self, path):
        self.path = path
        self.odd = []
        self.names = set()
        for parent, folders, files in os.walk(path):
            for name in folders + files:
                full = os.path.join(parent, name)
                relative = os.path.relpath(full, path).replace(os.sep, "/")
                if os.path.islink(full) or (name in files and not os.path.isfile(full)):
                    self.odd.append(relative)
                elif name in files:
                    self.names.add(relative)

    def chunks(self, name):
        try:
            with open(os.path.join(self.path, *name.split("/")), "rb") as file:
                while True:
                    chunk = file.read(CHUNK)
                    if not chunk:
                        return
                    yield chunk
        except OSError as error:
            raise Damaged(name, "cannot be read", "a file", str(error)) from None


class Zip:
    """A bundle as a zip. Both of its lists of entries are read, so that one damaged list hides nothing."""

    kind = "zip"

    def __init__(self, path):
        self.path = path
        self.file = open(path, "rb")  # noqa: SIM115 (open while the bundle is looked at)
        self.length = os.path.getsize(path)
        self.odd = []
        self.complaints = []  # (where, what, expected, found) for V02
        central, self.central_error = self._central()
        local, self.local_error = self._local()
        best = central if central is not None and (local is None or len(central) >= len(local)) else local
        if central is not None and local is not None and central != local:
            best = self._better(central, local)
        self.entries = best or []
        self.deflated = None
        if not self.entries:
            self._repacked()
        tops = Counter(name.split(b"/")[0] for name, _, _, _ in self.entries)
        top = tops.most_common(1)[0][0] if tops else b""
        self.top = top.decode("utf-8", "replace")
        self.members = {}
        for name, crc, size, at in self.entries:
            shown = name.decode("utf-8", "replace")
            if name.startswith(top + b"/"):
                shown = shown[len(self.top) + 1 :]
            if shown in self.members or not shown or shown.endswith("/"):
                self.odd.append(shown or "(no name)")
            else:
                self.members[shown] = (name, crc, size, at)
        self.names = set(self.members)

    def _read(self, at, size):
        self.file.seek(at)
        return self.file.read(size)

    def _central(self):
        """Entries (name, crc, size, offset of the bytes) by the directory at the end, and what is wrong."""
        tail_at = max(0, self.length - 22 - 65535)
        tail = self._read(tail_at, self.length - tail_at)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < 22:
            return None, "no end record"
        fields = struct.unpack("<4sHHHHIIH", tail[at : at + 22])
        count, size, start = fields[4], fields[5], fields[6]
        if count == 0xFFFF or size == 0xFFFFFFFF or start == 0xFFFFFFFF:
            marks = tail[at - 20 : at - 16], tail[at - 76 : at - 72]
            if at >= 76 and marks == (b"PK\x06\x07", b"PK\x06\x06"):
                count, size, start = struct.unpack("<QQQ", tail[at - 44 : at - 20])
        if start + size > self.length:
            return None, "the directory lies outside the file"
        entries, place = [], start
        for _ in range(count):
            fixed = self._read(place, 46)
            if len(fixed) < 46 or fixed[:4] != b"PK\x01\x02":
                return None, "the directory breaks off"
            method, crc, packed, plain, names, extras, comment, offset = struct.unpack(
                "<10xH4xIIIHHH8xI", fixed[:46]
            )
            name = self._read(place + 46, names)
            extra = self._read(place + 46 + names, extras)
            values = [v for (v,) in struct.iter_unpack("<Q", extra[4 : 4 + (len(extra) - 4) // 8 * 8])]
            if plain == 0xFFFFFFFF and len(values) >= 2:
                plain = values.pop(0)
                packed = values.pop(0)
            if offset == 0xFFFFFFFF and values:
                offset = values.pop(0)
            place += 46 + names + extras + comment
            head = self._read(offset, 30)
            if method != 0 or packed != plain or len(head) < 30:
                return None, "entries are packed"
            data = offset + 30 + sum(struct.unpack("<HH", head[26:30]))
            if head[:4] != b"PK\x03\x04" or data + plain > self.length or not name:
                # The local header is damaged: take the place that a canonical one would give.
                data = offset + 30 + len(name) + (20 if plain >= 0xFFFFFFFF else 0)
            entries.append((name, crc, plain, data))
        return entries, ""

    def _local(self):
        """The same by walking from header to header."""
        entries, at = [], 0
        while True:
            head = self._read(at, 30)
            if head[:4] in (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06"):
                return entries, ""
            if len(head) < 30 or head[:4] != b"PK\x03\x04":
                return None, "the local headers break off"
            method, crc, packed, plain, names, extras = struct.unpack("<8xH4xIIIHH", head)
            name = self._read(at + 30, names)
            extra = self._read(at + 30 + names, extras)
            if plain == 0xFFFFFFFF and len(extra) >= 20:
                plain, packed = struct.unpack("<QQ", extra[4:20])
            data = at + 30 + names + extras
            if method != 0 or packed != plain or data + plain > self.length:
                return None, "the local headers break off"
            entries.append((name, crc, plain, data))
            at = data + plain

    def _better(self, central, local):
        """Of two lists that differ, the entry-wise better: the one whose bytes have the checksum."""
        if len(central) != len(local):
            return max(central, local, key=len)
        picked = []
        for one, other in zip(central, local):
            if one == other:
                picked.append(one)
            else:
                fits = [each for each in (one, other) if self._crc(each[3], each[2]) == each[1]]
                picked.append(fits[0] if fits else one)
        return picked

    def _crc(self, at, size):
        crc = 0
        while size > 0:
            chunk = self._read(at, min(size, CHUNK))
            if not chunk:
                return None
            crc = zlib.crc32(chunk, crc)
            at += len(chunk)
            size -= len(chunk)
        return crc

    def _repacked(self):
        """A zip that some other tool wrote: not canonical, but its contents can still be looked at."""
        try:
            self.deflated = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            if self._read(0, 2) != b"PK" and b"PK\x05\x06" not in self._read(
                max(0, self.length - 65557), 65557
            ):
                raise CannotRun(f"{self.path} is neither a bundle's folder nor a zip.") from None
            return
        for each in self.deflated.infolist():
            if not each.filename.endswith("/"):
                self.entries.append((each.filename.encode(), each.CRC, each.file_size, -1))

    def chunks(self, name):
        full, _, size, at = self.members[name]
        if at < 0:
            try:
                with self.deflated.open(full.decode()) as file:
                    while True:
                        chunk = file.read(CHUNK)
                        if not chunk:
                            return
                        yield chunk
            except (
                zipfile.BadZipFile,
                zlib.error,
                OSError,
                RuntimeError,
                NotImplementedError,
                EOFError,
            ) as error:
                raise Damaged(name, "cannot be unpacked", "its bytes", str(error)) from None
        while size > 0:
            chunk = self._read(at, min(size, CHUNK))
            if not chunk:
                raise Damaged(name, "ends early", f"{size} more bytes", "the end of the zip")
            yield chunk
            at += len(chunk)
            size -= len(chunk)

    def differences(self, listed):
        """Yield (path, expected, found) for every header that is not the one it must be.

        `listed` gives by path whether the content is the manifest's; then the checksum is that of the bytes,
        else (the content is named elsewhere) the one that stands there is accepted.
        """
        if self.deflated is not None:
            yield "", "entries stored as they are", "a zip that another tool packed"
            return
        for error in (self.central_error, self.local_error):
            if error:
                yield "", "a whole zip", error
        order = sorted(self.members, key=lambda path: path.encode())
        at, directory = 0, bytearray()
        for path in order:
            name, crc, size, data = self.members[path]
            if listed.get(path):
                crc = self._crc(data, size)
            proper = (self.top + "/" + path).encode()
            expected = zip_local(proper, crc, size)
            found = self._read(at, len(expected))
            if data != at + len(expected) or found != expected or name != proper:
                yield (path, f"local header {expected.hex()} at {at}", f"{found.hex()}, bytes at {data}")
            directory += zip_central(proper, crc, size, at)
            at += len(expected) + size
        for path, expected, found in self._directory_differences(order, bytes(directory), at):
            yield path, expected, found

    def _directory_differences(self, order, directory, start):
        place, offset = start, 0
        for path in order:
            size = 46 + int.from_bytes(directory[offset + 28 : offset + 30], "little")
            size += int.from_bytes(directory[offset + 30 : offset + 32], "little")
            expected = directory[offset : offset + size]
            found = self._read(place, size)
            if found != expected:
                yield path, "directory entry " + expected.hex(), found.hex()
            place += size
            offset += size
        expected = zip_end(len(order), len(directory), start)
        found = self._read(place, len(expected) + 1)
        if found != expected or place + len(expected) != self.length:
            yield ("", f"end record {expected.hex()} and no more", f"{found.hex()} of {self.length} bytes")


def zip_local(name, crc, size):
    """The canonical header before a file's bytes."""
    large = size >= 0xFFFFFFFF
    extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
    shown = 0xFFFFFFFF if large else size
    flags = 0 if name.isascii() else 0x800
    return (
        struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 45 if large else 20, flags, 0, 0, 0x21, crc or 0, shown, shown,
                    len(name), len(extra)) + name + extra
    )  # fmt: skip


def zip_central(name, crc, size, offset):
    """The canonical entry in the directory."""
    values = [size, size] if size >= 0xFFFFFFFF else []
    shown = 0xFFFFFFFF if values else size
    if offset >= 0xFFFFFFFF:
        values = [*values, offset]
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    version = 45 if values else 20
    flags = 0 if name.isascii() else 0x800
    return (
        struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 3 << 8 | version, version, flags, 0, 0, 0x21, crc or 0,
                    shown, shown, len(name), len(extra), 0, 0, 0, 0o100644 << 16, min(offset, 0xFFFFFFFF))
        + name + extra
    )  # fmt: skip


def zip_end(count, size, start):
    """The canonical end of a zip."""
    records = b""
    if count >= 0xFFFF or size >= 0xFFFFFFFF or start >= 0xFFFFFFFF:
        records = struct.pack(
            "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 3 << 8 | 45, 45, 0, 0, count, count, size, start
        )
        records += struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)
    return records + struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), min(size, 0xFFFFFFFF),
        min(start, 0xFFFFFFFF), 0
    )  # fmt: skip


# Shares, days, samples.


def share(numerator, denominator, smallest, up):
    """A share as printed, without a percent sign."""
    if denominator == 0:
        return "\u2013"
    if denominator < smallest:
        return f"{numerator} of {denominator}"
    tenths = -(-numerator * 1000 // denominator) if up else numerator * 1000 // denominator
    if tenths == 0 and numerator:
        return "< 0.1"
    if tenths == 1000 and numerator != denominator:
        return "> 99.9"
    return f"{tenths // 10}.{tenths % 10}"


def each_day(first, last):
    """Dates as text, from first to last."""
    day, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    while day <= end:
        yield day.isoformat()
        day += datetime.timedelta(days=1)


def combined(states):
    """A control's state from those of its sources."""
    for state in ("gap", "unknown", "covered", "proven_zero"):
        if state in states:
            return state
    return "not_in_scope"


def runs(states, state):
    """Stretches of consecutive days in one state, as (first, last)."""
    found = []
    for day in sorted(states):
        if states[day] == state:
            before = (datetime.date.fromisoformat(day) - datetime.timedelta(days=1)).isoformat()
            if found and found[-1][1] == before:
                found[-1] = (found[-1][0], day)
            else:
                found.append((day, day))
    return found


def seed_of(first, second, population):
    """The seed of a sample."""
    return hashlib.sha256((f"proofline/seed/1\n{first}\n{second}\n{population}\n").encode()).hexdigest()


def rank_of(seed, member):
    """A member's rank under a seed."""
    return hashlib.sha256((seed + "\n" + member + "\n").encode()).hexdigest()


def quotas(strata, size):
    """How many of a sample fall to each stratum."""
    total = sum(strata.values())
    size = min(size, total)
    names = sorted(strata, key=lambda name: name.encode())
    each = 1 if size >= len(names) else 0
    given = {name: each for name in names}  # noqa: C420
    share_of = rest = size - each * len(names)
    for name in names:
        extra = min(share_of * strata[name] // total, strata[name] - given[name]) if total else 0
        given[name] += extra
        rest -= extra
    order = sorted(names, key=lambda name: -(share_of * strata[name] % total) if total else 0)
    while rest > 0:
        for name in order:
            if rest > 0 and given[name] < strata[name]:
                given[name] += 1
                rest -= 1
    return given


class Lowest:
    """The lowest ranks of a stream, and how many members there were."""

    def __init__(self, limit):
        self.limit, self.count, self.heap = limit, 0, []

    def add(self, rank, member, n):
        self.count += 1
        if self.limit <= 0:
            return
        entry = (-int(rank, 16), Backwards(member.encode()), rank, member, n)
        if len(self.heap) < self.limit:
            heapq.heappush(self.heap, entry)
        elif entry > self.heap[0]:
            heapq.heapreplace(self.heap, entry)

    def ordered(self):
        return [(rank, member, n) for _, _, rank, member, n in sorted(self.heap, reverse=True)]


class Backwards(bytes):
    """Bytes that sort the other way round (the heap keeps its largest entries)."""

    __slots__ = ()

    def __lt__(self, other):
        return bytes.__gt__(self, other)

    def __gt__(self, other):
        return bytes.__lt__(self, other)


class Population:
    """What one pass over a population's files found."""

    def __init__(self, pid):
        self.pid = pid
        self.rows = 0
        self.sha256 = ""
        self.first = self.last = None
        self.counts = Counter()  # (result, reason, rule, rule_version, in_time, local_date) → members
        self.days = Counter()  # local_date → members
        self.items = {}  # item of a state test → [(local_date, failed)]
        self.known = {}  # ids that other files name → (row, batch, seq, result, exception, local_date)
        self.fails = []  # (row, member_id, exception, reason, in_time, local_date)
        self.reasons = Counter()
        self.results = Counter()
        self.evidence = {}  # sampled member → whether its result names evidence or a reason
        self.in_time = []  # (row, exception, in_time)
        self.result_ids = 0
        self.sampled = None
        self.broken = []  # (code, row, message, expected, found)


class Verifier:
    """All checks over one bundle. `run` gives the report."""

    def __init__(self, box, checkpoint=None, previous=None):
        self.box = box
        self.external = checkpoint
        self.previous = previous
        self.report = []  # (code, ok, where, message, expected, found)
        self.failures = Counter()
        self.manifest = None
        self.listed = {}
        self.good = {}
        self.cache = {}
        self.leaves = {}
        self.leaf_total = 0
        self.complete_roots = None
        self.checkpoints = []
        self.keys = []
        self.populations = {}
        self.code = ""
        self.reading = ""  # the file last asked for: where a check was when it could not go on

    # Reporting.

    def differs(self, where, message, expected="", found=""):
        self.failures[self.code] += 1
        if self.failures[self.code] <= SHOWN:
            self.report.append((self.code, False, where, message, str(expected), str(found)))

    def holds(self, what):
        if not self.failures[self.code]:
            self.report.append((self.code, True, "", "", what, what))

    def remark(self, where, what):
        self.report.append((self.code, True, where, "", NOTHING, what))

    def equal(self, where, message, expected, found):
        if expected != found:
            self.differs(where, message, expected, found)
            return False
        return True

    # Reading.

    def whole(self, path):
        self.reading = path
        if path not in self.box.names:
            raise Damaged(path, "file missing", "a file", "none")
        parts, size = [], 0
        for chunk in self.box.chunks(path):
            parts.append(chunk)
            size += len(chunk)
            if size > WHOLE_LIMIT:
                raise Damaged(path, "is too large to read", f"at most {WHOLE_LIMIT} bytes", "more")
        return b"".join(parts)

    def lines(self, path):
        """The lines of a file as text, each without its newline. Damaged if the last has none."""
        self.reading = path
        if path not in self.box.names:
            raise Damaged(path, "file missing", "a file", "none")
        rest, row = b"", 0
        for chunk in self.box.chunks(path):
            rest += chunk
            if b"\n" in chunk:
                whole = rest.split(b"\n")
                rest = whole.pop()
                for line in whole:
                    row += 1
                    yield self._text(path, row, line)
            if len(rest) > LINE_LIMIT:
                raise Damaged(path, "has a line too long to read", f"at most {LINE_LIMIT} bytes", "more")
        if rest or row == 0:
            raise Damaged(f"{path}:{row}", "does not end with a newline", "a newline", repr(rest[-20:]))

    @staticmethod
    def _text(path, row, line):
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Damaged(f"{path}:{row - 1}", "is not UTF-8", "UTF-8", str(error)) from None

    def rows(self, path, header):
        """Yield (row number from 1, fields) of a CSV whose header and canonical spelling are checked."""
        lines = self.lines(path)
        first = next(lines)
        if first != header:
            raise Damaged(path, "has other columns", header, first[:300])
        width = header.count(",") + 1
        for row, line in enumerate(lines, start=1):
            try:
                fields = csv_fields(line)
            except ValueError as error:
                raise Damaged(f"{path}:{row}", "has broken quoting", "canonical CSV", str(error)) from None
            if len(fields) != width:
                raise Damaged(f"{path}:{row}", "has another width", width, len(fields))
            yield row, fields, line

    def table(self, path):
        """All rows of a small table, as dicts with `_row`."""
        self.reading = path
        if path not in self.cache:
            names = COLUMNS[path].split(",")
            found = []
            for row, fields, line in self.rows(path, COLUMNS[path]):
                if spelled(fields, line) != line:
                    raise Damaged(f"{path}:{row}", "is not canonical CSV", spelled(fields, line), line)
                found.append(dict(zip(names, fields), _row=row))
            self.cache[path] = found
        return self.cache[path]

    def object(self, path):
        """A JSON file of the bundle: canonical, one newline at its end."""
        self.reading = path
        if path not in self.cache:
            content = self.whole(path)
            if not content.endswith(b"\n"):
                raise Damaged(path, "does not end with a newline", "a newline", repr(content[-10:]))
            value = parse_canonical(content[:-1], path)
            if not isinstance(value, dict):
                raise Damaged(path, "is no object", "an object", type(value).__name__)
            self.cache[path] = value
        return self.cache[path]

    def number(self, where, text, what):
        if not INTEGER.match(text):
            raise Damaged(where, what + " is no count", "digits", repr(text))
        return int(text)

    # Running.

    def run(self):
        """Run every check; a check that cannot be computed is a difference, never a silence."""
        self._begin()
        for code in CODES:
            self.code = code
            try:
                if self.manifest is None and code not in ("V01", "V02", "V03", "V05", "V06", "V07", "V08"):
                    self.differs(
                        MANIFEST, "cannot be checked without a manifest", "a readable manifest", "none"
                    )
                    continue
                getattr(self, "check_" + code)()
            except NothingToCheck as reason:
                self.remark("", str(reason))
            except Damaged as error:
                self.differs(error.where, error.message, error.expected, error.found)
            except Exception as error:
                self.differs(
                    self.reading,
                    "could not be computed",
                    "a bundle of the known form",
                    f"{type(error).__name__}: {error}",
                )
        return self.report

    def _begin(self):
        self.code = "V03"
        try:
            manifest = self.object(MANIFEST)
            self._shape(manifest)
            self.manifest = manifest
        except Damaged as error:
            self.manifest_error = error
            return
        self.listed = {entry["path"]: entry for entry in manifest["files"]}
        period = manifest.get("period") or {"from": manifest.get("as_of"), "to": manifest.get("as_of")}
        self.first, self.last = period["from"], period["to"]
        self.type_one = manifest["type"] == 1
        self.draft = manifest["status"] == "draft"
        self.now = manifest["issued_at"]
        try:
            self._days = list(each_day(self.first, self.last))
        except ValueError:
            self.manifest = None
            self.manifest_error = Damaged(MANIFEST, "has no period", "two dates", repr(period))

    @staticmethod
    def _shape(manifest):
        """Refuse a manifest without the keys that the checks rely on."""
        kinds = {
            "v": int, "bundle": str, "type": int, "version": int, "client": dict, "zone": str,
            "categories": list, "criteria": list, "status": str, "issued_at": str, "issued_by": str,
            "builder": dict, "ledger": dict, "figures": dict, "files": list
        }  # fmt: skip
        for key, kind in kinds.items():
            if not isinstance(manifest.get(key), kind):
                raise Damaged(
                    MANIFEST,
                    f"key {key} is missing or of another kind",
                    kind.__name__,
                    repr(manifest.get(key)),
                )
        dates = (
            [manifest.get("as_of")]
            if manifest["type"] == 1
            else list((manifest.get("period") or {}).values())
        )
        if not dates or not all(isinstance(each, str) and DATE.match(each) for each in dates):
            raise Damaged(MANIFEST, "has no date or period", "dates", repr(dates))
        if manifest["type"] != 1 and set(manifest["period"]) != {"from", "to"}:
            raise Damaged(MANIFEST, "has no period", "from, to", repr(manifest["period"]))
        for entry in manifest["files"]:
            if not isinstance(entry, dict) or not all(key in entry for key in ("path", "bytes", "sha256")):
                raise Damaged(
                    MANIFEST, "lists a file without path, bytes or sha256", "all three", repr(entry)[:100]
                )
        for key in ("uuid", "slug", "name"):
            if not isinstance(manifest["client"].get(key), str):
                raise Damaged(MANIFEST, "names no client", key, repr(manifest["client"])[:100])
        for key, kind in (("size", int), ("root", str)):
            if not isinstance(manifest["ledger"].get(key), kind):
                raise Damaged(MANIFEST, "names no ledger head", key, repr(manifest["ledger"])[:100])

    def need_manifest(self):
        if self.manifest is None:
            error = self.manifest_error
            raise Damaged(error.where, error.message, error.expected, error.found)

    # V01 to V04: files, zip, signature, contents.

    def check_V01(self):
        for path in self.box.odd:
            self.differs(path, "is not a plain file, or is there twice", "plain files, once each", path)
        if MANIFEST not in self.box.names:
            raise Damaged(MANIFEST, "file missing", "a file", "none")
        if self.manifest is None:
            raise Damaged(
                MANIFEST, "files cannot be compared without a readable manifest", "a manifest", "none"
            )
        expected = set(self.listed) | {MANIFEST, SIGNATURE}
        for path in sorted(expected - self.box.names):
            self.differs(path, "file missing", "a file", "none")
        for path in sorted(self.box.names - expected):
            self.differs(path, "not listed", "no such file", "a file")
        if len(self.listed) != len(self.manifest["files"]):
            self.differs(MANIFEST, "lists a file twice", len(self.manifest["files"]), len(self.listed))
        needed = list(REQUIRED)
        if not self.draft:
            needed += REQUIRED_WHEN_ISSUED
        if self.manifest["version"] > 1:
            needed.append("differences.csv")
        for path in needed:
            there = (
                any(p.startswith(path) for p in self.listed) if path.endswith("/") else path in self.listed
            )
            if not there:
                self.differs(
                    path,
                    f"file missing: every {self.manifest['status']} bundle has it",
                    "a file",
                    "not listed",
                )
        if self.box.kind == "zip":
            self.equal("", "top folder is not the bundle's name", self.manifest["bundle"], self.box.top)
        self.holds(f"{len(self.listed)} files")
        if self.draft:
            absent = [p for p in REQUIRED_WHEN_ISSUED if not any(q.startswith(p) for q in self.listed)]
            if absent:
                self.remark("", "a draft may lack what issuing adds: " + ", ".join(absent))

    def check_V02(self):
        if self.box.kind != "zip":
            raise NothingToCheck("a folder has no zip headers")
        listed = {}
        for path in self.box.names:
            listed[path] = path in (MANIFEST, SIGNATURE) or (path in self.listed and self._good(path))
        for path, expected, found in self.box.differences(listed):
            where = path or os.path.basename(self.box.path)
            message = f"zip header of {path} differs" if path else "zip is not canonical"
            self.differs(where, message, expected, found)
        self.holds("every header, byte for byte")

    def _good(self, path):
        """Whether a listed file has the manifest's size and hash."""
        if path not in self.good:
            digest, size, newlines = hashlib.sha256(), 0, 0
            try:
                for chunk in self.box.chunks(path):
                    digest.update(chunk)
                    size += len(chunk)
                    newlines += chunk.count(b"\n")
            except Damaged as error:
                self.good[path] = (False, error.found, 0, 0)
                return False
            entry = self.listed[path]
            same = entry["sha256"] == digest.hexdigest() and entry["bytes"] == size
            self.good[path] = (same, digest.hexdigest(), size, newlines)
        return self.good[path][0]

    def check_V03(self):
        self.need_manifest()
        manifest = self.manifest
        paths = [entry["path"] for entry in manifest["files"]]
        self.equal(MANIFEST, "files are not in order", sorted(paths, key=lambda p: p.encode()), paths)
        if manifest["type"] == 1:
            name = f"{manifest['client']['slug']}-type1-{self.first}-v{manifest['version']}"
        else:
            name = f"{manifest['client']['slug']}-type2-{self.first}_{self.last}-v{manifest['version']}"
        self.equal(MANIFEST, "bundle's name does not follow from its terms", name, manifest["bundle"])
        if (
            manifest["v"] != 1
            or manifest["status"] not in ("draft", "issued")
            or manifest["type"] not in (1, 2)
        ):
            self.differs(
                MANIFEST,
                "is of no known form",
                "v 1, type 1 or 2, draft or issued",
                repr((manifest["v"], manifest["type"], manifest["status"])),
            )
        content = self.whole(SIGNATURE)
        try:
            line = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Damaged(
                SIGNATURE, "manifest signature does not hold", "a signature line", str(error)
            ) from None
        if not line.endswith("\n") or line.count("\n") != 1:
            raise Damaged(
                SIGNATURE, "manifest signature does not hold", "one signature line", repr(line[-20:])
            )
        name, hint, signature = parse_signature(line[:-1], SIGNATURE)
        key = self._key(name, hint, manifest["issued_at"])
        if key is None:
            listed = [f"{each['name']}+{each['hint']}" for each in self._load_keys()]
            raise Damaged(
                SIGNATURE,
                f"manifest signature does not hold: no listed key of that hint was valid at {manifest['issued_at']}",
                ", ".join(listed),
                f"{name}+{hint.hex()}",
            )
        if not ed25519_verify(key["bytes"], self.whole(MANIFEST), signature):
            self.differs(
                SIGNATURE,
                "manifest signature does not hold over " + MANIFEST,
                f"a signature of {key['hint']} over these bytes",
                signature.hex()[:16] + "…",
            )
        self.holds("manifest signed by " + hint.hex())

    def check_V04(self):
        for path in sorted(self.listed):
            if path not in self.box.names:
                continue
            entry = self.listed[path]
            if not self._good(path):
                _, digest, size, _ = self.good[path]
                self.differs(
                    path,
                    "content changed",
                    f"{entry['bytes']} bytes, sha256 {entry['sha256']}",
                    f"{size} bytes, sha256 {digest}",
                )
                continue
            newlines = self.good[path][3]
            rows = newlines - 1 if path.endswith(".csv") else newlines if path.endswith(".jsonl") else None
            self.equal(path, "rows are counted wrongly", rows, entry.get("rows"))
        self.holds(f"sizes and hashes of {len(self.listed)} files")
        own = own_bytes()
        if own is not None and "verify.py" in self.listed:
            digest = hashlib.sha256(own).hexdigest()
            if digest != self.listed["verify.py"]["sha256"]:
                self.remark("verify.py", f"the running verifier ({digest}) is another than the bundle's")

    # V05 to V09: the ledger.

    def _load_keys(self):
        if not self.keys:
            value = self.object("ledger/keys.json")
            if set(value) != {"v", "keys"} or value["v"] != 1 or not isinstance(value["keys"], list):
                raise Damaged("ledger/keys.json", "is of no known form", "v, keys", ", ".join(sorted(value)))
            keys = []
            for at, key in enumerate(value["keys"], start=1):
                where = f"ledger/keys.json:{at}"
                fields = {"name", "public_key", "from", "until", "hint", "leaf", "signed_by", "signature"}
                if not isinstance(key, dict) or set(key) != fields or not isinstance(key["public_key"], str):
                    raise Damaged(where, "is no key", ", ".join(sorted(fields)), repr(key)[:120])
                key = dict(key, bytes=unbase64(key["public_key"], where, "public key"))
                if key_hint(key["name"], key["bytes"]).hex() != key["hint"]:
                    raise Damaged(
                        where,
                        f"key {key['name']} has another hint",
                        key_hint(key["name"], key["bytes"]).hex(),
                        key["hint"],
                    )
                keys.append(key)
            self.keys = keys
        return self.keys

    def _key(self, name, hint, at):
        """The listed key of that name and hint that was valid at a time, or None."""
        for key in self._load_keys():
            valid = key["from"] <= at and (key["until"] is None or at <= key["until"])
            if key["name"] == name and bytes.fromhex(key["hint"]) == hint and valid:
                return key
        return None

    def _head(self):
        if self.manifest is not None:
            return self.manifest["ledger"]["size"], bytes.fromhex(self.manifest["ledger"]["root"])
        last = self._load_checkpoints()[-1]
        return last.size, last.root

    def check_V05(self):
        size, root = self._head()
        sizes = {size}
        for point in self._quiet(self._load_checkpoints) or []:
            sizes.add(point.size)
        if self.external is not None:
            sizes.add(self.external.size)
        roots, before, whole = Roots(sizes), -1, True
        path = "ledger/leaves.jsonl"
        client = self.manifest["client"]["uuid"] if self.manifest else None
        for row, line in enumerate(self.lines(path), start=1):
            where = f"{path}:{row}"
            try:
                entry = parse_canonical(line.encode(), where)
                leaf, proof = entry["leaf"], [bytes.fromhex(each) for each in entry["path"]]
                seq, content = leaf["seq"], canonical(leaf)
                fields = {"v", "client", "seq", "time", "kind", "ref", "sha256", "actor", "meta"}
                if set(entry) != {"leaf", "path"} or set(leaf) != fields or not isinstance(seq, int):
                    raise Damaged(where, "is no leaf with its proof", ", ".join(sorted(fields)), line[:120])
            except Damaged as error:
                self.differs(error.where, error.message, error.expected, error.found)
                whole = False
                continue
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self.differs(
                    where, "is no leaf with its proof", "leaf, path", f"{type(error).__name__}: {error}"
                )
                whole = False
                continue
            self.leaf_total += 1
            if seq <= before:
                self.differs(where, f"leaf {seq} comes after leaf {before}", "rising seq", seq)
            whole = whole and seq == before + 1
            before = seq
            hashed = leaf_hash(content)
            if client is not None and leaf["client"] != client:
                self.differs(where, f"leaf {seq} is another client's", client, leaf["client"])
            found = root_from_inclusion(seq, size, hashed, proof)
            if found != root:
                self.differs(
                    where,
                    f"leaf {seq} not in the log of size {size}",
                    root.hex(),
                    "no such path" if found is None else found.hex(),
                )
            self.leaves[seq] = leaf
            if whole:
                roots.add(hashed)
        if whole and roots.count == size:
            self.complete_roots = roots.found
            self.equal(path, "all leaves together give another root", root.hex(), roots.found[size].hex())
        self.holds(f"{self.leaf_total} leaves in the log of size {size}")

    @staticmethod
    def _quiet(load):
        try:
            return load()
        except Damaged:
            return None

    def _load_checkpoints(self):
        if not self.checkpoints:
            path = "ledger/checkpoints.txt"
            self.checkpoints = parse_checkpoints(self.whole(path), path)
        return self.checkpoints

    def _signed(self, point):
        """Whether a listed key signed a checkpoint, and none that is listed did so wrongly."""
        held = False
        for name, hint, signature in point.signatures:
            known = [k for k in self._load_keys() if k["name"] == name and k["hint"] == hint.hex()]
            if not known:
                continue  # a witness; C2SP says to pass over keys that are not known
            key = self._key(name, hint, point.time)
            if key is None or not ed25519_verify(key["bytes"], point.text.encode(), signature):
                return False
            held = True
        return held

    def check_V06(self):
        points = self._load_checkpoints()
        before = None
        for number, point in enumerate(points, start=1):
            if not self._signed(point):
                self.differs(
                    point.where,
                    f"checkpoint {number} is signed by no listed key valid at its time",
                    "a signature that holds",
                    "none",
                )
            if point.origin != points[0].origin:
                self.differs(
                    point.where, f"checkpoint {number} is of another log", points[0].origin, point.origin
                )
            if before is not None and (point.time < before.time or point.size < before.size):
                self.differs(
                    point.where,
                    f"checkpoint {number} is older or smaller than the one before",
                    f"{before.time}, {before.size}",
                    f"{point.time}, {point.size}",
                )
            before = point
        last = points[-1]
        if self.manifest is not None:
            ledger = self.manifest["ledger"]
            self.equal(
                last.where,
                f"checkpoint {len(points)} is not the manifest's head",
                f"{ledger['size']} {ledger['root']}",
                f"{last.size} {last.root.hex()}",
            )
            self.equal(
                last.where, f"checkpoint {len(points)} has another time than the package", self.now, last.time
            )
            if not last.origin.endswith("/proofline/" + self.manifest["client"]["uuid"]):
                self.differs(
                    last.where,
                    f"checkpoint {len(points)} is of another client's log",
                    "…/proofline/" + self.manifest["client"]["uuid"],
                    last.origin,
                )
        self.holds(f"{len(points)} checkpoints, the last of size {last.size}")

    def check_V07(self):
        path = "ledger/consistency.json"
        size, root = self._head()
        value = self.object(path)
        try:
            self.equal(
                path, "is about another head", f"{size} {root.hex()}", f"{value['size']} {value['root']}"
            )
            proofs = {}
            for at, each in enumerate(value["proofs"], start=1):
                proof = [bytes.fromhex(h) for h in each["path"]]
                proofs[each["size"]] = bytes.fromhex(each["root"])
                if not consistency_holds(each["size"], bytes.fromhex(each["root"]), size, root, proof):
                    self.differs(
                        f"{path}:{at}",
                        f"log was rewritten between {each['size']} and {size}",
                        "a proof that holds",
                        "one that does not",
                    )
        except (KeyError, TypeError, ValueError) as error:
            raise Damaged(
                path, "is of no known form", "v, size, root, proofs", f"{type(error).__name__}: {error}"
            ) from None
        lonely = sorted(set(proofs) - {point.size for point in self._load_checkpoints()})
        if lonely:
            self.differs(
                path, "has proofs for heads without a checkpoint here", "checkpoints of them", lonely
            )
        proofs[size] = root
        for number, point in enumerate(self._load_checkpoints(), start=1):
            if point.size not in proofs:
                self.differs(path, f"has no proof for checkpoint {number}", point.size, sorted(proofs))
            elif proofs[point.size] != point.root:
                self.differs(
                    point.where,
                    f"log was rewritten between {point.size} and {size}",
                    proofs[point.size].hex(),
                    point.root.hex(),
                )
        earlier = (self.manifest or {}).get("ledger", {}).get("consistent_with")
        if earlier is not None and (
            earlier["size"] not in proofs or proofs[earlier["size"]].hex() != earlier["root"]
        ):
            self.differs(
                path,
                f"log was rewritten between {earlier['size']} and {size}",
                earlier["root"],
                "no proof for it",
            )
        self.holds(f"{len(proofs) - 1} earlier heads lead to this one")
        self._external(proofs, size, root)

    def _external(self, proofs, size, root):
        point = self.external
        if point is None:
            self.remark("", "no checkpoint from elsewhere was given (--checkpoint FILE)")
            return
        own = self._load_checkpoints()[-1]
        if point.origin != own.origin:
            self.differs(point.where, "is a checkpoint of another log", own.origin, point.origin)
        elif not self._signed(point):
            self.differs(point.where, "is signed by no key of this bundle", "a signature that holds", "none")
        elif point.size > size:
            self.differs(
                point.where,
                "is younger than this bundle's head, so it cannot be tied to it",
                f"a size up to {size}",
                point.size,
            )
        else:
            known = proofs.get(point.size) or (self.complete_roots or {}).get(point.size)
            if known is None:
                self.differs(
                    point.where, "is of a size that this bundle has no proof for", sorted(proofs), point.size
                )
            elif known != point.root:
                self.differs(
                    point.where,
                    f"log was rewritten between {point.size} and {size}",
                    point.root.hex(),
                    known.hex(),
                )
            else:
                self.holds(f"the checkpoint from elsewhere, of size {point.size}")

    def check_V08(self):
        path = "ledger/keys.json"
        keys = self._load_keys()
        if not keys:
            raise Damaged(path, "lists no key", "at least one", "none")
        before = None
        for at, key in enumerate(keys, start=1):
            where, name = f"{path}:{at}", f"{key['name']}+{key['hint']}"
            leaf = self.leaves.get(key["leaf"])
            expected = {
                "name": key["name"],
                "public_key": key["public_key"],
                "from": key["from"],
                "signed_by": key["signed_by"],
                "signature": key["signature"],
            }
            if (
                leaf is None
                or leaf["kind"] != "key"
                or leaf["ref"] != key["hint"]
                or leaf["sha256"] != hashlib.sha256(key["bytes"]).hexdigest()
                or leaf["meta"] != expected
            ):
                self.differs(
                    where,
                    f"key {name} is not what leaf {key['leaf']} recorded",
                    "a leaf of kind key about it",
                    "none" if leaf is None else canonical(leaf).decode(),
                )
            if before is None:
                if key["signed_by"] is not None or key["signature"] is not None:
                    self.differs(where, f"key {name} has no chain", "the key that signed it", "none listed")
            else:
                self._rotation(where, name, before, key)
            before = key
        if before is not None and before["until"] is not None:
            self.remark(path, "the newest key ended at " + before["until"])
        self.holds(f"{len(keys)} keys, each signed by the one before")

    def _rotation(self, where, name, before, key):
        message = f"proofline/key/1\n{key['name']}\n{key['public_key']}\n{key['from']}\n"
        good = key["signed_by"] == before["hint"] and isinstance(key["signature"], str)
        if good:
            good = ed25519_verify(
                before["bytes"], message.encode(), unbase64(key["signature"], where, "signature")
            )
        if not good:
            self.differs(
                where, f"key {name} has no chain", f"a signature of {before['hint']}", key["signed_by"]
            )
        if before["until"] != key["from"]:
            self.differs(
                where, f"key {name} does not begin where the one before ended", before["until"], key["from"]
            )

    def check_V09(self):
        events = artifacts = 0
        self._walk()
        for row in self.table("evidence/index.csv"):
            where = f"evidence/index.csv:{row['_row']}"
            leaf = self.leaves.get(int(row["leaf_seq"])) if INTEGER.match(row["leaf_seq"]) else None
            if leaf is None:
                self.differs(
                    row["path"] or where,
                    f"{row['path']} is not what was recorded as leaf {row['leaf_seq']}",
                    "a leaf in this bundle",
                    "none",
                )
            elif row["kind"] == "event":
                events += 1
                self._event(row, leaf)
            else:
                artifacts += 1
                found = (leaf["kind"], leaf["sha256"])
                if found != ("artifact", row["sha256"]):
                    self.differs(
                        row["path"],
                        f"{row['path']} is not what was recorded as leaf {row['leaf_seq']}",
                        "artifact " + row["sha256"],
                        f"{found[0]} {found[1]}",
                    )
        responses = self._responses()
        self._assertion()
        self._sidecar()
        self.holds(f"{events} events to their batches, {artifacts} artifacts, {responses} responses")

    def _event(self, row, leaf):
        path = row["path"]
        message = f"{path} is not what was recorded as leaf {row['leaf_seq']}"
        value = self.object(path)
        keys = {
            "v",
            "member_id",
            "source",
            "batch_sha256",
            "seq",
            "raw",
            "raw_sha256",
            "normalized",
            "records",
            "path",
            "leaf",
        }
        if set(value) != keys:
            raise Damaged(path, "is no event", ", ".join(sorted(keys)), ", ".join(sorted(value)))
        raw = unbase64(value["raw"], path, "raw record")
        self.equal(
            path, message + " (hash of the raw record)", hashlib.sha256(raw).hexdigest(), value["raw_sha256"]
        )
        self.equal(path, message + " (leaf)", row["leaf_seq"], str(value["leaf"]))
        self.equal(path, message + " (member)", row["members"].split(" "), [value["member_id"]])
        expected = ("records", value["batch_sha256"], value["records"])
        found = (leaf["kind"], leaf["meta"].get("batch"), leaf["meta"].get("records"))
        self.equal(path, message + " (batch)", expected, found)
        root = root_from_inclusion(
            value["seq"], value["records"], leaf_hash(raw), [bytes.fromhex(h) for h in value["path"]]
        )
        self.equal(path, message, leaf["sha256"], "no such path" if root is None else root.hex())
        places = [
            p.known[value["member_id"]] for p in self.populations.values() if value["member_id"] in p.known
        ]
        for place in places:
            self.equal(
                path,
                "is not the record that the population names",
                place[1:3],
                (value["batch_sha256"], str(value["seq"])),
            )

    def _responses(self):
        rows, missing = self.table("responses.csv"), 0
        refs = {leaf["ref"]: leaf for leaf in self.leaves.values() if leaf["kind"] == "decision"}
        known = {row["id"]: row for row in self.table("exceptions.csv")}
        for row in rows:
            where = f"responses.csv:{row['_row']}"
            content = {name: row[name] for name in COLUMNS["responses.csv"].split(",")}
            leaf = refs.get(row["response_id"])
            if leaf is None:
                missing += 1
                if not self.draft:
                    self.differs(
                        where,
                        f"responses.csv is not what was recorded: {row['response_id']} has no leaf",
                        "a leaf",
                        "none",
                    )
            else:
                self.equal(
                    where,
                    f"response {row['response_id']} is not what was recorded as leaf {leaf['seq']}",
                    leaf["sha256"],
                    hashlib.sha256(canonical(content)).hexdigest(),
                )
            exception = known.get(row["exception"])
            if exception is None or exception["response_id"] != row["response_id"]:
                self.differs(
                    where,
                    f"response {row['response_id']} belongs to no exception that names it",
                    row["exception"],
                    exception and exception["response_id"],
                )
        if missing and self.draft:
            self.remark("responses.csv", f"{missing} responses of this draft are not recorded in the ledger")
        return len(rows)

    def _assertion(self):
        path = "assertion.json"
        if path not in self.listed:
            self.remark("", "no assertion in this draft")
            return
        value = self.object(path)
        keys = {"v", "answers", "text", "text_sha256", "signature"}
        if set(value) != keys:
            raise Damaged(path, "is no assertion", ", ".join(sorted(keys)), ", ".join(sorted(value)))
        self.equal(
            path,
            "text has another hash",
            hashlib.sha256(value["text"].encode()).hexdigest(),
            value["text_sha256"],
        )
        signature = value["signature"]
        if signature is None:
            if self.draft:
                self.remark(path, "the assertion is not signed")
            else:
                self.differs(path, "is not signed", "a signature", "none")
            return
        leaf = self.leaves.get(signature["leaf"])
        found = None if leaf is None else (leaf["kind"], leaf["ref"], leaf["sha256"])
        self.equal(
            path,
            f"assertion.json is not what was recorded as leaf {signature['leaf']}",
            ("decision", "assertion", value["text_sha256"]),
            found,
        )

    def _sidecar(self):
        base = self.box.path[:-4] if self.box.kind == "zip" else os.path.abspath(self.box.path)
        path = base + ".proof.json"
        if self.draft:
            self.remark("", "a draft has no report leaf")
            return
        if not os.path.isfile(path):
            self.remark(
                "",
                f"{os.path.basename(path)} is not beside the bundle; the report's own leaf was not looked at",
            )
            return
        with open(path, "rb") as file:
            content = file.read(1 << 20)
        name = os.path.basename(path)
        value = parse_canonical(content.rstrip(b"\n"), name)
        try:
            leaf, proof = value["leaf"], [bytes.fromhex(each) for each in value["path"]]
            (point,) = parse_checkpoints(value["checkpoint"].encode(), name)
            digest = hashlib.sha256(self.whole(MANIFEST)).hexdigest()
            self.equal(
                name,
                f"report is not what was recorded as leaf {leaf['seq']}",
                ("report", digest),
                (leaf["kind"], leaf["sha256"]),
            )
            root = root_from_inclusion(leaf["seq"], point.size, leaf_hash(canonical(leaf)), proof)
            self.equal(name, "report's leaf is not in its checkpoint", point.root.hex(), root and root.hex())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Damaged(name, "is no proof", "leaf, path, checkpoint", str(error)) from None
        if not self._signed(point):
            self.differs(name, "checkpoint is signed by no listed key", "a signature that holds", "none")

    # V10 to V12: populations, in one pass over their files.

    def _pids(self):
        """Populations by their files, and those that tests name."""
        found = {}
        for path in self.listed:
            for ending in (".members.csv", ".results.csv", ".ipe.json"):
                if path.startswith("populations/") and path.endswith(ending):
                    found.setdefault(path[len("populations/") : -len(ending)], set()).add(ending)
        return found

    def _wanted(self):
        """Member ids that other files name, so that the pass over a population keeps them."""
        wanted = set()
        for path, column in (("exceptions.csv", "members"), ("evidence/index.csv", "members")):
            for row in self._quiet(lambda path=path: self.table(path)) or []:
                wanted.update(each for each in row[column].split(" ") if each)
        return wanted

    def _walk(self):
        """Read every population once, and keep what the checks ask for."""
        if "walked" in self.cache:
            return
        self.cache["walked"] = True
        wanted = self._wanted()
        self._draws = {}
        for row in self._quiet(lambda: self.table("samples/index.csv")) or []:
            self._draws.setdefault(row["pid"], []).append(row)
        self._drawn = {}
        for pid in sorted(self._pids()):
            population = self.populations[pid] = Population(pid)
            sheet = self._quiet(lambda pid=pid: self.object(f"populations/{pid}.ipe.json")) or {}
            if sheet.get("lane") == "sample":
                population.sampled = set()
                for row in self._draws.get(pid, []):
                    if row["ledger"] == "management":
                        population.sampled |= self._in_sample(row)
            try:
                self._pass(population, sheet, wanted)
            except Damaged as error:
                population.broken.append(
                    (
                        ("V12" if error.where.startswith(f"populations/{pid}.results") else "V10"),
                        error.where,
                        error.message,
                        error.expected,
                        error.found,
                    )
                )

    def _in_sample(self, draw):
        """Members of a sample that were not set aside."""
        rows = self._quiet(lambda: list(self.rows(f"samples/{draw['pid']}.{draw['draw']}.csv", DRAWN))) or []
        return {fields[3] for _, fields, _ in rows} - {fields[6] for _, fields, _ in rows}

    def _lotteries(self, population, sheet):
        """What to rank while members go by: each draw, and the rows traced to raw bytes."""
        found = []
        for row in self._draws.get(population.pid, []):
            size = int(row["size"]) if INTEGER.match(row["size"]) else 0
            listed = (
                self._quiet(lambda row=row: list(self.rows(f"samples/{row['pid']}.{row['draw']}.csv", DRAWN)))
                or []
            )
            replaced = sum(1 for _, fields, _ in listed if fields[6])
            found.append(
                (
                    row["draw"],
                    row["seed"],
                    STRATUM_COLUMN.get(row["stratum_by"]),
                    row["stratum_by"] == "month",
                    size + replaced,
                    {},
                )
            )
        seed = seed_of(self.manifest["client"]["uuid"], sheet.get("control"), sheet.get("sha256"))
        traced = (self._figure("settings/traced_rows") or {}).get("value")
        found.append((None, seed, None, False, traced if isinstance(traced, int) else 0, {}))
        return found

    def _pass(self, population, sheet, wanted):
        pid = population.pid
        path, other = f"populations/{pid}.members.csv", f"populations/{pid}.results.csv"
        lotteries = self._lotteries(population, sheet)
        self._drawn[pid] = lotteries
        results = self._results(population, other)
        window = sheet.get("window") or {}
        first, last = window.get("from", self.first), window.get("to", self.last)
        digest = hashlib.sha256((MEMBERS + "\n").encode())
        ids, before = set(), ("", b"")
        bad = population.broken
        for row, fields, line in self.rows(path, MEMBERS):
            digest.update(line.encode() + b"\n")
            n, member, occurred, day, source, batch, seq = (
                fields[0],
                fields[1],
                fields[2],
                fields[3],
                fields[8],
                fields[9],
                fields[10],
            )
            where = f"{path}:{row}"
            problem = self._member_problem(row, n, member, occurred, day, source, batch, seq, first, last)
            if spelled(fields, line) != line:
                bad.append(("V10", where, f"row {row}: is not canonical CSV", spelled(fields, line), line))
            if problem:
                bad.append(("V10", where, f"row {row}: {problem[0]}", problem[1], problem[2]))
            key = (occurred, member.encode())
            if key < before:
                bad.append(
                    (
                        "V10",
                        where,
                        f"row {row}: is out of order",
                        f"after {before[0]} {before[1].decode()}",
                        f"{occurred} {member}",
                    )
                )
            before = key
            short = hashlib.sha256(key[1]).digest()[:16]
            if short in ids:
                bad.append(("V10", where, f"row {row}: {member} is there twice", "unique ids", member))
            ids.add(short)
            population.rows += 1
            population.first = population.first or occurred
            population.last = occurred
            population.days[day] += 1
            for _, seed, column, month, limit, strata in lotteries:
                name = "" if column is None else fields[column][:7] if month else fields[column]
                lowest = strata.get(name)
                if lowest is None:
                    lowest = strata[name] = Lowest(limit)
                lowest.add(rank_of(seed, member), member, n)
            judged = None
            if population.sampled is None or member in population.sampled:
                judged = next(results, None)
            verdict = self._judged(population, other, row, member, day, judged)
            if member in wanted:
                population.known[member] = (row, batch, seq, verdict[0], verdict[1], day)
            if member.startswith("i:"):
                population.items.setdefault(member[2:-11], []).append((day, verdict[0] == "fail"))
        left = sum(1 for _ in results)
        if left:
            bad.append(
                ("V12", other, f"{pid}: has results of no member", "as many as members", f"{left} more")
            )
        population.sha256 = digest.hexdigest()

    @staticmethod
    def _member_problem(row, n, member, occurred, day, source, batch, seq, first, last):
        """What is wrong with one member's fields, or None."""
        if n != str(row):
            return "n is not its number", row, n
        if not MEMBER_ID.match(member):
            return "is no member id", "e:, d:, x:, i: or p:", member
        if not TIME.match(occurred) or not DATE.match(day):
            return ("has no time and date", "RFC 3339 UTC with microseconds, a date", f"{occurred}, {day}")
        if not first <= day <= last:
            return "is outside the window", f"{first} to {last}", day
        try:
            apart = datetime.date.fromisoformat(day) - datetime.date.fromisoformat(occurred[:10])
            datetime.time.fromisoformat(occurred[11:26])
        except ValueError as error:
            return "has no time and date", "a time that exists", str(error)
        if abs(apart.days) > 1:
            return "local date is not that of its time", occurred[:10], day
        portal = source == "portal"
        if portal != (batch == "") or portal != (seq == ""):
            return "names no record", "batch and seq, or portal", f"{source}, {batch}, {seq}"
        if not portal and not (HEX64.match(batch) and INTEGER.match(seq)):
            return "names no record", "a batch's SHA-256 and a seq", f"{batch}, {seq}"
        return None

    def _results(self, population, path):
        """Results one by one, each (row, fields); canonical spelling checked on the way."""
        for row, fields, line in self.rows(path, RESULTS):
            if spelled(fields, line) != line:
                population.broken.append(
                    (
                        "V12",
                        f"{path}:{row}",
                        f"{population.pid}: is not canonical CSV",
                        spelled(fields, line),
                        line,
                    )
                )
            yield row, fields

    def _judged(self, population, path, row, member, day, judged):
        """Count one member's result. Returns (result, exception)."""
        if judged is None:
            if population.sampled is None:
                population.broken.append(
                    (
                        "V12",
                        f"{path}:{row}",
                        f"{population.pid}: has no result for {member}",
                        member,
                        "nothing",
                    )
                )
            return "", ""
        at, fields = judged
        if fields[0] != member:
            population.broken.append(
                (
                    "V12",
                    f"{path}:{at}",
                    f"{population.pid}: results are not in the members' order",
                    member,
                    fields[0],
                )
            )
        result, reason, exception, in_time = fields[1], fields[2], fields[6], fields[7]
        if result not in ("pass", "fail", "unknown") or in_time not in ("", "yes", "no"):
            population.broken.append(
                (
                    "V12",
                    f"{path}:{at}",
                    f"{population.pid}: is no result",
                    "pass, fail or unknown",
                    f"{result}, {in_time}",
                )
            )
        population.counts[(result, reason, fields[3], fields[4], in_time, day)] += 1
        population.results[result] += 1
        population.result_ids += 1
        if result == "unknown":
            population.reasons[reason] += 1
        if result == "fail":
            population.fails.append((at, member, exception, reason, in_time, day))
        elif in_time or (exception and result == "pass"):
            population.in_time.append((at, exception, in_time))
        if population.sampled is not None:
            population.evidence[member] = bool(fields[8] or reason)
        return result, exception

    def _broken(self, code):
        for population in self.populations.values():
            for kind, where, message, expected, found in population.broken:
                if kind == code:
                    self.differs(where, message, expected, found)

    def check_V10(self):
        self._walk()
        self._broken("V10")
        for path in sorted(self.listed):
            if path.startswith("populations/") and path.endswith(".late.csv"):
                for row, fields, line in self.rows(path, MEMBERS):
                    where = f"{path}:{row}"
                    problem = self._member_problem(row, *fields[:4], *fields[8:], "0000-01-01", "9999-12-31")
                    if spelled(fields, line) != line or problem:
                        self.differs(where, f"row {row}: is not canonical", "a member", line)
        total = sum(population.rows for population in self.populations.values())
        self.holds(f"{total} members of {len(self.populations)} populations")

    def _sheets(self):
        """(pid, path, sheet) of every population, the sheets' keys checked."""
        for pid in sorted(self._pids()):
            path = f"populations/{pid}.ipe.json"
            sheet = self.object(path)
            missing = [key for key in SHEET_KEYS if key not in sheet]
            if missing or sheet["pid"] != pid:
                raise Damaged(
                    path, f"is no IPE sheet of {pid}", ", ".join(SHEET_KEYS), "without " + ", ".join(missing)
                )
            yield pid, path, sheet

    def check_V11(self):
        frozen = 0
        for pid, endings in sorted(self._pids().items()):
            for ending in sorted({".members.csv", ".results.csv", ".ipe.json"} - endings):
                self.differs(
                    f"populations/{pid}{ending}", "file missing: every population has it", "a file", "none"
                )
        for pid, path, sheet in self._sheets():
            population = self.populations[pid]
            message = "population is not the one frozen"
            members = f"populations/{pid}.members.csv"
            self.equal(members, message + " (sheet)", sheet["sha256"], population.sha256)
            self.equal(path, "rows differ from the member file", population.rows, sheet["rows"])
            self.equal(
                path,
                "first and last differ from the member file",
                (population.first, population.last),
                (sheet["first_occurred_at"], sheet["last_occurred_at"]),
            )
            late = f"populations/{pid}.late.csv"
            count = self.listed[late].get("rows") if late in self.listed else 0
            self.equal(
                path,
                "late members differ from their file",
                {"count": count, "file": late if count else None},
                sheet["late"],
            )
            if sheet["frozen_at"] is None:
                if self.draft:
                    self.remark(members, "not frozen")
                else:
                    self.differs(path, f"{pid} is not frozen, and the package is issued", "a freeze", "none")
                self.equal(path, "names a leaf without being frozen", None, sheet["leaf"])
                continue
            frozen += 1
            leaf = self.leaves.get(sheet["leaf"])
            expected = (
                "decision",
                f"{pid}/v{sheet['version']}",
                population.sha256,
                sheet["rows"],
                sheet["window"],
            )
            found = (
                None
                if leaf is None
                else (
                    leaf["kind"],
                    leaf["ref"],
                    leaf["sha256"],
                    leaf["meta"].get("rows"),
                    leaf["meta"].get("window"),
                )
            )
            self.equal(members, message + f" as leaf {sheet['leaf']}", expected, found)
            if sheet["frozen_at"] < sheet["opens_at"]:
                self.differs(
                    path, "was frozen before it opened", "from " + sheet["opens_at"], sheet["frozen_at"]
                )
        self.holds(f"{len(self.populations)} populations, {frozen} frozen")

    def _spans(self):
        """(row, first, last) of every test with its days: those of its version if several share a pid."""
        tests = self.table("tests.csv")
        versions = {}
        for row in self.table("controls.csv"):
            versions.setdefault(row["control"], {})[row["version"]] = (row["from"], row["until"])
        for row in tests:
            first, last = self.first, self.last
            own = versions.get(row["control"], {})
            if len(own) > 1 and row["version"] in own:
                since, until = own[row["version"]]
                first, last = max(first, since), min(last, until or last)
            yield row, first, last

    def check_V12(self):
        self._walk()
        self._broken("V12")
        for row, first, last in self._spans():
            if not row["pid"]:
                continue
            where = f"tests.csv:{row['_row']}"
            population = self.populations.get(row["pid"])
            if population is None:
                self.differs(where, f"{row['pid']}: is no population of this bundle", "its files", "none")
                continue
            found = Counter()
            for (result, _, _, _, _, day), number in population.counts.items():
                if first <= day <= last:
                    found[result] += number
            found["members"] = sum(number for day, number in population.days.items() if first <= day <= last)
            base = f"tests/{row['control']}.{row['procedure']}/v{row['version']}/"
            for what in ("members", "pass", "fail", "unknown"):
                if row[what] != str(found[what]):
                    self.differs(
                        where, f"{row['pid']}: {what} recounts to {found[what]}", found[what], row[what]
                    )
                figure = self._figure(base + what)
                if (
                    figure is None
                    or figure.get("value") != found[what]
                    or figure.get("numerator") != found[what]
                ):
                    self.differs(
                        "package.json",
                        f"{row['pid']}: {base + what} recounts to {found[what]}",
                        found[what],
                        figure and figure.get("value"),
                    )
            if row["items"] or row["method"] == "state":
                own = [
                    [bad for day, bad in days if first <= day <= last] for days in population.items.values()
                ]
                counted = (str(sum(1 for each in own if each)), str(sum(1 for each in own if any(each))))
                self.equal(
                    where,
                    f"{row['pid']}: items recount to {counted[1]} of {counted[0]}",
                    counted,
                    (row["items"], row["items_failed"]),
                )
        for pid, path, sheet in self._sheets():
            population = self.populations[pid]
            own = {each: population.results[each] for each in ("pass", "fail", "unknown")}
            self.equal(path, f"{pid}: results recount to {own}", own, sheet["results"])
            self.equal(
                path,
                f"{pid}: unknown reasons recount to {dict(population.reasons)}",
                dict(population.reasons),
                sheet["unknown_reasons"],
            )
        self._figures_of_populations()
        self.holds(f"{sum(p.result_ids for p in self.populations.values())} results recounted")

    def _figures_of_populations(self):
        names = ("result", "reason", "rule", "rule_version", "in_time", "local_date")
        for name, figure in sorted(self._figures().items()):
            pid, filters = figure.get("pid"), figure.get("filter")
            if not pid or filters is None:
                continue
            population = self.populations.get(pid)
            if population is None or not set(filters) <= set(names):
                self.differs(
                    "package.json",
                    f"{name}: cannot be counted again",
                    "a population and its columns",
                    f"{pid}, {sorted(filters)}",
                )
                continue
            if set(filters) <= {"local_date"}:
                found = sum(n for day, n in population.days.items() if matches(filters, {"local_date": day}))
            else:
                found = sum(
                    n for key, n in population.counts.items() if matches(filters, dict(zip(names, key)))
                )
            if found != figure.get("numerator"):
                self.differs(
                    "package.json", f"{pid}: {name} recounts to {found}", found, figure.get("numerator")
                )

    # V13 to V17: figures, exceptions, duties, samples.

    def _figures(self):
        value = self.object("package.json")
        for name, figure in value.items():
            if not isinstance(figure, dict) or not {"value", "numerator", "denominator"} <= set(figure):
                raise Damaged(
                    "package.json", f"figure {name}", "value, numerator, denominator", repr(figure)[:100]
                )
        return value

    def _figure(self, name):
        figure = (self._quiet(lambda: self.object("package.json")) or {}).get(name)
        return figure if isinstance(figure, dict) else None

    def _setting(self, name):
        figure = self._figure("settings/" + name)
        if figure is None:
            raise Damaged("package.json", f"figure settings/{name} is missing", "a setting", "none")
        return figure["value"]

    def check_V13(self):
        smallest = self._setting("smallest_denominator")
        self._test_rates(smallest)
        for name, figure in sorted(self._figures().items()):
            numerator, denominator, rounding = (
                figure["numerator"],
                figure["denominator"],
                figure.get("rounding"),
            )
            if rounding in ("up", "down"):
                expected = share(numerator, denominator, smallest, rounding == "up")
                if denominator == 0 and figure["value"] == "no occasion":
                    expected = "no occasion"
                self.equal("package.json", f"figure {name}", expected, figure["value"])
            elif numerator is not None:
                self.equal("package.json", f"figure {name}", numerator, figure["value"])
            path, filters = figure.get("file"), figure.get("filter")
            if path and filters is not None:
                if path not in COLUMNS or not set(filters) <= set(COLUMNS[path].split(",")):
                    self.differs(
                        "package.json",
                        f"figure {name} cannot be counted again",
                        "a table and its columns",
                        f"{path}, {sorted(filters)}",
                    )
                    continue
                found = sum(matches(filters, row) for row in self.table(path))
                self.equal("package.json", f"figure {name} counts rows of {path}", found, numerator)
        self._head_figures()
        self._scope()
        self.holds(f"{len(self._figures())} figures")

    def _test_rates(self, smallest):
        for row in self.table("tests.csv"):
            where = f"tests.csv:{row['_row']}"
            base = f"tests/{row['control']}.{row['procedure']}/v{row['version']}/"
            if self.type_one or not row["pid"]:
                self.equal(
                    where,
                    f"{base} has rates without a population over a period",
                    ("", ""),
                    (row["pass_rate"], row["deviation_rate"]),
                )
                continue
            good, bad, unknown = (self.number(where, row[each], each) for each in ("pass", "fail", "unknown"))
            proven = row["days"] != "" and int(row["covered"]) + int(row["proven_zero"]) == int(row["days"])
            none = "no occasion" if proven and not good + bad + unknown else None
            for name, text, numerator, denominator in (
                (
                    "pass_rate",
                    none or share(good, good + bad + unknown, smallest, False),
                    good,
                    good + bad + unknown,
                ),
                ("deviation_rate", none or share(bad, good + bad, smallest, True), bad, good + bad),
            ):
                self.equal(where, f"figure {base + name}", text, row[name])
                figure = self._figure(base + name) or {}
                found = (figure.get("value"), figure.get("numerator"), figure.get("denominator"))
                self.equal("package.json", f"figure {base + name}", (text, numerator, denominator), found)

    def _head_figures(self):
        found = {
            "controls": len({row["control"] for row in self.table("controls.csv")}),
            "tests": len(self.table("tests.csv")),
            "populations": len(self.populations),
            "members": sum(p.rows for p in self.populations.values()),
            "fail": sum(p.results["fail"] for p in self.populations.values()),
            "unknown": sum(p.results["unknown"] for p in self.populations.values()),
            "samples": len(self.table("samples/index.csv")),
            "exceptions": len(self.table("exceptions.csv")),
            "gap_days": sum(row["state"] == "gap" for row in self.table("coverage.csv")),
            "leaves": self.leaf_total,
        }
        for name, number in found.items():
            self.equal(MANIFEST, f"figure {name}", number, self.manifest["figures"].get(name))

    def _scope(self):
        """Criteria and controls name each other, and the manifest names the criteria in scope."""
        inside = [row["criterion"] for row in self.table("criteria.csv") if row["in_scope"] == "yes"]
        self.equal(MANIFEST, "criteria are not those in scope", inside, self.manifest["criteria"])
        served = {}
        for row in self.table("controls.csv"):
            for criterion in row["criteria"].split():
                served.setdefault(criterion, set()).add(row["control"])
        for row in self.table("criteria.csv"):
            self.equal(
                f"criteria.csv:{row['_row']}",
                f"controls of {row['criterion']} are not those that name it",
                sorted(served.get(row["criterion"], ())),
                sorted(row["controls"].split()),
            )

    def check_V14(self):
        self._walk()
        rows = {row["id"]: row for row in self.table("exceptions.csv")}
        if len(rows) != len(self.table("exceptions.csv")):
            self.differs("exceptions.csv", "exception id is there twice", "unique ids", "a double")
        begins = {}
        for row in self.table("controls.csv"):
            begins[row["control"]] = min(begins.get(row["control"], "9999"), row["in_operation_from"] or "")
        members = {name: set(row["members"].split(" ")) for name, row in rows.items()}
        for pid, population in sorted(self.populations.items()):
            path = f"populations/{pid}.results.csv"
            for at, member, exception, reason, _, day in population.fails:
                if not exception:
                    if reason == "suppressed" or day < begins.get(pid.split(".")[0], ""):
                        continue
                    self.differs(
                        f"{path}:{at}", f"{member} failed without an exception", "an exception", "none"
                    )
                elif exception not in rows:
                    self.differs(
                        f"{path}:{at}",
                        f"exception {exception} does not exist",
                        "a row of exceptions.csv",
                        "none",
                    )
                elif member not in members[exception]:
                    self.differs(
                        f"{path}:{at}",
                        f"exception {exception} does not list {member}",
                        member,
                        rows[exception]["members"][:200],
                    )
        for name, row in rows.items():
            self._exception(name, row)
        self.holds(f"{len(rows)} exceptions")

    def _exception(self, name, row):
        where = f"exceptions.csv:{row['_row']}"
        population = self.populations.get(row["pid"])
        if row["pid"] and population is None:
            self.differs(where, f"exception {name} names no population of this bundle", "a pid", row["pid"])
        for member in row["members"].split(" "):
            if member and population is not None and member not in population.known:
                self.differs(
                    where, f"exception {name}: {member} is no member of {row['pid']}", "a member", "none"
                )
        state, problem = row["state"], None
        times = [row[each] for each in ("occurred_first", "detected", "closed_at") if row[each]]
        if state not in EXCEPTION_STATES:
            problem = ("one of " + ", ".join(EXCEPTION_STATES), state)
        elif state in ("fixed", "retested") and not row["fixed_at"]:
            problem = ("fixed_at", "none")
        elif state == "closed" and not row["closed_at"]:
            problem = ("closed_at", "none")
        elif state in ("open", "triaged", "ticketed", "fixed", "retested", "accepted") and row["closed_at"]:
            problem = ("no closed_at while it is " + state, row["closed_at"])
        elif state == "accepted" and not (row["accepted_until"] and row["accepted_by"]):
            problem = ("accepted_until and accepted_by", f"{row['accepted_until']}, {row['accepted_by']}")
        elif state == "open" and row["fixed_at"]:
            problem = ("no fixed_at while it is open", row["fixed_at"])
        elif not all(TIME.match(each) for each in times + [t for t in (row["fixed_at"], row["due"]) if t]):
            problem = ("RFC 3339 UTC with microseconds", ", ".join(times))
        elif times != sorted(times) or (
            row["fixed_at"] and row["closed_at"] and row["fixed_at"] > row["closed_at"]
        ):
            problem = ("occurred, detected, closed in this order", ", ".join(times))
        elif any(each > self.now for each in [*times, row["fixed_at"]]):
            problem = ("nothing after the package's head of " + self.now, ", ".join(times))
        if problem:
            self.differs(where, f"exception {name}", *problem)

    def check_V15(self):
        exceptions = {row["id"]: row for row in self.table("exceptions.csv")}
        for name, row in exceptions.items():
            expected = ""
            if row["fixed_at"]:
                expected = "yes" if not row["due"] or row["fixed_at"] <= row["due"] else "no"
            self.equal(f"exceptions.csv:{row['_row']}", f"{name} judged wrongly", expected, row["in_time"])
        for pid, population in sorted(self.populations.items()):
            path = f"populations/{pid}.results.csv"
            for at, member, exception, _, in_time, _ in population.fails:
                expected = exceptions[exception]["in_time"] if exception in exceptions else ""
                self.equal(f"{path}:{at}", f"{member} judged wrongly", expected, in_time)
            for at, _, in_time in population.in_time:
                self.equal(f"{path}:{at}", "in_time belongs to failures", "", in_time)
        for row in self.table("duties.csv"):
            where, done = f"duties.csv:{row['_row']}", row["done_at"]
            if row["state"] == "waived":
                continue
            if done:
                expected = (
                    "in_time" if done <= row["due"] else "late" if done <= row["grace_end"] else "missed"
                )
            else:
                expected = "open" if self.now <= row["grace_end"] else "missed"
            self.equal(where, f"{row['duty']} judged wrongly", expected, row["state"])
        self.holds(f"{len(exceptions)} exceptions, {len(self.table('duties.csv'))} duties")

    def check_V16(self):
        self._walk()
        index = self.table("samples/index.csv")
        named = {f"samples/{row['pid']}.{row['draw']}.csv" for row in index}
        for path in sorted(self.listed):
            if path.startswith("samples/") and path != "samples/index.csv" and path not in named:
                self.differs(path, "sample is not in samples/index.csv", "a row", "none")
        for row in index:
            self._draw(row)
        for pid, path, sheet in self._sheets():
            lottery = self._drawn.get(pid, [None])[-1]
            strata = lottery[5] if lottery else {}
            expected = [member for _, member, _ in strata[""].ordered()] if "" in strata else []
            self.equal(
                path,
                "rows traced to raw bytes are not the first ranks",
                expected,
                sheet["accuracy"]["members"],
            )
        if index:
            self.holds(f"{len(index)} samples drawn again")
        else:
            self.remark("samples/index.csv", "no sample was drawn: every population is judged whole")

    def _draw(self, row):
        where = f"samples/index.csv:{row['_row']}"
        name, pid = row["draw"], row["pid"]
        population = self.populations.get(pid)
        sheet = self._quiet(lambda: self.object(f"populations/{pid}.ipe.json"))
        if population is None or sheet is None:
            self.differs(where, f"sample {name} is of no population of this bundle", "a pid", pid)
            return
        self.equal(
            where,
            f"sample {name} is of another population",
            (population.sha256, str(sheet["version"])),
            (row["population_sha256"], row["version"]),
        )
        scopes = {"engagement": self.manifest.get("engagement"), "client": self.manifest["client"]["uuid"]}
        if row["seed_kind"] == "auditor":
            seed = seed_of("auditor", row["seed_text"], row["population_sha256"])
            self.equal(where, f"sample {name}: only the auditor enters a seed", "auditor", row["ledger"])
        else:
            self.equal(
                where, f"sample {name} has another scope", scopes.get(row["seed_kind"]), row["seed_text"]
            )
            seed = seed_of(scopes.get(row["seed_kind"]), sheet["control"], row["population_sha256"])
        self.equal(where, f"sample {name} has another seed", seed, row["seed"])
        if row["ledger"] == "management" and sheet["lane"] == "census":
            self.differs(
                where,
                f"sample {name} is drawn by management from a population judged whole",
                "no sample",
                "one",
            )
        if (row["method"] == "stratified") != (row["stratum_by"] in STRATUM_COLUMN) or row["method"] not in (
            "ranked",
            "stratified",
        ):
            self.differs(
                where,
                f"sample {name} has no known method",
                "ranked, or stratified by something",
                f"{row['method']} {row['stratum_by']}",
            )
        lottery = next((each for each in self._drawn.get(pid, []) if each[0] == name), None)
        if lottery is not None:
            self._redraw(row, lottery[5])

    def _redraw(self, row, strata):
        name, path = row["draw"], f"samples/{row['pid']}.{row['draw']}.csv"
        found = [(at, fields) for at, fields, _ in self.rows(path, DRAWN)]
        quota = quotas({stratum: lowest.count for stratum, lowest in strata.items()}, int(row["size"]))
        pools = {stratum: lowest.ordered() for stratum, lowest in strata.items()}
        expected = []
        for stratum in sorted(quota, key=lambda each: each.encode()):
            for rank, member, n in pools[stratum][: quota[stratum]]:
                expected.append([name, str(len(expected) + 1), rank, member, n, stratum, "", ""])
        used, in_sample = dict(quota), {fields[3]: fields[5] for fields in expected}
        aside = set()
        for at, fields in found[len(expected) :]:
            replaced, reason = fields[6], fields[7]
            stratum = in_sample.get(replaced)
            words = re.match(r"(\w+); asked by (.+); approved by (.+)\Z", reason)
            if stratum is None or replaced in aside or not words or words.group(1) not in REPLACEMENTS:
                self.differs(
                    f"{path}:{at}",
                    f"sample {name} row {at} replaces without a reason that is allowed",
                    "a drawn member; " + ", ".join(REPLACEMENTS),
                    f"{replaced}; {reason}",
                )
                continue
            aside.add(replaced)
            following = pools[stratum][used[stratum] : used[stratum] + 1]
            used[stratum] += 1
            for rank, member, n in following:
                expected.append([name, str(len(expected) + 1), rank, member, n, stratum, replaced, reason])
                in_sample[member] = stratum
        for at, (one, other) in enumerate(zip(expected, [fields for _, fields in found]), start=1):
            if one != other:
                self.differs(
                    f"{path}:{at}",
                    f"sample {name} row {at} is not rank {one[2]}",
                    ",".join(one),
                    ",".join(other),
                )
        if len(expected) != len(found):
            self.differs(
                path, f"sample {name} has another size", f"{len(expected)} rows", f"{len(found)} rows"
            )

    def check_V17(self):
        index = [row for row in self.table("samples/index.csv") if row["ledger"] == "management"]
        if not index:
            raise NothingToCheck("management drew no sample: every population is judged whole")
        setting = self._setting("sampling")
        keys = {row["control"]: row["key"] == "yes" for row in self.table("controls.csv")}
        codes = {row["control"]: row["frequency"] for row in self.table("controls.csv")}
        for row in index:
            where = f"samples/index.csv:{row['_row']}"
            sheet = self.object(f"populations/{row['pid']}.ipe.json")
            control, frequency = sheet["control"], sheet["frequency"]
            if frequency not in re.split(r"[+ ]", codes.get(control, "")):
                self.differs(
                    where,
                    f"sample {row['draw']} is of no part of the control's frequency",
                    codes.get(control),
                    frequency,
                )
            level = 2 if control in setting["raised"] else 1 if keys.get(control) else 0
            total = self.populations[row["pid"]].rows
            days = len(list(each_day(sheet["window"]["from"], sheet["window"]["to"])))
            if frequency in ("occ", "cont"):
                rate = -(-total * 365 // days)
                frequency = next((code for code, limit in FREQUENCIES if rate <= limit), "many")
            size = min(total, setting["sizes"][frequency][level])
            if self.number(where, row["size"], "size") < size:
                self.differs(where, f"sample {row['draw']} smaller than its rule", size, row["size"])
        self.holds(f"{len(index)} sample sizes")

    # V18 to V22: days, completeness, words, what is not proven.

    def _coverage(self):
        found = {}
        for row in self.table("coverage.csv"):
            found.setdefault(row["source"], {})[row["local_date"]] = row["state"]
        return found

    def _control_days(self, sources, first, last, where):
        days, found = self._coverage(), {}
        for source in sources:
            if source not in days:
                raise Damaged(where, f"reads {source}, which coverage.csv does not have", "its days", "none")
        for day in each_day(first, last):
            states = {days[source].get(day, "not_in_scope") for source in sources}
            found[day] = combined(states)
        return found

    def check_V18(self):
        smallest = self._setting("smallest_denominator")
        sources = {}
        for _, path, sheet in self._sheets():
            if sheet["systems_of_record"]:
                sources.setdefault(sheet["control"], set()).update(sheet["systems_of_record"])
            self._sheet_days(path, sheet)
        listed = {}
        for row in self.table("control_coverage.csv"):
            listed.setdefault(row["control"], []).append(row)
        self.equal(
            "control_coverage.csv",
            "coverage of controls that read no source, or of too few",
            sorted(sources),
            sorted(listed),
        )
        for control in sorted(sources):
            own = sorted(sources[control])
            states = self._control_days(own, self.first, self.last, "control_coverage.csv")
            self._control_rows(control, own, states, listed.get(control, []))
            tested = sum(state in ("covered", "proven_zero") for state in states.values())
            inside = sum(state != "not_in_scope" for state in states.values())
            figure = self._figure(f"controls/{control}/coverage") or {}
            found = (figure.get("value"), figure.get("numerator"), figure.get("denominator"))
            self.equal(
                "package.json",
                f"coverage of {control}",
                (share(tested, inside, smallest, False), tested, inside),
                found,
            )
        self._test_days()
        self.holds(f"{len(sources)} controls, day by day")

    def _control_rows(self, control, sources, states, rows):
        days = self._coverage()
        self.equal(
            "control_coverage.csv",
            f"coverage of {control} has other days",
            sorted(states),
            [row["local_date"] for row in rows],
        )
        for row in rows:
            state = states.get(row["local_date"])
            blocking = [
                s for s in sources if state in ("gap", "unknown") and days[s].get(row["local_date"]) == state
            ]
            found = (row["state"], row["blocking_sources"])
            self.equal(
                f"control_coverage.csv:{row['_row']}",
                f"coverage of {control} on {row['local_date']}",
                (state, " ".join(blocking)),
                found,
            )

    def _sheet_days(self, path, sheet):
        first, last = max(sheet["window"]["from"], self.first), min(sheet["window"]["to"], self.last)
        sources, found = sheet["systems_of_record"], sheet["coverage"]
        states = Counter(self._control_days(sources, first, last, path).values()) if sources else Counter()
        expected = {state: states[state] for state in STATES}
        expected["days"] = sum(states.values())
        self.equal(path, f"coverage of {sheet['pid']}", expected, {key: found.get(key) for key in expected})
        days = self._coverage()
        gaps = []
        for source in sources:
            inside = {day: state for day, state in days[source].items() if first <= day <= last}
            gaps += [(source, start, end) for start, end in runs(inside, "gap")]
        self.equal(
            path,
            f"coverage of {sheet['pid']}: gaps",
            gaps,
            [(g["source"], g["from"], g["to"]) for g in found["gaps"]],
        )

    def _test_days(self):
        for row, first, last in self._spans():
            where = f"tests.csv:{row['_row']}"
            sheet = self.object(f"populations/{row['pid']}.ipe.json") if row["pid"] else None
            expected = ("",) * 5
            if sheet is not None and sheet["systems_of_record"]:
                start, end = max(first, sheet["window"]["from"]), min(last, sheet["window"]["to"])
                states = Counter(self._control_days(sheet["systems_of_record"], start, end, where).values())
                counted = (
                    sum(states.values()),
                    states["covered"],
                    states["proven_zero"],
                    states["gap"],
                    states["unknown"],
                )
                expected = tuple(map(str, counted))
            found = tuple(row[each] for each in ("days", "covered", "proven_zero", "gap", "unknown_days"))
            self.equal(where, f"coverage of {row['control']}.{row['procedure']}", expected, found)

    def check_V19(self):
        before, seen, sources = ("", ""), set(), set()
        for row in self.table("coverage.csv"):
            where, key = f"coverage.csv:{row['_row']}", (row["source"], row["local_date"])
            message = f"{key[0]} {key[1]}"
            if key in seen:
                self.differs(where, message + " is there twice", "one row", "two")
            if (key[0].encode(), key[1]) < (before[0].encode(), before[1]):
                self.differs(
                    where, message + " is out of order", "source, then date", f"after {before[0]} {before[1]}"
                )
            if key[1] not in self._days:
                self.differs(
                    where, message + " is outside the period", f"{self.first} to {self.last}", key[1]
                )
            if row["state"] not in STATES:
                self.differs(where, message + " has no known state", ", ".join(STATES), row["state"])
            events = self.number(where, row["events"], "events")
            if (row["state"] == "proven_zero" and events) or (row["state"] == "covered" and not events):
                self.differs(where, message + ": state does not follow from its events", row["state"], events)
            if row["state"] == "proven_zero" and not row["liveness"]:
                self.differs(where, message + ": a zero is proven by something", "liveness", "none")
            before = key
            seen.add(key)
            sources.add(key[0])
        for source in sorted(sources):
            for day in self._days:
                if (source, day) not in seen:
                    self.differs("coverage.csv", f"{source} {day} is missing", "one row", "none")
        self.holds(f"{len(sources)} sources on {len(self._days)} days")

    def check_V20(self):
        count = 0
        for pid, path, sheet in self._sheets():
            tie_outs, gaps = sheet["tie_outs"], sheet["coverage"]["gaps"]
            for each in tie_outs:
                count += 1
                self.equal(
                    path, f"{pid}: tie-out {each['id']}", each["own"] - each["other"], each["difference"]
                )
                if each["id"] == "T2":
                    self.equal(path, f"{pid}: tie-out T2 is not about its rows", sheet["rows"], each["own"])
            if sheet["accuracy"]["agreeing"] > sheet["accuracy"]["traced"] or sheet["accuracy"][
                "traced"
            ] != len(sheet["accuracy"]["members"]):
                self.differs(
                    path,
                    f"{pid}: more rows agree than were traced",
                    sheet["accuracy"]["traced"],
                    sheet["accuracy"]["agreeing"],
                )
            expected = verdict(tie_outs, gaps, sheet["unknown_reasons"].get("membership", 0), sheet["run_by"])
            if expected != sheet["verdict"]:
                self.differs(path, f"{pid} is not {sheet['verdict']}", expected, sheet["verdict"])
            if expected == "representation only" and sheet["representation"] is None and not self.draft:
                self.differs(
                    path,
                    f"{pid} rests on representation only, and nobody signed it",
                    "a signed sentence",
                    "none",
                )
        self.holds(f"{count} tie-outs")

    def check_V21(self):
        tolerance = self._setting("unknown_tolerance")
        words = {}
        for row in self.table("tests.csv"):
            where = f"tests.csv:{row['_row']}"
            word = self._word(row, where, tolerance)
            own = words.setdefault(row["control"], set())
            if self.type_one or row["method"] != "design" or word == "deviations":
                own.add(word)
            name = f"{row['control']}.{row['procedure']}"
            self.equal(where, f"{name} should say {word}", word, row["result"])
            opening = self._opening(row, word)
            if not row["text"].startswith(opening):
                self.differs(where, f"{name} should say {word} in its text", opening, row["text"][:120])
            base = f"tests/{name}/v{row['version']}/result"
            self.equal(
                "package.json", f"{name} should say {word}", word, (self._figure(base) or {}).get("value")
            )
        order = (
            "deviations",
            "not_in_place",
            "not_tested",
            "partly_tested",
            "did_not_occur",
            "no_deviations",
            "in_place",
        )
        for control in sorted(words):
            present = words[control]
            if present - {"did_not_occur"}:
                present.discard("did_not_occur")
            word = next((each for each in order if each in present), "not_tested")
            self.equal(
                "package.json",
                f"{control} should say {word}",
                word,
                (self._figure(f"controls/{control}/result") or {}).get("value"),
            )
        self.holds(f"{len(self.table('tests.csv'))} result words")

    def _word(self, row, where, tolerance):
        members, bad, unknown = (
            self.number(where, row[each] or "0", each) for each in ("members", "fail", "unknown")
        )
        untested = outside = 0
        if row["days"]:
            days, *known = (
                int(row[each]) for each in ("days", "covered", "proven_zero", "gap", "unknown_days")
            )
            untested, outside = days - known[0] - known[1], not any(known)
        if row["pid"]:
            untested += self.object(f"populations/{row['pid']}.ipe.json")["coverage"]["off"]
        if bad:
            word = "deviations"
        elif (not row["pid"] and not (row["method"] == "design" and members)) or (outside and not members):
            word = "not_tested"
        elif unknown > tolerance * members or untested:
            word = "partly_tested"
        else:
            word = "no_deviations" if members else "did_not_occur"
        return (
            {"deviations": "not_in_place", "no_deviations": "in_place"}.get(word, word)
            if self.type_one
            else word
        )

    def _opening(self, row, word):
        if word in ("deviations", "not_in_place"):
            judged = int(row["pass"]) + int(row["fail"])
            figure = f"{row['fail']} of {judged}"
            if row["items"]:
                figure = (
                    f"{row['items_failed']} of {row['items']} items, on {row['fail']} of {judged} item-days"
                )
            return (f"Not in place on {self.first}: " if self.type_one else "Deviations noted: ") + figure
        return {
            "not_tested": "Not tested: ",
            "partly_tested": "No deviations noted in what was tested.",
            "did_not_occur": "The control had no occasion",
            "no_deviations": "No deviations noted in management's tests.",
            "in_place": f"In place on {self.first}.",
        }[word]

    def check_V22(self):
        expected = self._unproven()
        found = {}
        for name, figure in self._figures().items():
            if name.startswith("does_not_prove/") and name.count("/") >= 2:
                kind, key = name.split("/", 2)[1:]
                if kind not in BY_HAND:
                    found[(kind, key)] = figure["numerator"]
        for item in sorted(set(expected) - set(found)):
            self.differs("package.json", f"{item[0]} {item[1]} is left out", expected[item], "nothing")
        for item in sorted(set(found) - set(expected)):
            self.differs("package.json", f"{item[0]} {item[1]} is not in the files", "nothing", found[item])
        for item in sorted(set(found) & set(expected)):
            self.equal("package.json", f"{item[0]} {item[1]} has another count", expected[item], found[item])
        for kind in KINDS:
            summary = self._figure("does_not_prove/" + kind)
            lines = sum(1 for name in self._figures() if name.startswith(f"does_not_prove/{kind}/"))
            if summary is None or summary["numerator"] != lines:
                self.differs(
                    "package.json", f"{kind} is left out", f"{lines} lines", summary and summary["numerator"]
                )
        self.holds(f"{len(expected)} lines")

    def _unproven(self):
        """Every gap, unknown, waiver and acceptance that the files hold: (kind, key) → count."""
        found = {}
        for source, days in self._coverage().items():
            for kind, state in (
                ("gap", "gap"),
                ("unknown_days", "unknown"),
                ("days_out_of_scope", "not_in_scope"),
            ):
                for first, last in runs(days, state):
                    found[(kind, f"{source}/{first}_{last}")] = len(list(each_day(first, last)))
        sums = Counter()
        for row in self.table("coverage.csv"):
            sums[("rejected", row["source"])] += int(row["rejected"])
            sums[("refilled", row["source"])] += row["refilled_at"] != ""
        found.update({item: number for item, number in sums.items() if number})
        for row in self.table("duties.csv"):
            if row["state"] == "waived":
                found[("waived", row["duty"])] = 1
        for row in self.table("exceptions.csv"):
            if row["state"] == "accepted":
                found[("accepted", row["id"])] = 1
        for row in self.table("criteria.csv"):
            if row["in_scope"] != "yes":
                found[("criterion_out", row["criterion"])] = 1
        for row in self.table("tests.csv"):
            if row["result"] == "not_tested":
                found[("not_tested", f"{row['control']}.{row['procedure']}/v{row['version']}")] = 1
        for pid, _, sheet in self._sheets():
            population = self.populations[pid]
            for reason, number in population.reasons.items():
                found[("unknown_members", f"{pid}/{reason}")] = number
            late = self.listed.get(f"populations/{pid}.late.csv", {}).get("rows")
            for kind, number, there in (
                ("late", late, late),
                ("not_frozen", population.rows, sheet["frozen_at"] is None),
                ("representation", population.rows, sheet["verdict"] == "representation only"),
                ("rule_off", sheet["coverage"]["off"], sheet["coverage"]["off"]),
            ):
                if there:
                    found[(kind, pid)] = number
            for each in sheet["tie_outs"]:
                if each["difference"]:
                    found[("tie_out", f"{pid}/{each['id']}")] = abs(each["difference"])
        return found

    # V23 to V25: evidence, the version before, the PDF.

    def check_V23(self):
        rows = self.table("evidence/index.csv")
        held = set()
        pattern = re.compile(
            r"evidence/([A-Za-z0-9.\-_]+)/(\d{4}-\d\d-\d\d)_([0-9a-f]{8})_[A-Za-z0-9.\-_]{1,60}\Z"
        )
        for row in rows:
            path, where = row["path"], f"evidence/index.csv:{row['_row']}"
            entry, form = self.listed.get(path), pattern.match(path)
            if entry is None or path in held:
                self.differs(where, f"{path} is no file of the bundle, or is there twice", "a file", "none")
                continue
            held.add(path)
            self.equal(
                path,
                f"{path}: index and file differ",
                (entry["sha256"], str(entry["bytes"])),
                (row["sha256"], row["bytes"]),
            )
            expected = (row["control"].split(" ")[0], row["inclusion_from"], row["sha256"][:8])
            self.equal(
                path, f"{path} is not named by control, date and hash", expected, form and form.groups()
            )
            if row["kind"] not in ("event", "artifact", "config", "portal"):
                self.differs(
                    where, f"{path} is of no known kind", "event, artifact, config or portal", row["kind"]
                )
            self._inclusion(path, row)
        for path in sorted(self.listed):
            if path.startswith("evidence/") and path not in held and path != "evidence/index.csv":
                self.differs(path, f"{path} is not in the index", "a row of evidence/index.csv", "none")
        shown = {member for row in rows for member in row["members"].split(" ")}
        for pid, population in sorted(self.populations.items()):
            for member, reason in sorted(population.evidence.items()):
                if member not in shown and not reason:
                    self.differs(
                        f"populations/{pid}.results.csv",
                        f"{member} was sampled, and has neither evidence nor a reason",
                        "evidence",
                        "none",
                    )
        self.holds(f"{len(rows)} files of evidence")

    def _inclusion(self, path, row):
        first, last = row["inclusion_from"], row["inclusion_to"]
        if not (DATE.match(first) and DATE.match(last) and first <= last):
            self.differs(path, f"{path} has no inclusion dates", "two dates", f"{first}, {last}")
        elif row["kind"] in ("config", "event") and last > self.last:
            self.differs(path, f"{path} is of after the period's end", "until " + self.last, last)
        elif first > self.last or (last < self.first and not self.type_one):
            self.differs(
                path,
                f"{path} is of another time than the package",
                f"{self.first} to {self.last}",
                f"{first} to {last}",
            )

    def check_V24(self):
        version, former = self.manifest["version"], self.manifest.get("supersedes")
        if version == 1:
            self.equal(MANIFEST, "version 1 supersedes nothing", None, former)
            raise NothingToCheck("version 1 has none before it")
        rows = self.table("differences.csv")
        if not isinstance(former, dict) or former.get("version") != version - 1:
            raise Damaged(MANIFEST, "does not name the version before", version - 1, former)
        for row in rows:
            if not row["because"]:
                self.differs(f"differences.csv:{row['_row']}", "difference has no reason", "why", "nothing")
        if self.previous is None:
            raise NothingToCheck(f"the manifest of version {version - 1} was not given (--previous FILE)")
        content = self.previous
        self.equal(
            "--previous",
            "is not the manifest of the version before",
            former.get("manifest_sha256"),
            hashlib.sha256(content).hexdigest(),
        )
        before = parse_canonical(content.rstrip(b"\n"), "--previous")
        self._declared(before, rows)
        self.holds(f"{len(rows)} differences from version {version - 1}")

    def _declared(self, before, rows):
        old = {entry["path"]: entry["sha256"] for entry in before["files"]}
        new = {entry["path"]: entry["sha256"] for entry in self.manifest["files"]}
        follows = (
            "README.txt",
            "package.pdf",
            "package.json",
            "differences.csv",
            "verify.py",
            "verify.html",
            "index.html",
        )
        changed = {
            path for path in set(old) | set(new)
            if old.get(path) != new.get(path) and path not in follows and not path.startswith(("ledger/", "oscal/"))
        }  # fmt: skip
        declared = {row["where"] for row in rows} - {MANIFEST}
        for path in sorted(changed - declared):
            self.differs(path, "difference not declared", "a row of differences.csv", "none")
        for path in sorted(declared - changed):
            self.differs(path, "difference declared that is none", "a change", "the same bytes")
        named = {row["field"]: row for row in rows if row["where"] == MANIFEST}
        for key in ("type", "client", "engagement", "as_of", "period", "zone", "categories", "criteria"):
            one, other = before.get(key), self.manifest.get(key)
            row = named.pop(key, None)
            if one != other and (row is None or (row["was"], row["is"]) != (shown(one), shown(other))):
                self.differs(
                    MANIFEST,
                    f"difference not declared: {key}",
                    f"{shown(one)} → {shown(other)}",
                    row and f"{row['was']} → {row['is']}",
                )
            elif one == other and row is not None:
                self.differs(MANIFEST, f"difference declared that is none: {key}", "a change", shown(one))

    def check_V25(self):
        mark = (f"proofline {self.manifest['bundle']} {self.manifest['ledger']['root']}").encode()
        before, found, head = b"", False, b""
        for chunk in self.box.chunks("package.pdf") if "package.pdf" in self.box.names else ():
            head = head or chunk[:5]
            found = found or mark in before + chunk
            before = (before + chunk)[-len(mark) :]
        if not found or head != b"%PDF-":
            self.differs("package.pdf", "PDF belongs to another build", mark.decode(), "no such text in it")
        self.holds(mark.decode())


SHEET_KEYS = (
    "v", "pid", "control", "control_version", "procedure", "title", "member", "frequency", "window", "zone",
    "opens_at", "systems_of_record", "query", "parameters", "adapter_versions", "rule_versions", "run_by",
    "run_at", "rows", "sha256", "first_occurred_at", "last_occurred_at", "lane", "results", "unknown_reasons",
    "coverage", "tie_outs", "accuracy", "late", "verdict", "representation", "frozen_by", "frozen_at", "leaf",
    "version", "replaces"
)  # fmt: skip


def matches(filters, row):
    """Whether a row has what a figure's filter asks for."""
    for column, wanted in filters.items():
        value = row[column]
        if isinstance(wanted, dict):
            if not wanted["from"] <= value <= wanted["to"]:
                return False
        elif isinstance(wanted, list):
            if value not in wanted:
                return False
        elif value != wanted:
            return False
    return True


def verdict(tie_outs, gaps, unknown_membership, run_by):
    """The verdict that a sheet's own figures give."""
    if not {"T1", "T3", "T4"} & {each["id"] for each in tie_outs}:
        return "representation only"
    if not any(each["id"] == "T2" for each in tie_outs) or unknown_membership:
        return "not shown complete"
    points = [(f"{each['id']} ({each['difference']:+d})", each) for each in tie_outs if each["difference"]]
    points += [(f"gap {each['source']} {each['from']}..{each['to']}", each) for each in gaps]
    if not points:
        return "complete"
    if all(each["explanation"] and each["explained_by"] not in ("", run_by) for _, each in points):
        return "complete except " + "; ".join(name for name, _ in points)
    return "not shown complete"


def shown(value):
    """A manifest's value as differences.csv has it."""
    return value if isinstance(value, str) else "" if value is None else canonical(value).decode()


def own_bytes():
    """The source of the running verifier, if it can be read."""
    try:
        with open(os.path.abspath(__file__), "rb") as file:
            return file.read()
    except (OSError, NameError):
        return None


# The command.


def open_bundle(path):
    """The bundle at a path, or CannotRun."""
    if os.path.isdir(path):
        box = Folder(path)
        if not {MANIFEST, SIGNATURE, "ledger/leaves.jsonl"} & box.names:
            raise CannotRun(f"{path} is no bundle: it has no {MANIFEST}.")
        return box
    if not os.path.exists(path):
        raise CannotRun(f"There is no {path}.")
    return Zip(path)


def find_bundle():
    """The bundle that somebody means who names none: this folder, else the verifier's own."""
    for path in (os.getcwd(), os.path.dirname(os.path.abspath(__file__))):
        if os.path.isfile(os.path.join(path, MANIFEST)):
            return path
    raise CannotRun("There is no bundle in this folder. Give the path of a bundle's folder or zip.")


def read_checkpoint(path):
    """The checkpoint of a file, or CannotRun."""
    try:
        with open(path, "rb") as file:
            content = file.read(1 << 20)
        notes = parse_checkpoints(content.rstrip(b"\n") + b"\n", path)
    except OSError as error:
        raise CannotRun(f"The checkpoint cannot be read: {error}") from None
    except Damaged as error:
        raise CannotRun(f"{path} holds no checkpoint: {error.message}.") from None
    notes[-1].where = path
    return notes[-1]


def read_previous(path):
    """The manifest of the version before: the file itself, or that of a bundle. Or CannotRun."""
    try:
        if os.path.isdir(path) or path.endswith(".zip"):
            return b"".join(open_bundle(path).chunks(MANIFEST))
        with open(path, "rb") as file:
            return file.read(WHOLE_LIMIT)
    except (OSError, KeyError, Damaged) as error:
        raise CannotRun(f"The manifest of the version before cannot be read: {error}") from None


class Report:
    """What the checks found: `ok`, one finding per line, and the last line."""

    def __init__(self, verifier):
        order = {code: at for at, code in enumerate(CODES)}
        self.findings = sorted(verifier.report, key=lambda finding: order[finding[0]])
        self.total = sum(verifier.failures.values())
        self.ok = self.total == 0
        self.more = {code: count - SHOWN for code, count in verifier.failures.items() if count > SHOWN}
        members = sum(population.rows for population in verifier.populations.values())
        samples = sum(1 for path in verifier.listed if SAMPLE.match(path))
        self.summary = (
            f"holds: {len(verifier.listed)} files, {verifier.leaf_total} leaves, {members} members,"
            f" {samples} samples"
        )
        if not self.ok:
            self.summary = f"differs: {self.total}"

    def to_json(self):
        """The object of --json. A check that fails has its sentence after what was found."""
        checks = []
        for code, ok, where, message, expected, found in self.findings:
            said = f"{found or '-'} ({message})" if message else found
            checks.append({"name": code, "ok": ok, "expected": expected, "found": said, "where": where})
        return {"ok": self.ok, "checks": checks}

    def lines(self):
        """The lines that are printed, the summary last."""
        for code, ok, where, message, expected, found in self.findings:
            if not ok:
                place = where + " " if where else ""
                yield f"{code} {place}{message}: expected {expected or '-'}, found {found or '-'}"
            elif expected == NOTHING:
                yield f"{code} note: {where + ': ' if where else ''}{found}"
            else:
                yield f"{code} holds: {found}"
        for code, count in sorted(self.more.items()):
            yield f"{code} and {count} more"
        yield self.summary


def verify(path, checkpoint=None, previous=None):
    """Check the bundle at a path. `checkpoint` is of `read_checkpoint`, `previous` of `read_previous`."""
    verifier = Verifier(open_bundle(path), checkpoint, previous)
    verifier.run()
    return Report(verifier)


def plain(text):
    """Text that cannot move a terminal's cursor or begin another line."""
    return "".join(each if each.isprintable() else "\u2423" for each in text)


def main(arguments=None):
    """Run the command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Verify a Proofline bundle offline.")
    parser.add_argument(
        "path", nargs="?", metavar="PATH", help="folder or zip; without it, the bundle in this folder"
    )
    parser.add_argument("--checkpoint", metavar="FILE", help="a checkpoint that was obtained elsewhere")
    parser.add_argument("--previous", metavar="FILE", help="manifest.json (or bundle) of the version before")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    try:
        checkpoint = read_checkpoint(options.checkpoint) if options.checkpoint else None
        previous = read_previous(options.previous) if options.previous else None
        report = verify(options.path or find_bundle(), checkpoint, previous)
    except (CannotRun, OSError) as error:
        sys.stderr.write(f"verify.py: {error}\n")
        return 2
    if options.json:
        sys.stdout.write(json.dumps(report.to_json(), ensure_ascii=False, sort_keys=True) + "\n")
    else:
        for line in report.lines():
            sys.stdout.write(plain(line) + "\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
