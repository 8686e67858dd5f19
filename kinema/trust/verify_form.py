"""The form of credentials: every byte that no signature covers is as the signer wrote it.

A C2PA signature covers the pictures and the statements, but not the boxes' lengths and names, the padding of the
signature, the wrapping in the file and an MP4's first box; there a byte can change unseen. Kinema writes these places
in one way only, so that reading them strictly catches one flipped byte anywhere. JUMBF is ISO 19566-5, COSE RFC 9052.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_UUID_OF_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_NAMES = {
    b"c2pa": (b"c2pa\0",),
    b"c2as": (b"c2pa.assertions\0",),
    b"c2cl": (b"c2pa.claim\0", b"c2pa.claim.v2\0"),
    b"c2cs": (b"c2pa.signature\0",),
}
_KIND_OF = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mp4", ".png": "png", ".webp": "webp", ".gif": "gif"}
_GIF_MARK = b"!\xff\x0bC2PA_GIF\x01\x00\x00"
_STAMP = b"\xa1itstTokens\x81\xa1cval"
_MAX_BOXES, _MAX_HEAD = 100_000, 256


class FormError(ValueError):
    """A box that does not add up."""


def head_of(path: Path) -> str:
    """The first box of an MP4, which no signature covers, in hex; empty for other formats."""
    if _KIND_OF.get(path.suffix.lower()) != "mp4":
        return ""
    with path.open("rb") as file:
        start = file.read(_MAX_HEAD)
    return start[: int.from_bytes(start[:4], "big")].hex()


def store_in(path: Path, most: int) -> bytes | None:
    """The credentials inside a file, None where there are none or its format is not one of ours.

    Raises FormError where they are more than `most` bytes.
    """
    wrapped = _wrapped_in(path, most)
    return wrapped[0] if wrapped else None


def deviations(path: Path, store: bytes, head: str, detached: bytes | None, *, stamped: bool) -> list[str]:
    """What is not as Kinema writes it; `head` is what the signed statements say of the first box.

    `stamped` says whether a time stamp was found that fits; one that does not is a deviation.
    """
    found = [*_deviations_of_store(store, stamped=stamped)]
    if head_of(path) != head:
        found.append("the file's first box is not the one that was signed")
    if detached is None:
        wrapped = _wrapped_in(path, len(store))
        if wrapped is None or wrapped[1] != _wrap(_KIND_OF[path.suffix.lower()], store):
            found.append("the wrapping of the credentials in the file was altered")
    return found


def _wrapped_in(path: Path, most: int) -> tuple[bytes, bytes] | None:
    """The credentials in a file, bare and as they are wrapped there."""
    kind = _KIND_OF.get(path.suffix.lower())
    if kind is None:
        return None
    with path.open("rb") as file:
        if kind == "gif":
            return _in_gif(file, most)
        for name, begin, length in _parts(kind, file):
            if length > most + 256 and name in (b"caBX", b"C2PA", _UUID_OF_C2PA):
                raise FormError(f"they have {length:,} bytes; at most {most:,} are read")
            if name == _UUID_OF_C2PA:
                whole = _slice(file, begin, length)
                return whole[45:], whole
            if name == b"caBX":
                whole = _slice(file, begin, length)
                return whole[8:-4], whole
            if name == b"C2PA":
                whole = _slice(file, begin, length)
                size = struct.unpack("<I", whole[4:8])[0]
                return whole[8 : 8 + size], whole
    return None


def _parts(kind: str, file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and length of each part of the file at its top level, as far as their lengths lead."""
    end = file.seek(0, os.SEEK_END)
    begin = {"mp4": 0, "png": 8, "webp": 12}[kind]
    for _ in range(_MAX_BOXES):
        head = _slice(file, begin, 24)
        if len(head) < 8:
            return
        if kind == "mp4":
            size, name = struct.unpack(">I4s", head[:8])
            if size == 1 and len(head) >= 16:
                size = struct.unpack(">Q", head[8:16])[0]
            length = size or end - begin
            name = head[8:24] if name == b"uuid" else name
        elif kind == "png":
            size, name = struct.unpack(">I4s", head[:8])
            length = size + 12
        else:
            name, size = struct.unpack("<4sI", head[:8])
            length = 8 + size + size % 2
        if length < 8:
            return
        yield name, begin, length
        begin += length
    raise FormError(f"the file has more than {_MAX_BOXES:,} parts")


def _in_gif(file: BinaryIO, most: int) -> tuple[bytes, bytes] | None:
    """The credentials in a GIF's application extension, its blocks of at most 255 bytes put together."""
    file.seek(0)
    data = file.read(4096)
    at = data.find(_GIF_MARK[:11])
    if at < 0:
        return None
    file.seek(at)
    whole, store = bytearray(file.read(len(_GIF_MARK))), bytearray()
    while size := file.read(1):
        block = file.read(size[0])
        whole += size + block
        store += block
        if not size[0]:
            return bytes(store), bytes(whole)
        if len(store) > most:
            raise FormError(f"they have more than {most:,} bytes, which is the most that is read")
    return bytes(store), bytes(whole)


