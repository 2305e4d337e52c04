"""Models, what a candidate would change, and the decision of a person about it."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from unposed_jobs.errors import MachineError, UnposedError
from unposed_jobs.web import models as of_day
from unposed_jobs.web.airflow import Airflow, Question
from unposed_jobs.web.people import OWNER
from unposed_jobs.web.rendering import say
from unposed_jobs.web.routes.context import TheDay, TheSettings, TheStore, TheTemplates
from unposed_jobs.web.security import Owner, Reader, address_of

ROUTES = APIRouter()
_log = logging.getLogger(__name__)
Version = Annotated[str, Query(min_length=1, max_length=200)]


@ROUTES.get("/models")
def models(request: Request, person: Reader, day: TheDay, templates: TheTemplates) -> Response:
    """All models."""
    return templates.page(
        request,
        "models.html",
        person,
        about=day.about,
        models=of_day.everything(day),
        statuses_of_models=of_day.STATUSES,
    )


@ROUTES.get("/model")
def model(
    request: Request,
    person: Reader,
    day: TheDay,
    templates: TheTemplates,
    version: Version,
    ask: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    change: Annotated[str, Query(pattern="^(opened|closed)?$")] = "",
) -> Response:
    """One model beside the champion of its day."""
    found = of_day.find(day, version)
    if found is None:
        raise HTTPException(404, "there is no such model")
    confused, alike = of_day.confused(day, found)
    by_ask = of_day.turned_by_ask(day, found)
    return templates.page(
        request,
        "model.html",
        person,
        about=day.about,
        model=found,
        statuses_of_models=of_day.STATUSES,
        figures=of_day.figures(found),
        confused=confused,
        alike=alike,
        by_ask=by_ask,
        turned=of_day.turned(day, found, ask, change),
        most=of_day.MOST_SHOWN,
        ask=ask,
        change=change,
        answerable=found["waits"] and person.may(OWNER) and _question(request, version) is not None,
        connected=request.app.state.airflow is not None,
    )


def _question(request: Request, version: str) -> Question | None:
    """What Airflow asks about the model, where it can be asked; a page is there without it."""
    airflow: Airflow | None = request.app.state.airflow
    try:
        return airflow.about_model(request, version) if airflow else None
    except (MachineError, UnposedError) as error:
        _log.warning("%s", error)
        return None


@ROUTES.post("/decide/model")
def decide(
    request: Request,
    person: Owner,
    store: TheStore,
    settings: TheSettings,
    version: Annotated[str, Form(min_length=1, max_length=200)],
    decision: Annotated[Literal["promote", "reject"], Form()],
    why: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Answer the run that waits; it goes on at once and does what was decided."""
    airflow: Airflow | None = request.app.state.airflow
    if airflow is None:
        raise UnposedError("no Airflow is connected, see [serve] airflow")
    question = airflow.about_model(request, version)
    if question is None:
        raise UnposedError("no run waits for a decision about this model any more")
    why = " ".join(why.split())
    # Airflow knows its own people; of others it is told here who it was.
    signed = why if airflow.knows_people else ": ".join(p for p in (person.name, why) if p)
    airflow.answer(request, question, decision, signed)
    word = {"promote": "promoted", "reject": "rejected"}[decision]
    store.log(
        person.name,
        "promotion",
        f"{word} the model {version}" + (f": {why}" if why else ""),
        address=address_of(request) if settings.serve.log_addresses else None,
    )
    root = request.scope.get("root_path", "")
    response = RedirectResponse(f"{root}/models", 303)
    return say(response, decision, 1, root, https=settings.serve.https)
