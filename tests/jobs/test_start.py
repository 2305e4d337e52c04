"""What a job's driver imports before it does anything: many short jobs make a night."""

import subprocess
import sys
from pathlib import Path

import unposed_jobs.jobs

HEAVY = ("torch", "openvino", "sklearn", "lightgbm", "mediapipe", "onnxruntime", "statsmodels")
"""Each takes a tenth of a second to three; who needs one imports it there and then."""
ASK = f"""
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(f"unposed_jobs.jobs.{{name}}")
print(*sorted(set({HEAVY}) & set(sys.modules)))
"""


def test_a_driver_starts_without_the_networks_libraries() -> None:
    names = [path.stem for path in Path(*unposed_jobs.jobs.__path__).glob("[!_]*.py")]
    done = subprocess.run(
        [sys.executable, "-c", ASK, *names], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
