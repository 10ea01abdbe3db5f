"""Which country and autonomous system does an address belong to, by files on this machine?

MaxMind's format, which several publishers use: GeoLite2 and DB-IP name fields alike, IPinfo in its own way. The files
are read into memory once, so that a lookup is no I/O and everybody who reads the same files gets the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import maxminddb

from streams.core.tables import TableError
from streams.ports import NOWHERE, Place

_CACHED: Final = 65_536  # of addresses: some 12 MB
_WANTED: Final = ("country", "asn", "autonomous_system_number")


def load_places(files: Iterable[Path]) -> Callable[[str], Place] | None:
    """What looks an address up in all files, the first that knows wins; None without a file. Raises TableError."""
    readers = [_open(path) for path in files]
    if not readers:
        return None

    @lru_cache(maxsize=_CACHED)
    def place_of(ip: str) -> Place:
        place = NOWHERE
        for reader in readers:
            try:
                found = reader.get(ip)
            except ValueError:
                continue  # not an address, or IPv6 in a file of IPv4
            if isinstance(found, Mapping):
                place = Place(place.country or _country(found), place.asn or _asn(found))
        return place

    return place_of


def _open(path: Path) -> maxminddb.Reader:
    try:
        reader = maxminddb.open_database(str(path), maxminddb.MODE_MEMORY)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise TableError(f"it cannot be read ({error})", str(path), "name a file in MaxMind's format (.mmdb)") from None
    first = next((found for _, found in reader if isinstance(found, Mapping)), {})
    if not any(key in first for key in (*_WANTED, "country_code")):
        raise TableError(
            "its records name neither a country nor an autonomous system", str(path), "name a country or ASN database"
        )
    return reader


def _country(found: Mapping[str, Any]) -> str | None:
    country = found.get("country", found.get("country_code"))
    code = country.get("iso_code") if isinstance(country, Mapping) else country
    return code if isinstance(code, str) and len(code) == 2 and code.isalpha() and code.isupper() else None


def _asn(found: Mapping[str, Any]) -> int | None:
    number = found.get("autonomous_system_number", found.get("asn"))
    if isinstance(number, str) and number.startswith("AS") and number[2:].isdecimal():
        number = int(number[2:])
    return number if isinstance(number, int) and 0 < number < 2**32 else None
