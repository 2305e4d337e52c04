"""Which estimator the settings ask for.

``[pose] estimator = "champion"`` is whatever the champion was learned from. So the promotion of a
model that was learned with another estimator is one switch: the nights after it extract with that
estimator, and no file of settings has to change at the same moment.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from unposed_jobs.config import PoseSettings, Settings
from unposed_jobs.distributed import landmark_table
from unposed_jobs.pose import estimators
from unposed_jobs.reference import registry

if TYPE_CHECKING:
    from unposed_jobs.warehouse import Warehouse

CHAMPION = "champion"
PARAMETER = "estimator"
"""Of a model's parameters: the setting's value when it was trained."""


def resolve(warehouse: Warehouse, settings: Settings) -> Settings:
    """The settings with the champion's estimator by its own name, where they say ``champion``; the
    default one where there is no champion, or its parameters have none.
    """
    if settings.pose.estimator != CHAMPION:
        return settings
    champion = registry.champion(warehouse)
    name = (champion.parameters if champion else {}).get(PARAMETER, PoseSettings().estimator)
    return dataclasses.replace(settings, pose=dataclasses.replace(settings.pose, estimator=name))


def identify(settings: Settings) -> str:
    """The `estimator_id` of the landmarks that resolved settings ask for: of the table of
    ``[catalogue] landmarks``, its layout, where there is one, else of the pose estimator.

    Raises UnposedError for either that does not exist.
    """
    if settings.catalogue.landmarks:
        return landmark_table.plan(settings)[1].estimator_id
    return estimators.identify(settings.pose)
