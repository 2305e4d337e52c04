"""Asks Airflow's API server with our plugin, as people of each role; prints what it answers.

In a process of its own: Airflow reads its environment when it is imported.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from airflow.api_fastapi.app import create_app, get_auth_manager  # noqa: E402
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402

loaded = {"torch", "mediapipe", "pyspark.sql"} & set(sys.modules)
client = TestClient(create_app(apps="core"), base_url="http://127.0.0.1", follow_redirects=False)
said: dict = {"loaded": sorted(loaded), "stranger": client.get("/unposed/work").status_code}
with client:
    for role in ("viewer", "user", "admin"):
        person = SimpleAuthManagerUser(username=role.title(), role=role)
        client.cookies.set("_token", get_auth_manager().generate_jwt(person))
        page = client.get("/unposed/work")
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        form = {"kind": "waive", "item": '["A-2", 3]', "back": "/work"}
        forged = client.post("/unposed/decide/gaps", data=form).status_code
        done = client.post("/unposed/decide/gaps", data=form | {"csrf": csrf})
        said[role] = {
            "page": page.status_code,
            "name": f">{role.title()}</span>" in page.text,
            "styles": "/unposed/static/serve.css" in page.text,
            "asset": client.get("/unposed/static/serve.css").status_code,
            "framed": "frame-ancestors 'self'" in page.headers["content-security-policy"],
            "forged": forged,
            "decided": done.status_code,
            "back": done.headers.get("location"),
        }
    views = client.get("/api/v2/plugins").json()["plugins"]
    said["views"] = [view["href"] for one in views for view in one["external_views"]]
print("ANSWER " + json.dumps(said))
