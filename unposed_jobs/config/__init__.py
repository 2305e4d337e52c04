"""Settings: one section of ``unposed.toml`` for each module, read by `load`.

Every setting has a default that works on a laptop. Precedence: command-line flag, then the TOML
file (``--config``, else ``$UNPOSED_CONFIG``, else ``./unposed.toml`` where it exists), then the
default.
``{home}`` in a text stands for ``$UNPOSED_HOME`` (default ``./var``), ``{cache}`` for
``$UNPOSED_CACHE``. Secrets are never settings: boto3, pyiceberg and Airflow read their own
environment.
"""

from unposed_jobs.config.audit import AuditSettings
from unposed_jobs.config.catalogue import MISSING_WORDS, CatalogueSettings
from unposed_jobs.config.checks import CheckSettings
from unposed_jobs.config.decisions import DecisionSettings
from unposed_jobs.config.extraction import ExtractionSettings
from unposed_jobs.config.facts import FactsSettings
from unposed_jobs.config.folders import cache, home
from unposed_jobs.config.gallery import GallerySettings
from unposed_jobs.config.loading import LAYOUTS, Effective, explain, load
from unposed_jobs.config.pose import PoseSettings
from unposed_jobs.config.serve import ServeSettings
from unposed_jobs.config.settings import Settings
from unposed_jobs.config.storage import StorageSettings
from unposed_jobs.config.training import TrainingSettings
from unposed_jobs.config.warehouse import WarehouseSettings

__all__ = [
    "LAYOUTS",
    "MISSING_WORDS",
    "AuditSettings",
    "CatalogueSettings",
    "CheckSettings",
    "DecisionSettings",
    "Effective",
    "ExtractionSettings",
    "FactsSettings",
    "GallerySettings",
    "PoseSettings",
    "ServeSettings",
    "Settings",
    "StorageSettings",
    "TrainingSettings",
    "WarehouseSettings",
    "cache",
    "explain",
    "home",
    "load",
]
