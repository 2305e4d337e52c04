"""A whole Airflow on PostgreSQL, on the loopback: every service a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2

ROOT = Path(__file__).parents[2]
NIGHT = "unposed_catalogue_audit_nightly"
DEADLINE_SECONDS = 36
SERVICES = {
    "api": ("api-server",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer",),
    "scheduler": ("scheduler",),
}


def binaries() -> Path | None:
    """Where PostgreSQL's server is, by apt or on the PATH; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).resolve().parent if there else None


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class Postgres:
    """A server of its own, for as long as the object is used."""

    def __init__(self, bin_folder: Path) -> None:
        # Not below pytest's folders, which are their user's alone.
        self.folder = Path(tempfile.mkdtemp(prefix="unposed-postgres-"))
        self.bin, self.port = bin_folder, free_port()
        # The server refuses to run as root; Debian's package has a user for it.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "airflow", "-A", "trust")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        # As in docker/compose.yaml: the processes that a killed scheduler leaves behind keep its
        # connection open, and what its last transaction had locked.
        options += " -c idle_in_transaction_session_timeout=60s"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "airflow", "airflow")

    def _run(self, program: str, *arguments: str) -> None:
        prefix = ["runuser", "-u", self.user, "--"] if self.user else []
        command = [*prefix, str(self.bin / program), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """End the server at once."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def ask(self, sql: str, *values: object) -> list[tuple]:
        """The rows of a statement."""
        where = {"host": "127.0.0.1", "port": self.port, "user": "airflow", "dbname": "airflow"}
        connection = psycopg2.connect(**where)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall()
        finally:
            connection.close()


class Airflow:
    """Airflow's services as processes, each the head of a group of its own."""

    def __init__(self, folder: Path, database: Postgres, home: Path, **more: str) -> None:
        self.folder, self.database = folder, database
        self.alarms = folder / "alarms"
        (folder / "plugins").mkdir(parents=True)
        port, secret = free_port(), secrets.token_hex(32)
        uri = f"airflow@127.0.0.1:{database.port}/airflow"
        notifier = {
            "class": "live_notifier.FileNotifier",
            "arguments": {"path": str(self.alarms)},
        }
        spark = {"conn_type": "spark", "host": "local[1,2]", "extra": {"deploy-mode": "client"}}
        self.environment = os.environ | {
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{uri}",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secret,
            "AIRFLOW__API_AUTH__JWT_SECRET": secret,
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
            "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(spark),
            "UNPOSED_HOME": str(home),
            "UNPOSED_CONFIG": str(home / "unposed.toml"),
            "UNPOSED_NOTIFIERS": json.dumps([notifier]),
            "UNPOSED_DEADLINE_HOURS": str(DEADLINE_SECONDS / 3600),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(ROOT)]),
            "SPARK_CONF_DIR": str(ROOT / "spark/conf/local"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **more,
        }
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        self.left: list[int] = []

    def command(self, *arguments: str) -> str:
        """What an ``airflow`` or ``unposed`` command prints; it must succeed."""
        done = subprocess.run(
            arguments, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]} {done.stderr[-3000:]}"
        return done.stdout

    def start(self, *names: str) -> None:
        """Start the services, all of them by default."""
        for name in names or SERVICES:
            log = (self.folder / f"{name}.log").open("ab")
            self.services[name] = subprocess.Popen(
                ["airflow", *SERVICES[name]],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str, *, group: bool) -> None:
        """End a service as a power cut would; `group`: with all that it started."""
        service = self.services.pop(name)
        (os.killpg if group else os.kill)(service.pid, signal.SIGKILL)
        service.wait()
        if not group:
            self.left.append(service.pid)

    def stop(self) -> None:
        """End everything, and what services left that were killed alone."""
        for name in list(self.services):
            self.kill(name, group=True)
        for number in self.left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)

    def until(self, what: str, holds: Callable[[], bool], seconds: float = 900) -> None:
        """Wait until `holds`; the services must live meanwhile."""
        end = time.monotonic() + seconds
        while not holds():
            for name, service in self.services.items():
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                assert service.poll() is None, f"{name} ended: {log[-3000:]}"
            assert time.monotonic() < end, f"{what}: not within {seconds} s; {self.states()}"
            time.sleep(2)

    def states(self, dag_id: str = NIGHT) -> dict[str, str]:
        """The state of each run of a DAG by its day and kind."""
        rows = self.database.ask(
            "SELECT logical_date::date, run_type, state FROM dag_run WHERE dag_id = %s", dag_id
        )
        return {f"{run_type} {day}": state for day, run_type, state in rows}

    def told(self) -> list[dict]:
        """The alarms that were raised."""
        if not self.alarms.exists():
            return []
        return [json.loads(line) for line in self.alarms.read_text().splitlines()]
