"""What the steps of one job share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.warehouse import Warehouse


@dataclass(frozen=True)
class Context:
    """One job: its session, settings, request and warehouse. Stays on the driver."""

    spark: SparkSession
    settings: Settings
    run: Run
    warehouse: Warehouse

    @property
    def partitions(self) -> int:
        """Tasks worth starting for work on pictures: at least one for each core."""
        return max(2, self.spark.sparkContext.defaultParallelism)
