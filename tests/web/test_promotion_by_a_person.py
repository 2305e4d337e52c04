"""A model's promotion waits for a person, is decided on its page, and the run goes on."""

from __future__ import annotations

import dataclasses
import json
import os
import re

import pytest
import requests
import web_day
from live_airflow import PASSWORD, USER, LiveAirflow
from web_people import Served, csrf

from unposed_jobs.decisions import Store
from unposed_jobs.reference import registry
from unposed_jobs.warehouse import Warehouse
from unposed_jobs.web import airflow
from unposed_jobs.web.app import create

pytestmark = pytest.mark.e2e
WEEK = "unposed_reference_retrain_weekly"


@pytest.fixture
def waiting(tmp_path):
    """A published day with a candidate that waits."""
    settings = web_day.settings(tmp_path)
    web_day.audit(settings, tmp_path)
    web_day.candidate(settings)
    return settings


@pytest.fixture
def live(waiting, airflow_database, tmp_path):
    home = tmp_path / "airflow"
    home.mkdir()
    made = LiveAirflow(home, waiting, airflow_database)
    made.serve()
    yield made
    made.stop()


def models(settings) -> dict[str, registry.ModelRow]:
    return {row.model_version: row for row in registry.models(Warehouse.open(settings.warehouse))}


def question(live: LiveAirflow) -> dict | None:
    """What the run asks, once it waits."""
    found = requests.get(
        f"{live.address}/api/v2/dags/{WEEK}/dagRuns/~/hitlDetails?response_received=false",
        headers={"authorization": f"Bearer {live.token()}"},
        timeout=30,
    ).json()
    waits = [
        one
        for one in found.get("hitl_details", [])
        if one["task_instance"]["state"] == "awaiting_input"
    ]
    return waits[0] if waits else None


def test_a_candidates_page_has_what_would_change(waiting):
    store = Store.open(waiting.decisions.store)
    served = Served(waiting, store, create(waiting, store))
    reader = served.as_("Ed", "reader")
    listed = reader.get("/models").text
    assert "The model model-2 waits for a person." in listed
    text = re.sub(r"\s+", " ", reader.get("/model?version=model-2").text)
    for part in (
        "31.0% of the flags would change",
        "0.910",
        "67 pictures are read alike",
        "30%",  # Of those that the champion reads as backs.
        "Read as upper body, back; by this model as pose 3",
        "No picture decides it",
        "An owner decides it",
        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; shirt",
    ):
        assert part in text, part
    opened = reader.get("/model?version=model-2&change=opened&ask=2").text
    assert "id=A-1" in opened
    assert "id=A-2" not in opened
    assert reader.get("/model?version=nobody").status_code == 404
    owner = served.as_("M. Rossi", "owner")
    form = {"csrf": csrf(owner), "version": "model-2", "decision": "promote"}
    refused = owner.post("/decide/model", data=form).text
    assert "no airflow is connected" in refused.casefold()
    assert store.entries(action="promotion") == []


