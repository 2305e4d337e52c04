"""What the steps of one job share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unposed_jobs.jobs.budgets import Night

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from unposed_jobs.config import Settings
    from unposed_jobs.jobs.entry import Run
    from unposed_jobs.warehouse import Warehouse

GPU_CHUNK = 16
"""Chunks that a task with a GPU is given in one: starting a task, and filling and draining its
pipeline, takes as long as a GPU takes for hundreds of pictures."""


@dataclass(frozen=True)
class Context:
    """One job: its session, settings, request and warehouse. Stays on the driver."""

    spark: SparkSession
    settings: Settings
    run: Run
    warehouse: Warehouse
    night: Night = field(default_factory=lambda: Night(0.0))

    @property
    def partitions(self) -> int:
        """Tasks worth starting to compare pictures: at least one for each core."""
        return max(2, self.spark.sparkContext.defaultParallelism)

    @property
    def tasks(self) -> int:
        """Tasks that run at once: each may take several cores, as the one that feeds a GPU does."""
        cores = int(self.spark.sparkContext.getConf().get("spark.task.cpus", "1"))
        return max(2, self.spark.sparkContext.defaultParallelism // cores)

    @property
    def chunk_size(self) -> int:
        """Pictures in a chunk of this job."""
        on_gpu = self.spark.sparkContext.getConf().get("spark.task.resource.gpu.amount")
        return self.settings.pose.chunk_size * (1 if on_gpu is None else GPU_CHUNK)
