"""How does the case store say that it cannot be used? Apart from the rest, because it is known without a database."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used as it is. The message says what to do; exit code 78."""


class StoreUnreachable(Exception):
    """The database does not answer; exit code 70."""
