"""The pages of `unposed serve` in Airflow's own interface, behind Airflow's login.

Airflow protects no plugin's pages by itself: whoever asks is known by Airflow's own token, and may
do what Airflow lets them do with the nightly audit: who may read the DAG reads, who may edit it
decides, who may edit Airflow's configuration is an owner. Settings are read from $UNPOSED_CONFIG
at the first request; nothing of the library is loaded before that, nor anywhere but in the API
server.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from typing import Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

PREFIX = "/unposed"
AUDIT_DAG = "unposed_catalogue_audit_nightly"


def token_of(request: Any) -> tuple[str, bool]:
    """Airflow's token of whoever asks, and whether a header has it; empty for a stranger."""
    from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN

    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer:
        return bearer, True
    return request.cookies.get(COOKIE_NAME_JWT_TOKEN) or "", False


def own_address(settings: Any) -> str:
    """Where this Airflow's API is reached from here."""
    found = settings.serve.airflow or conf.get("api", "base_url", fallback="")
    return (found or f"http://127.0.0.1:{conf.get('api', 'port')}").rstrip("/")


class AirflowDoor:
    """Who asks, as Airflow knows them."""

    own_login = False

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    async def identify(self, request: Any) -> Any:
        """The person with the role that Airflow's rights give; None for a stranger."""
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
        from airflow.api_fastapi.core_api.security import resolve_user_from_token
        from fastapi import HTTPException

        from unposed_jobs.web.people import Person

        token, by_header = token_of(request)
        try:
            user = await resolve_user_from_token(token)
        except HTTPException:
            return None
        manager = get_auth_manager()
        audit = DagDetails(id=AUDIT_DAG)
        if not manager.is_authorized_dag(method="GET", details=audit, user=user):
            return None
        role = "reader"
        if manager.is_authorized_dag(method="PUT", details=audit, user=user):
            role = "editor"
            if manager.is_authorized_configuration(method="PUT", user=user):
                role = "owner"
        csrf = hmac.new(self._secret, str(user.get_id()).encode(), hashlib.sha256).hexdigest()
        # A browser sends the cookie to whoever asks for it; a header is a program's own.
        return Person(user.get_name(), role, None if by_header else csrf)


class Pages:
    """The application, made at its first request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: Any = None

    def _make(self) -> Any:
        with self._lock:
            if self._made is None:
                import secrets

                from unposed_jobs import config
                from unposed_jobs.decisions import Store
                from unposed_jobs.web import app
                from unposed_jobs.web.airflow import Airflow

                settings = config.load()
                store = Store.open(settings.decisions.store)
                secret = store.remember("airflow secret", secrets.token_hex(32))
                airflow = Airflow(own_address(settings), lambda asked: token_of(asked)[0], True)
                door = AirflowDoor(secret)
                self._made = app.create(settings, store, door=door, framed=True, airflow=airflow)
            return self._made

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI has it."""
        from starlette.concurrency import run_in_threadpool

        made = self._made or await run_in_threadpool(self._make)
        await made(scope, receive, send)


class UnposedPages(AirflowPlugin):
    """What Airflow finds here."""

    name = "unposed"
    fastapi_apps = [{"app": Pages(), "url_prefix": PREFIX, "name": "Unposed"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Missing pictures",
            "href": f"{PREFIX}/work",
            "destination": "nav",
            "url_route": "missing-pictures",
        }
    ]
