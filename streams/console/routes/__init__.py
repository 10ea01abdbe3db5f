"""Which pages are there? One module for each area; each has a `router`, and `ROUTERS` is all of them."""

from typing import Final

from fastapi import APIRouter

from streams.console.routes import (
    accounts,
    attachments,
    cases,
    contacts,
    entities,
    incidents,
    knowledge,
    live,
    locks,
    merchants,
    review,
    search,
    settings,
    signing_in,
    together,
    trail,
    views,
)

ROUTERS: Final[tuple[APIRouter, ...]] = tuple(
    module.router
    for module in (
        signing_in,
        review,
        together,
        views,
        contacts,
        cases,
        attachments,
        incidents,
        locks,
        accounts,
        entities,
        merchants,
        knowledge,
        search,
        trail,
        settings,
        live,
    )
)
