"""``[pose] estimator = "champion"``: whatever the champion was learned from.

So the promotion of a model that was learned with another estimator is one switch: the nights after
it extract with that estimator, and no file of settings has to change at the same moment.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from unposed_jobs.config import PoseSettings, Settings
from unposed_jobs.reference import registry

if TYPE_CHECKING:
    from unposed_jobs.warehouse import Warehouse

CHAMPION = "champion"
PARAMETER = "estimator"
"""Of a model's parameters: the setting's value when it was trained."""


def settings_for(warehouse: Warehouse, settings: Settings) -> Settings:
    """The settings with an estimator that has a name: the default's where there is no champion, or
    one of before its parameters told.
    """
    if settings.pose.estimator != CHAMPION:
        return settings
    champion = registry.champion(warehouse)
    name = (champion.parameters if champion else {}).get(PARAMETER, PoseSettings().estimator)
    return dataclasses.replace(settings, pose=dataclasses.replace(settings.pose, estimator=name))
