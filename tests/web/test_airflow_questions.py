"""What Airflow asks about a model is found however many other questions wait."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from unposed_jobs.web.airflow import SUBJECT, Airflow

WAITING = 25


@pytest.fixture
def airflow():
    """An Airflow of which 25 runs ask, and which gives at most ten of them, however many are
    asked for; with the offsets that it was asked for."""
    offsets = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = parse_qs(urlsplit(self.path).query)
            start = int(asked["offset"][0])
            offsets.append(start)
            assert asked["response_received"] == ["false"]
            details = [
                {
                    "subject": f"{SUBJECT}model-{number}",
                    "task_instance": {
                        "dag_id": "weekly",
                        "dag_run_id": f"run {number}",
                        "task_id": "ask",
                        "map_index": -1,
                    },
                }
                for number in range(start, min(start + 10, WAITING))
            ]
            answer = json.dumps({"hitl_details": details, "total_entries": WAITING}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield Airflow(address, lambda _: "token", knows_people=False), offsets
        server.shutdown()


def test_a_question_behind_many_others_is_found(airflow):
    asked, offsets = airflow
    found = asked.about_model(None, "model-24")
    assert found is not None
    assert found.run_id == "run 24"
    assert offsets == [0, 10, 20]


def test_none_is_found_where_none_is_asked_and_no_page_is_read_in_vain(airflow):
    asked, offsets = airflow
    assert asked.about_model(None, "model-1").run_id == "run 1"
    assert asked.about_model(None, "nobody's") is None
    assert offsets == [0, 0, 10, 20]
