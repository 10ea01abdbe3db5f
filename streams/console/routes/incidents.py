"""What has the entities agent found, and whom does it concern?"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streams.adapters.case_store import queries
from streams.adapters.case_store.tables import WORK
from streams.console.desk import PAGE, STAGES, At, Who

router = APIRouter()


@router.get("/incidents")
def incidents(request: Request, desk: At, session: Who, stage: str = "work") -> HTMLResponse:
    with desk.store.reading() as connection:
        lines = queries.of_entities(connection, STAGES.get(stage, WORK), PAGE)
    return desk.page(request, "incidents.html", session, lines=lines, chosen={"stage": stage})