def test_a_models_promotion_waits_is_granted_on_its_page_and_the_run_goes_on(
    live, waiting, monkeypatch
):
    monkeypatch.setenv(airflow.USER, USER)
    monkeypatch.setenv(airflow.PASSWORD, PASSWORD)
    connected = dataclasses.replace(
        waiting, serve=dataclasses.replace(waiting.serve, airflow=live.address)
    )
    store = Store.open(waiting.decisions.store)
    served = Served(connected, store, create(connected, store))
    run = live.start("tests/web/airflow_run.py", str(web_day.DAY))
    live.wait(lambda: run.poll() is not None or question(live))
    assert run.poll() is None, live.told()
    asked = question(live)
    assert asked["subject"] == "Promote the model model-2"
    assert "31.0% of the flags" in asked["body"]
    assert models(waiting)["model-1"].status == "champion"

    owner = served.as_("M. Rossi", "owner")
    assert "Promote it?" in owner.get("/model?version=model-2").text
    form = {"version": "model-2", "decision": "promote", "why": "backs were read as sides"}
    editor = served.as_("Ed", "editor")
    refused = editor.post("/decide/model", data=form | {"csrf": csrf(editor)})
    assert refused.status_code == 403
    done = owner.post("/decide/model", data=form | {"csrf": csrf(owner)})
    assert done.status_code == 303, done.text
    assert "The model is promoted" in owner.get("/models").text
    again = owner.post("/decide/model", data=form | {"csrf": csrf(owner)})
    assert "no run waits" in again.text.casefold()
    (line,) = store.entries(action="promotion")
    assert (line.who, line.summary) == (
        "M. Rossi",
        "promoted the model model-2: backs were read as sides",
    )

    live.wait(lambda: run.poll() is not None)
    printed = live.told()
    said = [line for line in printed.splitlines() if line.startswith("STATE ")]
    assert said, printed
    states = json.loads(said[0].removeprefix("STATE "))
    assert states["run"].endswith("success"), printed
    assert set(states["tasks"].values()) == {"success"}
    after = models(waiting)
    assert {key: row.status for key, row in after.items()} == {
        "model-1": "retired",
        "model-2": "champion",
    }
    assert "accepted by hand (Ada: M. Rossi: backs were read as sides)" in (
        after["model-2"].reason or ""
    ).replace("(ada", "(Ada")


@pytest.mark.skipif(
    os.environ.get("UNPOSED_AIRFLOW") != "live", reason="minutes: make test-airflow"
)
@pytest.mark.parametrize(
    ("decision", "champion", "candidate"),
    [("reject", "champion", "rejected"), ("promote", "retired", "champion")],
)
def test_in_a_live_airflow_a_person_decides_on_the_page_in_its_own_interface(
    live, waiting, decision, champion, candidate
):
    live.start("-m", "airflow", "dag-processor")
    live.wait(lambda: WEEK in live.command("dags", "list"))
    live.command("dags", "unpause", WEEK)
    headers = {"authorization": f"Bearer {live.token()}"}
    runs = f"{live.address}/api/v2/dags/{WEEK}/dagRuns"
    conf = {"date": str(web_day.DAY)}
    made = requests.post(
        runs, json={"logical_date": None, "conf": conf}, headers=headers, timeout=30
    )
    assert made.ok, made.text
    run = f"{runs}/{made.json()['dag_run_id']}"
    # What comes before the question is other tests' matter: taken for done.
    for task in ("extract_landmarks", "train_reference", "promote_candidate"):
        body = {"new_state": "success", "include_downstream": False}
        done = requests.patch(f"{run}/taskInstances/{task}", json=body, headers=headers, timeout=30)
        assert done.ok, done.text
    live.start("-m", "airflow", "scheduler")
    live.wait(lambda: question(live))

    page = requests.Session()
    page.cookies.set("_token", live.token())
    text = page.get(f"{live.address}/unposed/model?version=model-2", timeout=60).text
    assert "Promote it?" in text
    secret = text.partition('name="csrf" value="')[2].partition('"')[0]
    form = {"csrf": secret, "version": "model-2", "decision": decision, "why": "too many"}
    answer = page.post(
        f"{live.address}/unposed/decide/model", data=form, timeout=60, allow_redirects=False
    )
    assert answer.status_code == 303, answer.text

    def ended() -> bool:
        return requests.get(run, headers=headers, timeout=30).json()["state"] in (
            "success",
            "failed",
        )

    live.wait(ended)
    assert requests.get(run, headers=headers, timeout=30).json()["state"] == "success", live.told()
    after = models(waiting)
    assert (after["model-1"].status, after["model-2"].status) == (champion, candidate)
    assert "too many" in (after["model-2"].reason or "")
    print(f"a candidate waited in a live Airflow, {decision} on its page; the run went on")
