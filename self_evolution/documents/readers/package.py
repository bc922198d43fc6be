"""Files that are archives of XML, read without trusting the sizes that they state."""

from __future__ import annotations

import io
import zipfile
import zlib

from lxml import etree

from self_evolution.documents.readers.base import Malformed

_LIMIT = 512 << 20  # bytes of all members that are read, unpacked
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


class Package:
    """The members of an archive, unpacked up to a limit.

    Raises Malformed if it is no archive, or when the limit is reached.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (*_BROKEN, ValueError) as error:
            raise Malformed(f"broken or cut off: {error}") from error
        self._left = _LIMIT

    def names(self) -> list[str]:
        """Paths of all members."""
        return self._archive.namelist()

    def member(self, name: str) -> bytes | None:
        """The bytes of a member; None where it is missing or broken."""
        try:
            with self._archive.open(name) as file:
                data = file.read(self._left + 1)
        except (KeyError, ValueError, *_BROKEN):
            return None
        self._left -= len(data)
        if self._left < 0:
            raise Malformed(f"unpacks to more than {_LIMIT >> 20} MB")
        return data

    def xml(self, name: str) -> etree._Element | None:
        """The root of an XML member; None where it is missing or broken."""
        data = self.member(name)
        if data is None:
            return None
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
        )
        try:
            return etree.fromstring(data, parser)
        except (etree.XMLSyntaxError, ValueError):
            return None
