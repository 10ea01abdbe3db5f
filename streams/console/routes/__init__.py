"""Which pages are there? One module for each area; each has a `router`, and `ROUTERS` is all of them."""

from typing import Final

from fastapi import APIRouter

from streams.console.routes import (
    accounts,
    cases,
    entities,
    incidents,
    live,
    locks,
    merchants,
    review,
    search,
    signing_in,
)

ROUTERS: Final[tuple[APIRouter, ...]] = tuple(
    module.router
    for module in (signing_in, review, cases, incidents, locks, accounts, entities, merchants, search, live)
)
