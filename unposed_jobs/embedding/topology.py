"""How a landmark array of each of the paper's two skeletons is laid out (section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unposed_jobs.pose.topology import BLAZEPOSE33, COCO17

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Topology:
    """A skeleton: its points and how a landmark array of it is laid out."""

    name: str
    points: tuple[str, ...]
    values: int
    """Values of a point: x, y, z, visibility, presence (33 points) or x, y, score (17)."""
    has_depth: bool

    @property
    def flat_length(self) -> int:
        """Values of a picture's landmarks when flat: 165 or 51."""
        return len(self.points) * self.values

    def index(self, point: str) -> int:
        """The row of a point.

        Raises ValueError for a point that the skeleton does not have.
        """
        return self.points.index(point)


BLAZEPOSE_33 = Topology("blazepose33", BLAZEPOSE33, values=5, has_depth=True)
COCO_17 = Topology("coco17", COCO17, values=3, has_depth=False)
TOPOLOGIES = {topology.name: topology for topology in (BLAZEPOSE_33, COCO_17)}


def of_array(landmarks: npt.NDArray[np.floating]) -> Topology:
    """The topology of a (N, points, values) array.

    Raises ValueError where the shape is neither (N, 33, 5) nor (N, 17, 3).
    """
    for topology in TOPOLOGIES.values():
        if landmarks.ndim == 3 and landmarks.shape[1:] == (len(topology.points), topology.values):
            return topology
    raise ValueError(f"landmarks must be (N, 33, 5) or (N, 17, 3), not {landmarks.shape}")
