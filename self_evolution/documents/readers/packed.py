"""The zip archives that Office files are: checked before a library unpacks them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from self_evolution.documents.readers.base import Malformed

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST = 512 << 20  # bytes of all members
_MEMBERS = 20_000
_CHUNK = 1 << 16
_XML = (".xml", ".rels", ".vml")
# Entities are declared in a document type, here in UTF-8 or UTF-16. Office files never have one.
_TYPE = (b"<!DOCTYPE", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))


def check(data: bytes, kind: str, member: str) -> None:
    """Raise Malformed unless `data` is a zip archive with `member`, of a size that can be unpacked.

    `kind` is the ending to save it under if it is encrypted or in an older format. Sizes are
    counted while unpacking, because those that the archive states may be wrong.
    """
    if data.startswith(_OLE):
        raise Malformed(f"encrypted, or of the older binary kind; save it as {kind}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MEMBERS:
                raise Malformed(f"{len(members)} files in it; an Office file has fewer")
            if sum(one.file_size for one in members) > _MOST:
                raise Malformed("unpacks to more than 512 MB")
            if member not in {one.filename for one in members}:
                raise Malformed(f"no {kind} file: {member} is missing")
            left = _MOST
            for one in members:
                left -= _unpacked(data, one, left)
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, OSError) as error:
        raise Malformed(f"broken archive ({error})") from None


def _unpacked(data: bytes, member: zipfile.ZipInfo, left: int) -> int:
    """Size of a member by unpacking it piece by piece."""
    if member.flag_bits & 1:
        raise Malformed("encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Malformed(f"broken archive ({member.filename} is packed in an unknown way)")
    at = member.header_offset
    at += 30 + int.from_bytes(data[at + 26 : at + 28], "little")
    at += int.from_bytes(data[member.header_offset + 28 : member.header_offset + 30], "little")
    is_xml = member.filename.lower().endswith(_XML)
    size = 0
    end = b""
    for piece in _pieces(data[at : at + member.compress_size], bool(member.compress_type)):
        if is_xml and any(mark in end + piece for mark in _TYPE):
            raise Malformed(f"{member.filename} declares a document type, as no Office file does")
        end = piece[-20:]
        size += len(piece)
        if size > left:
            raise Malformed("unpacks to more than 512 MB")
    if size > member.file_size:
        raise Malformed(f"broken archive ({member.filename} is larger than it says)")
    return size


def _pieces(raw: bytes, packed: bool) -> Iterator[bytes]:
    unpack = zlib.decompressobj(-15)
    for at in range(0, len(raw), _CHUNK):
        rest = raw[at : at + _CHUNK]
        while rest and not unpack.eof:
            yield unpack.decompress(rest, 4 * _CHUNK) if packed else rest
            rest = unpack.unconsumed_tail
