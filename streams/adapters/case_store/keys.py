"""Which secrets does a store keep for those that share it?"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, insert, select

from streams.adapters.case_store.tables import KEYS


def key(connection: Connection, name: str) -> bytes:
    """The key of this name, made when it is first asked for. To be called while writing, which one does at a time."""
    kept = connection.scalar(select(KEYS.c.key).where(KEYS.c.name == name))
    if kept is None:
        kept = secrets.token_hex(32)
        connection.execute(insert(KEYS), {"name": name, "key": kept})
    return bytes.fromhex(kept)
