"""The API as its own description has it, and what a program does with it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from unposed_jobs import config
from unposed_jobs.decisions import Decision
from unposed_jobs.web import webhook


def test_every_answer_is_one_that_the_description_has(served):
    token = served.token("Program", "owner")
    served.app.state.rates.check = lambda *_: None  # What is tried is not how often.
    described = schemathesis.openapi.from_dict(served.app.openapi())
    described.app = served.app
    operations = [found.ok() for found in described.get_all_operations()]
    headers = {"Authorization": f"Bearer {token}", "Host": "127.0.0.1"}
    for operation in operations:

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def holds(case):
            # What the day does not know is refused, whatever the shape that it comes in.
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        holds()
    assert len(operations) == 8


def test_a_program_reads_decides_and_undoes(served):
    program = served.program("Robot", "editor")
    day = program.get("/api/v1/day").json()
    assert day["columns"] == ["brand"]
    assert {ask["ask_id"] for ask in day["asks"]} == {1, 2, 3, 8}
    listed = program.get("/api/v1/work", params={"size": 25, "sort": "popularity"}).json()
    seen = {(row["product_id"], row["ask_id"]) for row in listed["rows"]}
    while listed["after"]:
        listed = program.get(
            "/api/v1/work", params={"size": 25, "sort": "popularity", "after": listed["after"]}
        ).json()
        more = {(row["product_id"], row["ask_id"]) for row in listed["rows"]}
        assert not seen & more
        seen |= more
    assert len(seen) > 25
    product_id, ask_id = min(seen)
    wanted = [{"kind": "waive", "product_id": product_id, "ask_id": ask_id, "reason": "so"}]
    answer = program.post("/api/v1/decisions", json=wanted)
    assert answer.status_code == 201
    (made,) = answer.json()
    assert (made["by"], made["stands"]) == ("Robot", True)
    (gap,) = [
        gap
        for gap in program.get("/api/v1/product", params={"id": product_id}).json()["gaps"]
        if gap["ask_id"] == ask_id
    ]
    assert gap["work_state"] == "waived"
    assert program.delete(f"/api/v1/decisions/{made['id']}").json()["stands"] is False
    assert program.delete(f"/api/v1/decisions/{made['id']}").status_code == 409
    assert program.get("/api/v1/decisions").json() == []


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"kind": "waive", "product_id": "nobody's", "ask_id": 1}, "lists no product"),
        ({"kind": "waive", "product_id": "A-1", "ask_id": 77}, "no ask or pose 77"),
        ({"kind": "merge", "ask_ids": [1, 77]}, "no ask or pose 77"),
        ({"kind": "rename", "pose_id": 77, "name": "x"}, "no ask or pose 77"),
        ({"kind": "waive", "product_id": "A-1"}, "needs an ask"),
        ({"kind": "drop"}, "kind"),
        ({"kind": "waive", "product_id": "A-1", "ask_id": 1, "by": "somebody else"}, "by"),
    ],
)
def test_what_the_next_audit_could_not_use_is_refused(served, wanted, problem):
    program = served.program("Robot", "editor")
    whole = [{"kind": "done", "product_id": "A-2", "ask_id": 3}, wanted]
    answer = program.post("/api/v1/decisions", json=whole)
    assert answer.status_code == 422
    assert problem in answer.json()["detail"]
    assert served.store.standing() == []


def test_a_webhook_gets_what_was_assigned_signed(served, monkeypatch):
    monkeypatch.setenv(webhook.SECRET, "secret")
    got = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            data = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.headers[webhook.SIGNATURE], data))
            self.send_response(503 if len(got) == 1 else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        serve = config.ServeSettings(webhook=f"http://127.0.0.1:{receiver.server_port}/hook")
        made = served.store.decide(
            [
                Decision("assign", product_id="A-2", ask_id=3, assignee="Kim"),
                Decision("hide", pose_id=3),
            ],
            "Rossi",
        )
        webhook.tell(serve, made).join()
        receiver.shutdown()
    assert len(got) == 2, "a receiver in trouble is asked again"
    signature, data = got[1]
    assert signature == webhook.signature("secret", data)
    (told,) = json.loads(data)["decisions"]
    assert (told["kind"], told["assignee"], told["by"]) == ("assign", "Kim", "Rossi")
