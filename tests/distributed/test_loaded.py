"""What a worker keeps for all its tasks."""

from __future__ import annotations

import gc
import subprocess
import sys

from unposed_jobs.distributed import loaded


def test_what_is_loaded_stays_until_something_else_is():
    asked = []

    @loaded.once
    def load(name):
        asked.append(name)
        return [name]

    assert load("a") is load("a")
    assert load("b") == ["b"]
    assert load("a") == ["a"]
    assert asked == ["a", "b", "a"]


def test_the_garbage_collector_does_not_look_at_it():
    @loaded.once
    def load():
        return [[number] for number in range(1_000)]

    made = load()
    seen = {id(item) for item in gc.get_objects()}
    gc.unfreeze()
    assert not any(id(item) in seen for item in made)
    assert all(id(item) in {id(one) for one in gc.get_objects()} for item in made[:3])


def test_workers_load_lightgbm_alone():
    code = (
        "import sys\n"
        "from unposed_jobs.boosting import lightgbm\n"
        "lightgbm().Booster\n"
        "print(sorted({'sklearn', 'pandas', 'dask', 'matplotlib'} & set(sys.modules)))\n"
        "import pandas, sklearn\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
