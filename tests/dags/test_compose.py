"""The compose file, read without containers: services are watched, restarted and told the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]


def test_every_service_is_restarted_and_watched(services):
    airflow = {"api", "scheduler", "triggerer", "dag-processor"}
    assert airflow | {"postgres", "spark-master", "spark-worker", "store"} <= set(services)
    for name, service in services.items():
        if name == "migrate":
            assert service["restart"] == "no"
            continue
        assert service["restart"] == "unless-stopped", name
        assert service.get("healthcheck", {}).get("test") or name == "spark-worker", name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_drivers_and_executors_have_the_same_settings_and_places(services):
    worker, scheduler = services["spark-worker"], services["scheduler"]
    assert worker["environment"] == scheduler["environment"]
    assert worker["volumes"] == scheduler["volumes"]
    mounts = " ".join(scheduler["volumes"])
    assert "/etc/unposed/unposed.toml:ro" in mounts
    assert "/catalogue:ro" in mounts


def test_a_killed_schedulers_locks_end_by_themselves(services):
    assert "idle_in_transaction_session_timeout=" in services["postgres"]["command"]


def test_what_is_named_exists(services):
    for service in services.values():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
    text = (ROOT / "docker/compose.yaml").read_text()
    for name in re.findall(r"dags (?:unpause|trigger) (\w+)", text):
        assert (ROOT / "dags" / f"{name}.py").is_file()
    for file in (ROOT / "docker").glob("*.Dockerfile"):
        for source in re.findall(r"^COPY (\S+) ", file.read_text(), re.M):
            assert (ROOT / source).exists(), (file.name, source)
