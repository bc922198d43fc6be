"""Ids and seeds that depend only on the content."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def content_id(*parts: Any) -> str:
    """16 hexadecimal digits that are a function of the parts alone (JSON values), in order.

    If a stage is repeated, it makes the same ids, and so finds in the ledger what is there already.
    """
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seed_of(*parts: Any) -> int:
    """A seed in [0, 2**31) that is a function of the parts alone."""
    return int(content_id(*parts), 16) % 2**31
