"""Which questions do the dashboards answer, one to a row?

A board is a page for somebody: the one on duty, fraud, payments, logins, the leads of the queues, who keeps it running.
Every metric of the catalogue is on one of them (a test looks), and limits are those of alerts and promises.
"""

from __future__ import annotations

from typing import Final

from dashboards.boards.cases import cases
from dashboards.boards.fraud import fraud
from dashboards.boards.health import health
from dashboards.boards.logins import logins
from dashboards.boards.overview import overview
from dashboards.boards.payments import payments

BOARDS: Final = (overview, fraud, payments, logins, cases, health)
