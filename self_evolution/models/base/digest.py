"""The digest by which a large file is recognised."""

from __future__ import annotations

import hashlib
from pathlib import Path

_SMALL = 1 << 20


def sampled_digest(path: Path) -> str:
    """The digest of a small file, or of 16 samples spread over a large one."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= 16 * _SMALL:
            digest.update(file.read())
        else:
            for i in range(16):
                file.seek(i * (size - _SMALL) // 15)
                digest.update(file.read(_SMALL))
    return digest.hexdigest()[:16]
