"""All sections together."""

from __future__ import annotations

import dataclasses

from pydantic.dataclasses import dataclass

from unposed_jobs.config.audit import AuditSettings
from unposed_jobs.config.catalogue import CatalogueSettings
from unposed_jobs.config.checks import CheckSettings
from unposed_jobs.config.decisions import DecisionSettings
from unposed_jobs.config.extraction import ExtractionSettings
from unposed_jobs.config.facts import FactsSettings
from unposed_jobs.config.fields import STRICT, Section
from unposed_jobs.config.gallery import GallerySettings
from unposed_jobs.config.pose import PoseSettings
from unposed_jobs.config.serve import ServeSettings
from unposed_jobs.config.storage import StorageSettings
from unposed_jobs.config.training import TrainingSettings
from unposed_jobs.config.warehouse import WarehouseSettings


@dataclass(frozen=True, config=STRICT)
class Settings:
    """All sections. Build with `config.load`, which also puts ``{home}`` and ``{cache}`` in."""

    warehouse: WarehouseSettings = WarehouseSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    storage: StorageSettings = StorageSettings()
    pose: PoseSettings = PoseSettings()
    extraction: ExtractionSettings = ExtractionSettings()
    facts: FactsSettings = FactsSettings()
    training: TrainingSettings = TrainingSettings()
    audit: AuditSettings = AuditSettings()
    checks: CheckSettings = CheckSettings()
    gallery: GallerySettings = GallerySettings()
    decisions: DecisionSettings = DecisionSettings()
    serve: ServeSettings = ServeSettings()


SECTIONS: dict[str, type[Section]] = {
    item.name: type(getattr(Settings(), item.name)) for item in dataclasses.fields(Settings)
}
"""Each section's class by its name in the file."""
