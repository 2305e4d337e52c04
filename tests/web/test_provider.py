"""Logging in at an OpenID provider: a small one of our own on the loopback."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey
from web_people import Served

from unposed_jobs.errors import UnposedError
from unposed_jobs.web.app import create
from unposed_jobs.web.routes import login


class Provider:
    """Lets whoever is set as `claims` in, as a provider would."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.claims: dict = {}
        self.nonces: dict[str, str] = {}
        self.audience = "unposed"
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.server = uvicorn.Server(uvicorn.Config(self.app(), log_level="warning"))
        self.thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def metadata():
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }

        @app.get("/keys")
        def keys():
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get("/authorize")
        def authorize(request: Request):
            asked = request.query_params
            assert asked["code_challenge_method"] == "S256"
            self.nonces["code"] = asked["nonce"]
            return RedirectResponse(f"{asked['redirect_uri']}?code=code&state={asked['state']}")

        @app.post("/token")
        def token(code: str = Form(), code_verifier: str = Form()):
            now = int(time.time())
            claims = {
                "iss": self.issuer,
                "aud": self.audience,
                "iat": now,
                "exp": now + 60,
                "nonce": self.nonces[code],
            } | self.claims
            signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
            return {"access_token": "x", "token_type": "Bearer", "id_token": signed}

        return app

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture(scope="module")
def provider():
    made = Provider()
    yield made
    made.stop()


@pytest.fixture
def with_provider(served, provider, monkeypatch) -> Served:
    monkeypatch.setenv(login.SECRET, "client secret")
    serve = dataclasses.replace(
        served.settings.serve,
        login="oidc",
        oidc_issuer=provider.issuer,
        oidc_client="unposed",
        editors=("studio",),
        readers=("staff",),
    )
    settings = dataclasses.replace(served.settings, serve=serve)
    provider.audience = "unposed"
    return Served(settings, served.store, create(settings, served.store))


def log_in(served, provider, **claims):
    provider.claims = {"sub": "1", "email": "rossi@example.com", **claims}
    client = served.stranger()
    start = client.get("/login/start", params={"back": "/poses"})
    answer = httpx.get(start.headers["location"])
    back = urlsplit(answer.headers["location"])
    return client, client.get(f"{back.path}?{back.query}")


def test_a_group_gives_its_role(with_provider, provider):
    client, answer = log_in(with_provider, provider, groups=["studio", "other"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/poses")
    assert "rossi@example.com" in client.get("/work").text
    assert 'id="waive-dialog"' in client.get("/work").text
    client, _ = log_in(with_provider, provider, groups=["staff"])
    assert 'id="waive-dialog"' not in client.get("/work").text
    assert {line.who for line in with_provider.store.entries(action="login")} == {
        "rossi@example.com"
    }


def test_who_has_no_group_or_another_applications_token_stays_out(with_provider, provider):
    client, answer = log_in(with_provider, provider, groups=["elsewhere"])
    assert answer.status_code == 403
    assert client.get("/work").status_code == 303
    provider.audience = "another application"
    client, answer = log_in(with_provider, provider, groups=["studio"])
    assert answer.status_code == 403
    assert client.get("/work").status_code == 303


def test_an_answer_that_nobody_asked_for_is_refused(with_provider, provider):
    stranger = with_provider.stranger()
    assert stranger.get("/login/back", params={"code": "code", "state": "x"}).status_code == 403
    start = stranger.get("/login/start").headers["location"]
    state = parse_qs(urlsplit(start).query)["state"][0]
    other = with_provider.stranger()
    assert other.get("/login/back", params={"code": "c", "state": state}).status_code == 403


def test_a_provider_that_is_not_wholly_named_is_refused(served, monkeypatch):
    monkeypatch.delenv(login.SECRET, raising=False)
    serve = dataclasses.replace(served.settings.serve, login="oidc")
    with pytest.raises(UnposedError, match="oidc_issuer"):
        login.check(serve)
    with pytest.raises(UnposedError, match="SECRET"):
        login.check(dataclasses.replace(serve, oidc_issuer="https://x", oidc_client="y"))
