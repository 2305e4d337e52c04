"""Catalogues of made landmarks in real tables, written by the executors, and nights over them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unposed_jobs.config import (
    CatalogueSettings,
    FactsSettings,
    PoseSettings,
    Settings,
    TrainingSettings,
)
from unposed_jobs.lab.bench import made, sessions
from unposed_jobs.lab.bench.extraction import warehouse_settings
from unposed_jobs.pose import estimators

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from unposed_jobs.warehouse import Warehouse

TRAINED_PRODUCTS = 400
_TRAINING = TrainingSettings(top_k=TRAINED_PRODUCTS, min_pictures=1, clusters=8, epochs=20)
_RUN = "made"
_BATCH = 8_192


def settings_of(folder: Path, pose: PoseSettings, *, carried: bool = False) -> Settings:
    """The settings of the made catalogue in a folder; with `carried`, all further columns are."""
    return Settings(
        warehouse=warehouse_settings(folder),
        catalogue=CatalogueSettings(
            products=str(folder / "products"),
            images=str(folder / "images"),
            carry=made.FURTHER if carried else (),
        ),
        pose=pose,
        training=dataclasses.replace(_TRAINING, bundles=str(folder / "models")),
        # Made landmarks have no pictures to keep facts of; ratio 11 is of facts.
        facts=FactsSettings(nightly=False),
    )


class MadeCatalogues:
    """Makes them in one session, and audits them there. Each has a folder of its own."""

    def __init__(self, root: str, pose: PoseSettings, cores: int) -> None:
        self._root = Path(root)
        self._pose = pose
        self._spark = sessions.local(cores)
        self._cores = cores
        self._turns = 0
        self._model: Path | None = None

    def make(self, products: int) -> dict[str, Any]:
        """Write a catalogue; the first one also trains the model that all of them use.

        Returns what it weighs: rows and bytes of the tables `landmarks` and `images`.
        """
        folder = self._root / str(products)
        folder.mkdir(parents=True)
        settings = settings_of(folder, self._pose)
        warehouse = self._write(folder, settings, products)
        if self._model is None:
            self._train(settings)
            self._model = folder
        else:
            self._adopt(settings_of(self._model, self._pose), warehouse)
        return {name: _weight(warehouse, name) for name in ("landmarks", "images")}

    def audit(self, products: int, carried: bool = False) -> dict[str, Any]:
        """Every table stage of a night: embedding, assignment, states, flags; seconds, figures.

        The model has named none of the pictures yet, whenever it is called.
        """
        from unposed_jobs.jobs import audit
        from unposed_jobs.jobs.entry import Run
        from unposed_jobs.reference import registry
        from unposed_jobs.warehouse import Warehouse

        settings = settings_of(self._root / str(products), self._pose, carried=carried)
        warehouse = Warehouse.open(settings.warehouse)
        version = registry.require_champion(warehouse).model_version
        if warehouse.snapshot_id("image_poses") is not None:
            warehouse.replace_partitions("image_poses", {"model_version": version}, [], _RUN)
        # A day of its own, lest the night finds that its parts were committed.
        day = made.DAY + timedelta(days=self._turns)
        self._turns += 1
        start = time.perf_counter()
        figures = audit.run(self._spark, settings, Run(day, progress=_quiet))
        seconds = time.perf_counter() - start
        self._spark.catalog.clearCache()
        return {"seconds": seconds, "figures": figures}

    def close(self) -> None:
        """Stop the session."""
        self._spark.stop()

    def _write(self, folder: Path, settings: Settings, products: int) -> Warehouse:
        from unposed_jobs.distributed import frames
        from unposed_jobs.warehouse import Warehouse

        warehouse = Warehouse.open(settings.warehouse)
        estimator_id = estimators.identify(self._pose)
        _listed(self._spark, folder, products, self._cores)
        for name in ("landmarks", "images"):
            rows = _rows(self._spark, name, products * made.PICTURES, self._cores, estimator_id)
            key = "content_sha256" if name == "landmarks" else "image_uri"
            staged = frames.stage(
                frames.with_bucket(rows, key, settings.warehouse.buckets),
                warehouse.stage(name, _RUN),
            )
            warehouse.append(name, staged, _RUN, part=0)
        return warehouse

    def _train(self, settings: Settings) -> None:
        from unposed_jobs.jobs import promote, train
        from unposed_jobs.jobs.entry import Run

        run = Run(made.DAY, progress=_quiet)
        train.run(self._spark, settings, run)
        promote.run(self._spark, settings, run)

    @staticmethod
    def _adopt(trained: Settings, warehouse: Warehouse) -> None:
        """The same model for every size, so that the work for a product is the same."""
        from unposed_jobs.reference import registry
        from unposed_jobs.warehouse import Warehouse

        origin = Warehouse.open(trained.warehouse)
        champion = registry.require_champion(origin)
        registry.record(warehouse, [champion], _RUN)
        versions = {"model_version": champion.model_version}
        warehouse.replace_rows("vocabulary", versions, origin.read("vocabulary"), _RUN)


def _listed(spark: SparkSession, folder: Path, products: int, cores: int) -> None:
    """The catalogue's two sources, as folders of Parquet files."""
    from unposed_jobs.distributed import frames

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in frames.gathered(batches):
            numbers = batch.column(0).to_numpy()
            first = f"{numbers[0]:09}.parquet"
            pq.write_table(pa.table(made.products(numbers)), folder / "products" / first)
            pictures = _pictures_of(numbers)
            pq.write_table(pa.table(made.listing(pictures)), folder / "images" / first)
            yield batch

    for name in ("products", "images"):
        (folder / name).mkdir()
    spark.range(0, products, 1, cores).mapInArrow(write, "id long").count()


def _rows(spark: SparkSession, name: str, pictures: int, cores: int, estimator_id: str) -> Any:
    from unposed_jobs.distributed import frames
    from unposed_jobs.warehouse import tables

    schema = pa.schema(
        [field for field in tables.TABLES[name].schema if field.name not in ("bucket", "run_id")]
    )

    def make(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = batch.column(0).to_numpy()
            for start in range(0, len(numbers), _BATCH):
                part = numbers[start : start + _BATCH]
                rows = (
                    made.landmarks(part, estimator_id) if name == "landmarks" else made.images(part)
                )
                yield rows.select(schema.names)

    return spark.range(0, pictures, 1, cores).mapInArrow(make, frames.spark_schema(schema))


def _pictures_of(products: Any) -> Any:
    return (products[:, None] * made.PICTURES + np.arange(made.PICTURES)).ravel()


def _weight(warehouse: Warehouse, name: str) -> dict[str, int]:
    files = [task.file for task in warehouse.table(name).scan().plan_files()]
    return {
        "rows": sum(file.record_count for file in files),
        "bytes": sum(file.file_size_in_bytes for file in files),
        "files": len(files),
    }


def _quiet(_: str) -> None:
    """Progress that nobody reads."""
