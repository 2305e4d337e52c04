"""Runs the weekly DAG as `airflow dags test` does, what comes before the question taken for done;
prints the state of the run and of its tasks.

In a process of its own: Airflow reads its environment when it is imported.
"""

import json
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

warnings.simplefilter("ignore")
DAGS = Path(__file__).parents[2] / "dags"
sys.path.insert(0, str(DAGS))

from airflow.dag_processing.dagbag import DagBag  # noqa: E402

dag = DagBag(str(DAGS)).dags["unposed_reference_retrain_weekly"]
for task in dag.tasks:
    task.retries = 0  # A test does not wait for the second try.
run = dag.test(
    logical_date=datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC),
    mark_success_pattern="extract_landmarks|train_reference|promote_candidate",
)
states = {task.task_id: str(task.state) for task in run.get_task_instances()}
print("STATE " + json.dumps({"run": str(run.state), "tasks": states}), flush=True)
