"""Do logins get country and autonomous system from files, and is a wrong file refused with one sentence?"""

from __future__ import annotations

import msgspec
import pytest
from support.mmdb import write_mmdb

from streams.adapters.geo_database import load_places
from streams.adapters.policy_file import load_schedule
from streams.app import accounts_logic
from streams.contracts.base import from_ms
from streams.contracts.logins import LoginSucceeded
from streams.core.tables import TableError
from streams.ports import NOWHERE, Place
from streams.runtime.logic import Incoming, Record

GEOLITE = {"203.0.113.0/24": {"country": {"iso_code": "DE"}}, "198.51.100.0/25": {"country": {"iso_code": "FR"}}}
SYSTEMS = {"203.0.113.0/24": {"autonomous_system_number": 64_500}}
IPINFO = {"192.0.2.0/24": {"country": "US", "asn": "AS64511"}}


@pytest.fixture
def places(tmp_path):
    files = (("country", GEOLITE), ("asn", SYSTEMS), ("ipinfo", IPINFO))
    found = load_places([write_mmdb(tmp_path / f"{name}.mmdb", networks) for name, networks in files])
    assert found is not None
    return found


def test_files_of_several_publishers_together_answer(places):
    assert places("203.0.113.7") == Place("DE", 64_500)
    assert places("198.51.100.1") == Place("FR", None)
    assert places("192.0.2.200") == Place("US", 64_511)


@pytest.mark.parametrize("ip", ["198.51.100.200", "10.0.0.1", "2001:db8::1", "not an address", ""])
def test_what_is_in_no_file_is_nowhere(places, ip):
    assert places(ip) == NOWHERE


def test_without_files_nobody_is_asked():
    assert load_places([]) is None


@pytest.mark.parametrize(
    ("content", "why"), [(b"no database", "cannot be read"), (None, "cannot be read")], ids=["text", "missing"]
)
def test_a_file_that_is_none_is_refused(tmp_path, content, why):
    path = tmp_path / "places.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TableError, match=why) as refused:
        load_places([path])
    assert str(path) in str(refused.value)


def test_a_file_about_something_else_is_refused(tmp_path):
    path = write_mmdb(tmp_path / "cities.mmdb", {"203.0.113.0/24": {"city": "Bonn"}})
    with pytest.raises(TableError, match="neither a country nor an autonomous system"):
        load_places([path])


def test_an_event_keeps_what_its_producer_said_and_gets_the_rest(places):
    logic = accounts_logic(load_schedule(()), places=places)

    def read(**named):
        event = LoginSucceeded(
            event_id="e", source="s", occurred_at=from_ms(0), account_id="a", ip="203.0.113.7", **named
        )
        incoming = logic.read(Record("auth.logins", 0, 0, 0, b"a", msgspec.json.encode(event)))
        assert isinstance(incoming, Incoming)
        return incoming.event.country, incoming.event.asn

    assert read() == ("DE", 64_500)
    assert read(country="NL") == ("NL", 64_500)
    assert read(country="NL", asn=7) == ("NL", 7)
