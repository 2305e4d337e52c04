"""An Airflow of this machine for tests: its API server, and whatever else is started beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from unposed_jobs import config

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "ada", "a long password of a test"
SECONDS = 180
"""How long anything may take on a machine under load."""


class LiveAirflow:
    """Its database is SQLite in `home`; it reads our DAGs and has our plugin."""

    def __init__(self, home: Path, settings: config.Settings, database: Path) -> None:
        self.home = home
        shutil.copy(database, home / "airflow.db")
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", 0))
            self.port = tried.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._processes: list[subprocess.Popen] = []
        self.environment = os.environ | self._environment(settings)

    def _environment(self, settings: config.Settings) -> dict[str, str]:
        made = self.home / "unposed.toml"
        made.write_text(
            f'[warehouse]\nuri = "{settings.warehouse.uri}"\n'
            f'location = "{settings.warehouse.location}"\nviews = "{settings.warehouse.views}"\n'
            f'[decisions]\nstore = "{settings.decisions.store}"\n'
            f'[serve]\nfolder = "{self.home}/serve"\n[catalogue]\ncarry = ["title", "brand"]\n'
        )
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({USER: PASSWORD}))
        named = {
            "CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": "2",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.address,
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": "a secret of a test, long enough for a signature " * 2,
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "LOGGING__LOGGING_LEVEL": "WARNING",
        }
        return {f"AIRFLOW__{name}": value for name, value in named.items()} | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(
                {"conn_type": "spark", "host": "local[2]", "extra": {"deploy-mode": "client"}}
            ),
            "UNPOSED_CONFIG": str(made),
            "UNPOSED_HOME": str(self.home),
            "SPARK_CONF_DIR": str(ROOT / "spark/conf/local"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def command(self, *words: str) -> str:
        """What an `airflow` command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen:
        """A process that goes on beside the test, in a group of its own; its lines in a file."""
        with (self.home / f"process-{len(self._processes)}.log").open("w") as log:
            made = subprocess.Popen(
                [sys.executable, *words],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(made)
        return made

    def serve(self) -> None:
        """Start the API server, and wait until it answers."""
        self.start("-m", "airflow", "api-server")
        self.wait(lambda: requests.get(f"{self.address}/api/v2/version", timeout=5).ok)

    def token(self) -> str:
        """Of its one person."""
        user = {"username": USER, "password": PASSWORD}
        answer = requests.post(f"{self.address}/auth/token", json=user, timeout=30)
        return answer.json()["access_token"]

    def wait(self, happened) -> None:
        """Until something happened; it may not be there to be asked yet."""
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            try:
                if happened():
                    return
            except requests.RequestException:
                pass
            time.sleep(0.3)
        raise AssertionError(self.told())

    def told(self) -> str:
        """The last lines of each process."""
        logs = sorted(self.home.glob("process-*.log"))
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in logs)

    def stop(self) -> None:
        """End what was started, with its children."""
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
