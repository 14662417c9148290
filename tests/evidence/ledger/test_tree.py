"""The tree against the definitions of RFC 6962, written out a second time, and against its known vectors."""

import random
from hashlib import sha256

import pytest

from evidence.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    Tree,
    consistency_holds,
    leaf_hash,
    root,
    root_from_inclusion,
)

# The inputs and roots that Certificate Transparency implementations share (RFC 6962's reference tests).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(leaves):
    """MTH of RFC 6962 §2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m, leaves):
    """PATH of RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m, leaves, whole):
    """SUBPROOF of RFC 6962 §2.1.2."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def made(count):
    return [f"leaf {each}".encode() for each in range(count)]


def test_known_roots():
    for size, expected in enumerate(ROOTS):
        hashes = [leaf_hash(leaf) for leaf in LEAVES[:size]]
        assert root(hashes).hex() == expected
        assert Tree(hashes).root().hex() == expected
    assert ROOTS[0] == EMPTY_ROOT.hex()


def test_known_proofs():
    tree = Tree(leaf_hash(leaf) for leaf in LEAVES)
    assert [each.hex() for each in tree.inclusion(0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [each.hex() for each in tree.consistency(6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 31, 33])
def test_every_proof_is_the_definitions_and_holds(size):
    leaves = made(size)
    hashes = [leaf_hash(leaf) for leaf in leaves]
    tree = Tree(hashes)
    assert tree.root() == mth(leaves)
    for index in range(size):
        proof = tree.inclusion(index)
        assert proof == path(index, leaves)
        assert root_from_inclusion(index, size, hashes[index], proof) == tree.root()
    for old in range(1, size + 1):
        proof = tree.consistency(old)
        assert proof == subproof(old, leaves, True)
        assert consistency_holds(old, tree.root(old), size, tree.root(), proof)


def test_an_earlier_size_is_answered_from_the_later_tree():
    leaves = made(21)
    tree = Tree(leaf_hash(leaf) for leaf in leaves)
    for size in range(1, 22):
        assert tree.root(size) == mth(leaves[:size])
        assert tree.inclusion(size // 2, size) == path(size // 2, leaves[:size])


def test_a_frontier_goes_on_from_where_it_was_stored():
    leaves = made(300)
    frontier = Frontier()
    for at, leaf in enumerate(leaves, start=1):
        frontier.append(leaf_hash(leaf))
        if at % 7 == 0:
            frontier = Frontier.from_bytes(at, frontier.to_bytes())
            assert frontier.root() == mth(leaves[:at])
    assert frontier.size == 300
    assert len(frontier.hashes) == (300).bit_count()


def test_a_frontier_hashes_no_more_than_it_must():
    frontier = Frontier()
    frontier.extend(leaf_hash(leaf) for leaf in made(1 << 12))
    assert len(frontier.to_bytes()) == 32
    later = frontier.copy()
    later.append(leaf_hash(b"one more"))
    assert frontier.size == 4096
    assert len(later.hashes) == 2


def test_what_no_tree_can_have_is_refused():
    with pytest.raises(ProofError):
        Frontier(3, [b"\0" * 32])
    with pytest.raises(ProofError):
        Frontier.from_bytes(1, b"\0" * 31)
    with pytest.raises(ProofError):
        Frontier().append(b"short")
    tree = Tree(leaf_hash(leaf) for leaf in made(5))
    for index, size in ((5, 5), (-1, 5), (0, 6)):
        with pytest.raises(ProofError):
            tree.inclusion(index, size)
    with pytest.raises(ProofError):
        tree.consistency(6)
    with pytest.raises(ProofError):
        root_from_inclusion(1, 5, tree.leaf(1), tree.inclusion(1)[:-1])


def test_a_changed_proof_does_not_hold():
    chance = random.Random(6962)
    leaves = made(40)
    tree = Tree(leaf_hash(leaf) for leaf in leaves)
    for _ in range(200):
        new = chance.randrange(2, 41)
        old = chance.randrange(1, new)
        proof = tree.consistency(old, new)
        at = chance.randrange(len(proof))
        bit = chance.randrange(256)
        broken = list(proof)
        broken[at] = (int.from_bytes(broken[at], "big") ^ 1 << bit).to_bytes(32, "big")
        assert not consistency_holds(old, tree.root(old), new, tree.root(new), broken)
        assert not consistency_holds(old, tree.root(old), new, tree.root(new), proof[:-1])
        assert not consistency_holds(old, tree.root(old), new, tree.root(new), [*proof, proof[0]])
        assert not consistency_holds(old, tree.root(old - 1), new, tree.root(new), proof)
