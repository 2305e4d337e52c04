"""What routes take from the application, by type."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from unposed_jobs.config import Settings
from unposed_jobs.decisions import Store
from unposed_jobs.web.pictures import Pictures
from unposed_jobs.web.reading import Day
from unposed_jobs.web.rendering import Templates


def _day(request: Request) -> Day:
    return request.app.state.days.latest()


def _store(request: Request) -> Store:
    return request.app.state.store


def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _templates(request: Request) -> Templates:
    return request.app.state.templates


def _pictures(request: Request) -> Pictures:
    return request.app.state.pictures


TheDay = Annotated[Day, Depends(_day)]
TheStore = Annotated[Store, Depends(_store)]
TheSettings = Annotated[Settings, Depends(_settings)]
TheTemplates = Annotated[Templates, Depends(_templates)]
ThePictures = Annotated[Pictures, Depends(_pictures)]
