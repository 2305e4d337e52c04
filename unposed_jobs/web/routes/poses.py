"""Poses and asks: what they are called, what belongs together, what is not asked for."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from unposed_jobs.decisions import Recorded, labels
from unposed_jobs.decisions.kinds import SHOWS
from unposed_jobs.web.reading import Day
from unposed_jobs.web.routes.context import TheDay, TheStore, TheTemplates
from unposed_jobs.web.security import Reader

ROUTES = APIRouter()
EXEMPLARS = 6


@ROUTES.get("/poses")
def poses(
    request: Request, person: Reader, day: TheDay, store: TheStore, templates: TheTemplates
) -> Response:
    """All asks of the day with their poses, and what people corrected since."""
    day.marks.follow()
    classes = day.from_views(
        "SELECT pose_id, name, kind, shot_code, size, agreement, asked, exemplars, correction, "
        "ask_id, ask_name FROM vocabulary WHERE model_version = ? AND lineage <> 'retired' "
        "ORDER BY size DESC, pose_id",
        [day.about.model_version],
    )
    pending = day.marks.general
    return templates.page(
        request,
        "poses.html",
        person,
        about=day.about,
        asks=_asks(day, classes),
        pending=pending,
        newer=[one for one in pending if one.at > day.about.finished_at],
        categories=day.choices(),
        exemplars=EXEMPLARS,
        labels=_labels(day, store.standing([SHOWS])),
        day=day,
    )


def _labels(day: Day, said: list[Recorded]) -> list[labels.Reading]:
    """What the model reads in the pictures of which people said what they show."""
    return day.kept(
        ("labels", *(one.id for one in said)),
        lambda: labels.readings(said, day.about.model_version, day.from_views),
    )


def _asks(day: Day, classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_id = {row["pose_id"]: row for row in classes}
    found = []
    for ask_id, ask in day.asks.items():
        members = [by_id[pose] for pose in ask["members"] or [ask_id] if pose in by_id]
        if not members:
            continue
        members.sort(key=lambda row: -row["size"])
        found.append(
            ask
            | {
                "poses": members,
                "ask_name": day.ask_name(ask_id),
                "size": sum(row["size"] for row in members),
                "kind": members[0]["kind"],
                "agreement": members[0]["agreement"],
                "asked": ask["missing"] > 0 or any(row["asked"] for row in members),
            }
        )
    found.sort(key=lambda ask: (ask["kind"] != "person", not ask["asked"], -ask["size"]))
    return found
