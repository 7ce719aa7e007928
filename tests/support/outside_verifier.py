"""A second verifier, by an outsider: the standard library alone, nothing of the product. Usage: python outside_verifier.py DIR [CHECKPOINT].

Written from RFC 6962 (the tree), RFC 8032 (Ed25519) and C2SP signed-note and tlog-checkpoint. It says ok or bad, and nothing finer.
"""

import base64
import hashlib
import re
import sys
from pathlib import Path

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
type Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z


class BadTrailError(Exception):
    """The trail is not what its log wrote."""


def need(fine: bool, what: str) -> None:
    """Raise where something is not fine."""
    if not fine:
        raise BadTrailError(what)


def x_of(y: int, odd: int) -> int:
    """Find the x of a point (RFC 8032, 5.1.3)."""
    need(y < P, "a coordinate is too large")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need((x * x - square) % P == 0 and not (x == 0 and odd), "this is no point of the curve")
    return P - x if x & 1 != odd else x


def add(p: Point, q: Point) -> Point:
    """Add two points (RFC 8032, 5.1.4)."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, p: Point) -> Point:
    """Multiply a point."""
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, p)
        p, number = add(p, p), number >> 1
    return found


def point(data: bytes) -> Point:
    """Read a point."""
    number = int.from_bytes(data, "little")
    y, odd = number & ((1 << 255) - 1), number >> 255
    x = x_of(y, odd)
    return x, y, 1, x * y % P


def ed25519(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether a signature is right (RFC 8032, 5.1.7)."""
    if len(signature) != 64 or len(public) != 32:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % ORDER
    y = 4 * pow(5, P - 2, P) % P
    x = x_of(y, 0)
    left, right = times(s, (x, y, 1, x * y % P)), add(point(signature[:32]), times(k, point(public)))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def tree(leaves: list[bytes]) -> bytes:
    """Give the root, by the definition (RFC 6962, 2.1)."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def unbase(text: str) -> bytes:
    """Read base64, spelt in the one way."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadTrailError("not base64") from error
    need(base64.b64encode(found).decode() == text, "base64 is spelt oddly")
    return found


def read_key(text: str) -> tuple[str, bytes, bytes]:
    """Give a key's name, id and bytes."""
    parts = text.strip().split("+", 2)
    need(len(parts) == 3, "the key is none")
    name, named, encoded = parts
    data = unbase(encoded)
    need(data[:1] == b"\1" and len(data) == 33, "the key is no Ed25519 key")
    identity = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    need(bool(name) and identity.hex() == named, "the key does not fit its id")
    return name, identity, data[1:]


def read_note(text: str, key: tuple[str, bytes, bytes]) -> tuple[int, bytes]:
    """Give size and root of a signed note, once its signature is verified."""
    body, blank, rest = text.rpartition("\n\n")
    lines = body.split("\n")
    need(bool(blank) and len(lines) == 3 and rest.endswith("\n"), "the checkpoint is none")
    need(lines[0] == key[0], "the checkpoint is another trail's")
    need(bool(re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1], re.ASCII)), "the size is none")
    signatures = rest[:-1].split("\n")
    need(len(signatures) <= 16, "too many signatures")
    good = None
    for line in signatures:
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and not re.search(r"[\s+]", parts[1]) and bool(parts[1]), "no line of a signature")
        data = unbase(parts[2])
        need(len(data) > 4, "a signature is too short")
        if (parts[1], data[:4]) == key[:2] and good is None:
            good = ed25519(key[2], f"{body}\n".encode(), data[4:])
    need(good is True, "the signature is not by the key")
    found = unbase(lines[2])
    need(len(found) == 32, "the root is none")
    return int(lines[1]), found


def read_lines(path: Path) -> list[bytes]:
    """Give the lines of a file, each of which has to be ended."""
    *lines, rest = path.read_bytes().split(b"\n")
    need(not rest, f"{path.name} is cut off")
    return lines


def check(folder: Path, held: str = "") -> int:
    """Verify a folder; give how many records it has. Raises BadTrailError."""
    key = read_key((folder / "key").read_text(encoding="utf-8", errors="surrogateescape"))
    size, found = read_note((folder / "checkpoint").read_bytes().decode("utf-8", "replace"), key)
    records = read_lines(folder / "records.jsonl")
    segments = [line for path in sorted((folder / "segments").iterdir()) for line in read_lines(path)]
    need(records == segments, "records and segments differ")
    leaves = [hashlib.sha256(b"\0" + line).digest() for line in records]
    need((len(leaves), tree(leaves)) == (size, found), "the records do not lead to the root")
    ids = re.compile(rb'"id":"((?:[^"\\]|\\.)*)"')
    need(all(ids.search(line) for line in records), "a record has no id")
    if held:
        old, root = read_note(held, key)
        need(old <= len(leaves), "the trail is shorter than it was")
        need(tree(leaves[:old]) == root, "the trail is another than it was")
    return len(records)


if __name__ == "__main__":
    try:
        count = check(Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8") if len(sys.argv) > 2 else "")
    except (BadTrailError, OSError, UnicodeError) as error:
        sys.exit(f"bad: {error}")
    print(f"ok: {count} records")
