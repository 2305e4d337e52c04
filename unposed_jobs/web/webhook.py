"""Tells a studio's own system about assignments: one signed request for each bulk action."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import threading
from collections.abc import Sequence
from typing import Any

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from unposed_jobs.config import ServeSettings
from unposed_jobs.decisions import Recorded
from unposed_jobs.errors import UnposedError

_log = logging.getLogger(__name__)
KINDS = ("assign", "done", "waive")
TIMEOUT_SECONDS = 10
SECRET = "UNPOSED_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
SIGNATURE = "X-Unposed-Signature"


def check(settings: ServeSettings) -> None:
    """Raise UnposedError where a webhook is set that nobody could trust."""
    if not settings.webhook:
        return
    if not settings.webhook.startswith("https://") and "//127.0.0.1" not in settings.webhook:
        raise UnposedError("[serve] webhook must be an https address")
    if not os.environ.get(SECRET):
        raise UnposedError(f"[serve] webhook needs ${SECRET}, by which requests are signed")


def tell(settings: ServeSettings, made: Sequence[Recorded]) -> threading.Thread | None:
    """Send the decisions that the webhook is about, in a thread of its own, which it returns."""
    meant = [one for one in made if one.decision.kind in KINDS]
    if not settings.webhook or not meant:
        return None
    sender = threading.Thread(
        target=_send, args=(settings.webhook, body(meant)), name="webhook", daemon=False
    )
    sender.start()
    return sender


def body(made: Sequence[Recorded]) -> bytes:
    """What is sent: JSON."""
    whole = {"decisions": [as_json(one) for one in made]}
    return json.dumps(whole, default=str, ensure_ascii=False).encode()


def as_json(one: Recorded) -> dict[str, Any]:
    """A decision as plain values."""
    kept = {name: value for name, value in one.decision.values().items() if value not in (None, ())}
    return kept | {"id": one.id, "by": one.by, "at": one.at.isoformat(), "stands": one.stands}


def signature(secret: str, data: bytes) -> str:
    """By which the receiver knows the sender."""
    return "sha256=" + hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()


def _send(address: str, data: bytes) -> None:
    headers = {
        "content-type": "application/json",
        SIGNATURE: signature(os.environ.get(SECRET, ""), data),
    }
    retrying = Retrying(
        retry=retry_if_exception_type(requests.RequestException),
        stop=stop_after_attempt(4),
        wait=wait_exponential(max=30),
        reraise=True,
    )
    try:
        for attempt in retrying:
            with attempt:
                answer = requests.post(
                    address,
                    data=data,
                    headers=headers,
                    timeout=TIMEOUT_SECONDS,
                    allow_redirects=False,
                )
                if answer.status_code >= 500:
                    answer.raise_for_status()
        if answer.status_code >= 300:
            _log.warning("the webhook was refused: %s", answer.status_code)
    except requests.RequestException as error:
        _log.warning("the webhook was not reached: %s", type(error).__name__)
