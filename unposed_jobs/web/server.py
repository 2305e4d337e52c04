"""One process that serves the application: uvicorn."""

from __future__ import annotations

import getpass
import logging
import socket
import sys

import uvicorn

from unposed_jobs.config import Settings
from unposed_jobs.decisions import Store
from unposed_jobs.errors import UnposedError
from unposed_jobs.web import app, security, webhook
from unposed_jobs.web.people import OWNER, People
from unposed_jobs.web.routes import login


def run(settings: Settings) -> None:
    """Serve until a signal ends it. Raises UnposedError for settings that are not safe, where
    nothing is published yet, and where the port is taken."""
    security.check_exposure(settings.serve)
    login.check(settings.serve)
    webhook.check(settings.serve)
    store = Store.open(settings.decisions.store)
    made = app.create(settings, store)
    day = made.state.days.latest()  # Said at once where there is none, and made ready.
    host, port = settings.serve.host, settings.serve.port
    _check_free(host, port)
    address = f"http://{host}:{port}/"
    if settings.serve.login == "token" and not People(store).all():
        token = People(store).add(getpass.getuser(), OWNER, "the first start")
        address += f"login#{token}"
    print(f"{day.about.run_date} is served at {address}", file=sys.stderr, flush=True)
    for note in day.about.notes:
        print(f"unposed: {note}", file=sys.stderr)
    uvicorn.run(
        made,
        host=host,
        port=port,
        log_level="info" if logging.getLogger().isEnabledFor(logging.INFO) else "warning",
        # Addresses have what people search for.
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.serve.proxies),
        forwarded_allow_ips=list(settings.serve.proxies),
        timeout_graceful_shutdown=10,
    )


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise UnposedError(
                f"cannot listen on {host}:{port}: {error.strerror}; another --port?"
            ) from None
