"""The tree against its definition in RFC 6962, written down here a second time, and against the known answers of its first implementation."""

import random
from hashlib import sha256

import pytest

from ringfence.domain.tree import EMPTY, Edge, Tree, consistent, included, leaf, node, root

# Leaves, and the roots over the first one, two, three ... of them: as Certificate Transparency's implementations have them.
LEAVES = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = [*range(301), *(random.Random(14).randrange(301, 100_000) for _ in range(5))]  # noqa: S311 - no secret


def leaves(size: int) -> list[bytes]:
    return [leaf(str(number).encode()) for number in range(size)]


def split(size: int) -> int:
    half = 1
    while half * 2 < size:
        half *= 2
    return half


def defined(found: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1."""
    if len(found) <= 1:
        return found[0] if found else sha256(b"").digest()
    half = split(len(found))
    return sha256(b"\x01" + defined(found[:half]) + defined(found[half:])).digest()


def path(index: int, found: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(found) == 1:
        return []
    half = split(len(found))
    if index < half:
        return [*path(index, found[:half]), defined(found[half:])]
    return [*path(index - half, found[half:]), defined(found[:half])]


def proof(old: int, found: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if old == len(found):
        return [] if whole else [defined(found)]
    half = split(len(found))
    if old <= half:
        return [*proof(old, found[:half], whole=whole), defined(found[half:])]
    return [*proof(old - half, found[half:], whole=False), defined(found[:half])]


def test_known_answers() -> None:
    assert sha256(b"").digest() == EMPTY == root([]) == Tree([]).root
    for size, wanted in enumerate(ROOTS, 1):
        assert root(map(leaf, LEAVES[:size])).hex() == wanted


def test_roots_are_those_of_the_definition_however_the_edge_was_built() -> None:
    rnd = random.Random(1)  # noqa: S311 - no secret
    for size in SIZES[:301:7]:
        found, edge = leaves(size), Edge()
        while edge.size < size:
            edge = edge.added(found[edge.size : edge.size + rnd.randrange(1, 9)])
            assert edge.whole
        assert edge.root == root(found) == Tree(found).root == defined(found)


@pytest.mark.parametrize("size", [*SIZES[1:40], 64, 65, 127, 255, 300, *SIZES[301:]])
def test_inclusion(size: int) -> None:
    found = leaves(size)
    tree, rnd = Tree(found), random.Random(size)  # noqa: S311 - no secret
    for index in range(size) if size < 40 else rnd.sample(range(size), 5):
        shown = tree.inclusion(index)
        if size <= 300:
            assert list(shown) == path(index, found)
        assert included(found[index], index, size, shown, tree.root)
        for wrong in (index + 1, -1, size):
            assert included(found[index], wrong, size, shown, tree.root) is False, wrong
        assert not included(found[index], index, size, [*shown, tree.root], tree.root)
        assert not included(leaf(b"another"), index, size, shown, tree.root)
        if shown:
            assert not included(found[index], index, size, shown[1:], tree.root)


@pytest.mark.parametrize("size", [*SIZES[1:40], 64, 65, 127, 255, 300, *SIZES[301:]])
def test_consistency(size: int) -> None:
    found = leaves(size)
    tree, rnd = Tree(found), random.Random(size)  # noqa: S311 - no secret
    for old in range(size + 1) if size < 40 else rnd.sample(range(1, size), 5):
        shown, before = tree.consistency(old), root(found[:old])
        if 0 < old < size <= 300:
            assert list(shown) == proof(old, found)
        assert consistent(old, size, shown, before, tree.root)
        assert not consistent(old, size, shown, leaf(b"another"), tree.root)
        assert not consistent(old, size, [*shown, before], before, tree.root)
        if 0 < old < size:
            assert not consistent(old, size, shown, before, leaf(b"another"))
            assert not consistent(old, size, shown[:-1], before, tree.root)
    assert consistent(size + 1, size, (), tree.root, tree.root) is False
    assert consistent(size + 1, size, (tree.root,), tree.root, tree.root) is False
    assert consistent(1, size + 1, (), tree.root, tree.root) is False
    assert consistent(3, 5, (), tree.root, tree.root) is False


def test_what_is_not_there_has_no_proof() -> None:
    tree = Tree(leaves(3))
    for index in (-1, 3):
        with pytest.raises(IndexError, match="has 3 leaves"):
            tree.inclusion(index)
    for old in (-1, 4):
        with pytest.raises(IndexError, match="has 3 leaves"):
            tree.consistency(old)


def test_a_proof_that_goes_on_beyond_the_root_is_none() -> None:
    found, more = leaves(4), leaf(b"more")
    tree = Tree(found)
    assert included(found[0], 0, 1, [more], node(more, found[0])) is False
    assert included(found[3], 3, 4, [*tree.inclusion(3), more], node(more, tree.root)) is False
    old = root(found[:3])
    assert consistent(3, 4, tree.consistency(3), old, tree.root)
    assert consistent(3, 4, [*tree.consistency(3), more], node(more, old), node(more, tree.root)) is False


def test_an_edge_of_the_wrong_shape_is_none() -> None:
    edge = Edge().added(leaves(5))
    assert not Edge(4, edge.roots).whole
    assert not Edge(-1, (b"x",)).whole
    assert Edge().whole
    one, other = Edge().added(leaves(3)).roots
    moved = Edge(3, (one + other[:1], other[1:]))
    assert moved.root == Edge().added(leaves(3)).root
    assert not moved.whole
    assert edge.whole
    assert node(b"a", b"b") != node(b"b", b"a")
