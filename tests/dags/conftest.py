"""Airflow for tests: a home of its own, set before airflow is imported anywhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home with our DAGs and a local Spark connection; parsing needs no database."""
    home = tmp_path_factory.mktemp("airflow")
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": (
            '{"conn_type":"spark","host":"local[2,2]","extra":{"deploy-mode":"client"}}'
        ),
        "SPARK_CONF_DIR": str(ROOT / "spark/conf/local"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        # The provider finds spark-submit on the PATH only.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return home


@pytest.fixture(scope="session")
def dag_bag(airflow_home: Path):
    """Every DAG of ours, parsed as Airflow does."""
    sys.path.insert(0, str(ROOT / "dags"))
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))
