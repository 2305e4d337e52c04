"""unposed serve, people and digest from the command line."""

from __future__ import annotations

import pytest
from web_people import Served

from unposed_jobs import cli
from unposed_jobs.web import server
from unposed_jobs.web.app import create
from unposed_jobs.web.people import People


@pytest.fixture
def configured(served, tmp_path, monkeypatch):
    made = served.settings
    file = tmp_path / "unposed.toml"
    file.write_text(
        f'[warehouse]\nuri = "{made.warehouse.uri}"\nlocation = "{made.warehouse.location}"\n'
        f'views = "{made.warehouse.views}"\n[decisions]\nstore = "{made.decisions.store}"\n'
        f'[serve]\nfolder = "{tmp_path}/serve"\nmail_from = "unposed@example.com"\n'
        '[catalogue]\ncarry = ["title", "brand"]\n'
    )
    monkeypatch.setenv("UNPOSED_CONFIG", str(file))
    return served


def test_people_are_added_listed_and_blocked(configured, capsys):
    assert cli.main(["people", "add", "M. Rossi", "--role", "editor"]) == 0
    token = capsys.readouterr().out.strip()
    assert People(configured.store).by_token(token).role == "editor"
    assert cli.main(["people", "list"]) == 0
    assert "editor" in capsys.readouterr().out
    assert cli.main(["people", "block", "M. Rossi"]) == 0
    assert People(configured.store).by_token(token) is None
    assert cli.main(["people", "block", "Nobody"]) == 2
    assert cli.main(["people", "add"]) == 2
    assert "needs a name" in capsys.readouterr().err


def test_a_digest_is_printed(configured, capsys):
    query = "category=Legs&ask=8"
    assert cli.main(["digest", "--to", "a@example.com", "--print", query]) == 0
    said = capsys.readouterr().out
    assert "pictures to take" in said
    assert "size chart [SIZE]" in said
    assert cli.main(["digest", "--to", "a@example.com", "q=nothing+like+it"]) == 0
    assert "the list is empty" in capsys.readouterr().out
    assert cli.main(["digest", "--to", "a@example.com", query]) == 2
    assert "[serve] smtp" in capsys.readouterr().err


def test_the_first_start_logs_its_owner_in(configured, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(server.uvicorn, "run", lambda app, **options: started.append(options))
    assert cli.main(["serve", "--port", "18765"]) == 0
    address = capsys.readouterr().err.split("is served at ")[1].split()[0]
    assert address.startswith("http://127.0.0.1:18765/login#")
    token = address.partition("#")[2]
    assert People(configured.store).by_token(token).role == "owner"
    assert started[0]["host"] == "127.0.0.1"
    assert cli.main(["serve", "--port", "18765"]) == 0
    assert "login#" not in capsys.readouterr().err
    assert cli.main(["serve", "--host", "0.0.0.0"]) == 2
    assert "open to the network" in capsys.readouterr().err


def test_the_day_that_is_shown_stays_until_the_next_is_ready(served, monkeypatch):
    days = create(served.settings, served.store).state.days
    day = days.latest()
    monkeypatch.setattr("unposed_jobs.web.index.ready", lambda settings: 1 / 0)
    days._looked, days._state = 0.0, (0, 0)
    assert days.latest() is day
    assert Served(served.settings, served.store, served.app).as_("A", "reader").get("/work")
