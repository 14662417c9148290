"""The Merkle tree of RFC 6962 (Certificate Transparency), over hashes that are already there.

Leaf hash `SHA-256(0x00 ‖ leaf)`, node `SHA-256(0x01 ‖ left ‖ right)`, empty tree `SHA-256("")`. A tree of n
leaves splits at the largest power of two below n. Nothing here reads or writes anything.

Three views of the same tree:

- `Frontier` keeps only the perfect subtrees of a growing log, so that a checkpoint goes on from the last one;
- `Tree` keeps every level, and answers any root, inclusion or consistency question in O(log n);
- `root_from_inclusion` and `consistency_holds` are what somebody does who has a proof and no tree.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()


class ProofError(ValueError):
    """A proof, a size or an index that no tree can have. The message says which."""


def leaf_hash(leaf: bytes) -> bytes:
    """The 32-byte hash of one leaf's exact bytes."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash of the node over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below `size` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


class Frontier:
    """The right edge of a log: its size and the roots of its perfect subtrees, largest first.

    Appending one leaf hash costs amortized one node hash (log n at worst); the root costs log n.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Go on from a stored frontier. Raises `ProofError` if the hashes cannot belong to that size."""
        self.size = size
        self._hashes = list(hashes)
        if size < 0 or len(self._hashes) != size.bit_count():
            raise ProofError(
                f"A frontier of {size} leaves has {max(size, 0).bit_count()} hashes, not {len(self._hashes)}."
            )
        if any(len(each) != HASH_BYTES for each in self._hashes):
            raise ProofError(f"Each hash of a frontier has {HASH_BYTES} bytes.")

    @classmethod
    def from_bytes(cls, size: int, packed: bytes) -> "Frontier":
        """The frontier that `to_bytes` packed: its hashes one after the other, largest subtree first."""
        if len(packed) % HASH_BYTES:
            raise ProofError(f"A packed frontier is a multiple of {HASH_BYTES} bytes, not {len(packed)}.")
        return cls(size, (packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)))

    def to_bytes(self) -> bytes:
        """The hashes one after the other, largest subtree first; the size is kept beside them."""
        return b"".join(self._hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, largest first: one per set bit of the size."""
        return tuple(self._hashes)

    def append(self, hash_of_leaf: bytes) -> None:
        """Add one leaf hash at the right."""
        if len(hash_of_leaf) != HASH_BYTES:
            raise ProofError(f"A leaf hash has {HASH_BYTES} bytes, not {len(hash_of_leaf)}.")
        node = hash_of_leaf
        size = self.size
        while size & 1:
            node = node_hash(self._hashes.pop(), node)
            size >>= 1
        self._hashes.append(node)
        self.size += 1

    def extend(self, hashes_of_leaves: Iterable[bytes]) -> None:
        """Add leaf hashes at the right, in order."""
        for each in hashes_of_leaves:
            self.append(each)

    def root(self) -> bytes:
        """The root of the whole log so far."""
        if not self._hashes:
            return EMPTY_ROOT
        node = self._hashes[-1]
        for each in reversed(self._hashes[:-1]):
            node = node_hash(each, node)
        return node

    def copy(self) -> "Frontier":
        """A frontier that grows apart from this one."""
        return Frontier(self.size, self._hashes)


def root(hashes_of_leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes, read once with O(log n) memory."""
    frontier = Frontier()
    frontier.extend(hashes_of_leaves)
    return frontier.root()


class Tree:
    """All perfect subtrees over a list of leaf hashes: 64 bytes a leaf, any proof in O(log n)."""

    __slots__ = ("_levels", "size")

    def __init__(self, hashes_of_leaves: Iterable[bytes]) -> None:
        """Hash the levels once. Raises `ProofError` if a leaf hash has a wrong length."""
        base = bytearray()
        for each in hashes_of_leaves:
            if len(each) != HASH_BYTES:
                raise ProofError(f"A leaf hash has {HASH_BYTES} bytes, not {len(each)}.")
            base += each
        self.size = len(base) // HASH_BYTES
        self._levels = [bytes(base)]
        below = self._levels[0]
        while len(below) >= 2 * HASH_BYTES:
            level = bytearray()
            for at in range(0, len(below) - HASH_BYTES, 2 * HASH_BYTES):
                level += sha256(b"\x01" + below[at : at + 2 * HASH_BYTES]).digest()
            below = bytes(level)
            self._levels.append(below)

    def leaf(self, index: int) -> bytes:
        """The leaf hash at an index."""
        self._within(index, self.size)
        return self._at(0, index)

    def _at(self, level: int, index: int) -> bytes:
        return self._levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES]

    def _within(self, index: int, size: int) -> None:
        if not 0 <= size <= self.size:
            raise ProofError(f"The log has {self.size} leaves, so there is no tree of {size}.")
        if not 0 <= index < size:
            raise ProofError(f"A tree of {size} leaves has no leaf {index}.")

    def _range(self, start: int, end: int) -> bytes:
        """The root over leaves [start, end), where start is a multiple of the subtree's width."""
        width = end - start
        level = width.bit_length() - 1
        if width == 1 << level:
            return self._at(level, start >> level)
        middle = start + _split(width)
        return node_hash(self._range(start, middle), self._range(middle, end))

    def root(self, size: int | None = None) -> bytes:
        """The root when the log had `size` leaves (now, if not said)."""
        size = self.size if size is None else size
        if size == 0:
            return EMPTY_ROOT
        self._within(0, size)
        return self._range(0, size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The audit path of a leaf in the tree of `size` leaves, lowest sibling first (RFC 6962 §2.1.1)."""
        size = self.size if size is None else size
        self._within(index, size)
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        path.reverse()
        return path

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree of `old` leaves is a prefix of that of `new` (RFC 6962 §2.1.2).

        Empty when the sizes are equal, or when `old` is 0 (every log begins empty).
        """
        new = self.size if new is None else new
        if not 0 <= old <= new:
            raise ProofError(f"A tree of {old} leaves is no earlier state of one of {new}.")
        if old == 0:
            return []
        self._within(old - 1, new)
        proof: list[bytes] = []
        start, end, whole = 0, new, True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
                whole = False
        if not whole:
            proof.append(self._range(start, end))
        proof.reverse()
        return proof


def root_from_inclusion(index: int, size: int, hash_of_leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that a leaf and its audit path give; to be compared with a signed one.

    Raises `ProofError` if the index is outside the tree or the path has another length than it must have.
    """
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves has no leaf {index}.")
    inner = (index ^ (size - 1)).bit_length()
    needed = inner + (index >> inner).bit_count()
    if len(path) != needed:
        raise ProofError(f"Leaf {index} of {size} has a path of {needed} hashes, not {len(path)}.")
    node = hash_of_leaf
    for level, sibling in enumerate(path[:inner]):
        node = node_hash(sibling, node) if index >> level & 1 else node_hash(node, sibling)
    for sibling in path[inner:]:
        node = node_hash(sibling, node)
    return node


def consistency_holds(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the log of the new root begins with that of the old (RFC 9162 §2.1.4.2)."""
    if not 0 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    hashes = list(proof)
    if old_size & (old_size - 1) == 0:
        # A perfect old tree is itself the first node: RFC 6962 leaves it out of the proof.
        hashes.insert(0, old_root)
    if not hashes:
        return False
    inner, last = old_size - 1, new_size - 1
    while inner & 1:
        inner >>= 1
        last >>= 1
    from_old = from_new = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if inner & 1 or inner == last:
            from_old = node_hash(each, from_old)
            from_new = node_hash(each, from_new)
            while inner and not inner & 1:
                inner >>= 1
                last >>= 1
        else:
            from_new = node_hash(from_new, each)
        inner >>= 1
        last >>= 1
    return last == 0 and from_old == old_root and from_new == new_root
