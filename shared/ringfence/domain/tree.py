"""The Merkle tree over the trail: RFC 6962, section 2.1 (RFC 9162 has the same), with SHA-256. Hashes are 32 bytes.

A leaf is the hash of a record's bytes. The root commits to every record and its place; an inclusion proof shows that a record is in
the tree, a consistency proof that one tree is the beginning of another.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from msgspec import Struct

EMPTY = sha256().digest()  # the root of no leaves


def leaf(data: bytes) -> bytes:
    """Hash the bytes of one record."""
    return sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees."""
    return sha256(b"\1" + left + right).digest()


class Edge(Struct, frozen=True):
    """All of a tree that it takes to add to it: the roots of its perfect subtrees, the largest (and first) first."""

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def added(self, leaves: Iterable[bytes]) -> "Edge":
        """Give the edge with more leaves (hashes) at the end."""
        size, roots = self.size, list(self.roots)
        for hashed in leaves:
            carried, number = hashed, size
            while number & 1:
                carried, number = node(roots.pop(), carried), number >> 1
            roots.append(carried)
            size += 1
        return Edge(size, tuple(roots))

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        if not self.roots:
            return EMPTY
        found = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            found = node(left, found)
        return found

    @property
    def whole(self) -> bool:
        """Whether there are as many subtrees as the size has ones, each a hash: what was stored may have been tampered with."""
        hashes = all(len(root) == len(EMPTY) for root in self.roots)
        return hashes and self.size >= 0 and len(self.roots) == self.size.bit_count()


def root(leaves: Iterable[bytes]) -> bytes:
    """Give the root over leaves (hashes)."""
    return Edge().added(leaves).root


class Tree:
    """A tree with all its levels, for proofs: each takes as many steps as the size has digits in base two."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Take the leaves (hashes). An odd one out moves up a level as it is, which is the tree of the RFC."""
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            up = [node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
            self._levels.append(up + level[len(up) * 2 :])

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        return self._levels[-1][0] if self.size else EMPTY

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Give the audit path of a leaf, from the bottom up; raise IndexError where there is no such leaf."""
        if not 0 <= index < self.size:
            raise IndexError(f"the tree has {self.size} leaves, and none at {index}")
        path: list[bytes] = []
        for level in self._levels[:-1]:
            if (beside := index ^ 1) < len(level):
                path.append(level[beside])
            index >>= 1
        return tuple(path)

    def consistency(self, old: int) -> tuple[bytes, ...]:
        """Prove that the tree of the first `old` leaves is the beginning of this one; raise IndexError where that cannot be."""
        if not 0 <= old <= self.size:
            raise IndexError(f"the tree has {self.size} leaves, and no beginning of {old}")
        return tuple(self._consistency(old, 0, self.size, known=True)) if 0 < old < self.size else ()

    def _consistency(self, old: int, first: int, size: int, *, known: bool) -> Iterator[bytes]:
        """SUBPROOF of the RFC, over `size` leaves from `first` on; `known`: whoever checks has the old root of exactly these leaves."""
        if old == size:
            if not known:
                yield self._root(first, size)
            return
        half = 1 << (size - 1).bit_length() - 1
        if old <= half:
            yield from self._consistency(old, first, half, known=known)
            yield self._root(first + half, size - half)
        else:
            yield from self._consistency(old - half, first + half, size - half, known=False)
            yield self._root(first, half)

    def _root(self, first: int, size: int) -> bytes:
        if size & (size - 1) == 0:
            level = size.bit_length() - 1
            return self._levels[level][first >> level]
        half = 1 << (size - 1).bit_length() - 1
        return node(self._root(first, half), self._root(first + half, size - half))


def included(hashed: bytes, index: int, size: int, path: Iterable[bytes], expected: bytes) -> bool:
    """Whether an audit path leads from a leaf to a root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    last, found = size - 1, hashed
    for beside in path:
        if not last:
            return False
        if index & 1 or index == last:
            found = node(beside, found)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = node(found, beside)
        index, last = index >> 1, last >> 1
    return not last and found == expected


def consistent(old: int, new: int, proof: Iterable[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether a proof shows that the tree of `old` leaves is the beginning of that of `new` ones (RFC 9162, 2.1.4.2)."""
    path = list(proof)
    if old in (0, new):
        return not path and (new_root == old_root if old == new else old_root == EMPTY)
    if not path or not 0 < old < new:
        return False
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for beside in path[1:]:
        if not last:
            return False
        if at & 1 or at == last:
            before, after = node(beside, before), node(beside, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, beside)
        at, last = at >> 1, last >> 1
    return not last and before == old_root and after == new_root
