"""Spark for a side of a ratio: so many cores of this machine, or a cluster that runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unposed_jobs.distributed import session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def local(cores: int, memory: str = "3g") -> SparkSession:
    """A session on `cores` cores, in this process. Raises UnposedError where there is no Java."""
    return session.session("bench", f"local[{cores}]", options(cores, memory))


def options(cores: int, memory: str) -> dict[str, str]:
    """What every session of the benchmark is given."""
    return {
        "spark.driver.memory": memory,
        "spark.sql.shuffle.partitions": str(max(2, 2 * cores)),
    }