def _wrap(kind: str, store: bytes) -> bytes:
    """The credentials as Kinema wraps them in a file of that kind."""
    if kind == "mp4":
        body = b"uuid" + _UUID_OF_C2PA + bytes(4) + b"manifest\0" + bytes(8) + store
        return struct.pack(">I", len(body) + 4) + body
    if kind == "png":
        body = b"caBX" + store
        return struct.pack(">I", len(store)) + body + struct.pack(">I", zlib.crc32(body))
    if kind == "webp":
        return b"C2PA" + struct.pack("<I", len(store)) + store + bytes(len(store) % 2)
    blocks = [store[begin : begin + 255] for begin in range(0, len(store), 255)]
    return _GIF_MARK + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def _slice(file: BinaryIO, begin: int, length: int) -> bytes:
    file.seek(begin)
    return file.read(length)


def _deviations_of_store(store: bytes, *, stamped: bool) -> Iterator[str]:
    """Boxes that do not add up, names that do not fit, and padding that is not empty in the last, active manifest."""
    try:
        (kind, begin, end), *more = _boxes(store, 0, len(store))
        if kind != b"jumb" or more:
            raise FormError("the credentials are not one box")
        manifests = list(_boxes(store, begin, end))
        _check_name(store, manifests[0])
        for index, (name, box_begin, box_end) in enumerate(manifests[1:], 2):
            if name != b"jumb":
                raise FormError(f"a box of the kind {name!r} stands among the manifests")
            is_ours = index == len(manifests)
            if _check_manifest(store, box_begin, box_end, is_ours=is_ours) != stamped and is_ours:
                yield "the time stamp does not fit the signature"
    except (FormError, IndexError, struct.error) as error:
        yield f"the form of the credentials was altered: {error}"


def _check_manifest(store: bytes, begin: int, end: int, *, is_ours: bool) -> bool:
    """Whether a time stamp stands beside the signature, once boxes add up and bear their names.

    Where the manifest is ours, nothing but padding may stand there besides.
    """
    own, *others = _boxes(store, begin, end)
    is_stamped = False
    _check_toggles(store, own)
    for kind, first, last in others:
        if kind != b"jumb":
            raise FormError(f"a box of the kind {kind!r} stands in a manifest")
        inner = list(_boxes(store, first, last))
        purpose = _check_name(store, inner[0])
        for nested, nested_begin, nested_end in inner[1:]:
            if nested == b"jumb":
                described, *_ = _boxes(store, nested_begin, nested_end)
                _check_toggles(store, described)
        if is_ours and purpose == b"c2cs":
            is_stamped = _check_signature(store[inner[1][1] : inner[1][2]])
    return is_stamped


def _boxes(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box; they fill the stretch exactly."""
    while begin < end:
        size, kind = struct.unpack_from(">I4s", data, begin)
        if size < 8 or begin + size > end:
            raise FormError(f"a box of {size:,} bytes stands where {end - begin:,} are left")
        yield kind, begin + 8, begin + size
        begin += size


def _check_name(store: bytes, described: tuple[bytes, int, int]) -> bytes:
    """The purpose of a box, once its name is the one that goes with it."""
    kind, begin, end = described
    _check_toggles(store, described)
    purpose = store[begin : begin + 4]
    name = store[begin + 17 : end]
    if kind != b"jumd" or (purpose in _NAMES and name not in _NAMES[purpose]):
        raise FormError(f"a box bears the name {name[:40]!r}")
    return purpose


def _check_toggles(store: bytes, described: tuple[bytes, int, int]) -> None:
    """A description says what follows it in the lowest five bits of a byte; the others, which nobody reads, are 0."""
    toggles = store[described[1] + 16]
    if toggles & ~0x1F:
        raise FormError(f"a box is described by the reserved bits {toggles:#04x}")


def _check_signature(cose: bytes) -> bool:
    """Whether a time stamp stands beside the signature; what it does not cover besides is padding of zeros."""
    if cose[:2] != b"\xd2\x84":
        raise FormError("the signature is not one of COSE")
    _, begin, length = _item(cose, 2)
    kind, at, entries = _item(cose, begin + length)
    if kind != 5:
        raise FormError("the signature's header is no map")
    is_stamped = False
    for _ in range(entries):
        _, begin, length = _item(cose, at)
        name = cose[begin : begin + length]
        if name == b"sigTst2" and not is_stamped:
            is_stamped, at = True, _after_stamp(cose, begin + length)
            continue
        _, begin, length = _item(cose, begin + length)
        if name not in (b"pad", b"pad2") or any(cose[begin : begin + length]):
            raise FormError("the signature's padding is not empty")
        at = begin + length
    if cose[at : at + 1] != b"\xf6":
        raise FormError("the signature holds a content of its own")
    _, begin, length = _item(cose, at + 1)
    if begin + length != len(cose):
        raise FormError("something follows the signature")
    return is_stamped


def _after_stamp(cose: bytes, at: int) -> int:
    """Where a time stamp ends: one token and nothing else, in the wrapping of C2PA 2, section 10.3.2.5.

    What is in the token is its authority's, whose own signature covers it.
    """
    begin = at + len(_STAMP)
    kind, token, length = _item(cose, begin)
    if cose[at:begin] != _STAMP or kind != 2:
        raise FormError("the time stamp's wrapping is another")
    return token + length


def _item(data: bytes, at: int) -> tuple[int, int, int]:
    """Kind, begin of the content and length of a CBOR item (RFC 8949, section 3)."""
    kind, more = data[at] >> 5, data[at] & 31
    if more < 24:
        return kind, at + 1, more
    size = 1 << more - 24
    if size > 8:
        raise FormError("an item of endless length")
    return kind, at + 1 + size, int.from_bytes(data[at + 1 : at + 1 + size], "big")
