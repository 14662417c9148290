"""The verifier's own Ed25519 and canonical JSON: published vectors, and agreement with other implementations."""

import random
from hashlib import sha512

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evidence.ledger import leaf, tree

# RFC 8032 §7.1: secret key, public key, message, signature.
VECTORS = {
    "test 1": (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    "test 2": (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    "test 3": (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    "test sha(abc)": (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        sha512(b"abc").hexdigest(),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
            "3dca179c138ac17ad9bef1177331a704"
        ),
    ),
}
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS.values(), ids=VECTORS)
def test_the_vectors_of_rfc_8032(verify, secret, public, message, signature):
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert verify.ed25519_verify(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))
    assert not verify.ed25519_verify(
        bytes.fromhex(public), bytes.fromhex(message) + b"x", bytes.fromhex(signature)
    )


def library(public, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_it_agrees_with_the_library_on_good_and_bad_signatures(verify):
    chance = random.Random(8032)
    for _ in range(60):
        key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        public = key.public_key().public_bytes_raw()
        message = chance.randbytes(chance.randrange(200))
        signature = key.sign(message)
        assert verify.ed25519_verify(public, message, signature)
        for _ in range(3):
            parts = [bytearray(public), bytearray(message or b"-"), bytearray(signature)]
            victim = chance.choice(parts)
            victim[chance.randrange(len(victim))] ^= 1 << chance.randrange(8)
            args = tuple(map(bytes, parts))
            assert verify.ed25519_verify(*args) == library(*args)


def test_a_second_spelling_of_a_signature_is_refused(verify):
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"m")
    higher = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert not verify.ed25519_verify(public, b"m", signature[:32] + higher)
    assert not verify.ed25519_verify(public, b"m", signature[:63])
    assert not verify.ed25519_verify(public[:31], b"m", signature)
    assert not verify.ed25519_verify((2**255 - 1).to_bytes(32, "little"), b"m", signature)


def test_its_canonical_json_is_the_ledgers(verify):
    chance = random.Random(1)

    def some(depth):
        kind = chance.randrange(8 if depth else 6)
        if kind == 0:
            return chance.choice([None, True, False])
        if kind == 1:
            return chance.randrange(-(2**53) + 1, 2**53)
        if kind == 2:
            return chance.uniform(-1, 1) * 10 ** chance.randrange(-30, 30)
        if kind < 6:
            return "".join(chance.choices('a"\\\x01\n\u00e9\u2028\U0001f600\ufb33', k=chance.randrange(6)))
        if kind == 6:
            return [some(depth - 1) for _ in range(chance.randrange(4))]
        return {str(some(0)): some(depth - 1) for _ in range(chance.randrange(4))}

    for _ in range(500):
        value = some(4)
        assert verify.canonical(value) == leaf.canonical(value)


def test_its_tree_is_the_ledgers(verify):
    hashes = [tree.leaf_hash(str(each).encode()) for each in range(40)]
    whole = tree.Tree(hashes)
    for size in (1, 2, 3, 7, 8, 21, 40):
        for index in range(size):
            path = whole.inclusion(index, size)
            assert verify.root_from_inclusion(index, size, hashes[index], path) == whole.root(size)
            assert (
                verify.root_from_inclusion(index, size, hashes[index], [*path, path[0] if path else b""])
                is None
            )
        for old in range(size + 1):
            proof = whole.consistency(old, size)
            assert verify.consistency_holds(old, whole.root(old), size, whole.root(size), proof)
            assert not verify.consistency_holds(old, b"\0" * 32, size, whole.root(size), proof)
