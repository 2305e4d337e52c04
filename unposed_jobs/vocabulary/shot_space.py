"""The space in which pictures with a person are clustered: their codes and the shot they read as.

k-means draws its borders half-way between clouds. Of two shots that lie side by side, such as front
and three-quarter view, the commoner has the larger cloud, and takes from the other. Each picture
also reads as a shot by itself (`naming.readings`), and that changes where the meaning does. So it
counts in the distance, as one value for each framing and each view: enough to decide between
neighbours, too little to bring together what the embedding holds apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from unposed_jobs.vocabulary import naming

Floats = npt.NDArray[np.floating]

SHARE = 0.4
"""The weight of a reading, in parts of the codes' total standard deviation."""
_SIDES = 0.5
"""Of that weight, for the side that is shown: left and right are nearly one shot."""


def weight(codes: Floats) -> float:
    """The weight of the readings relative to codes (n, d), n > 0, that a vocabulary is learned
    from."""
    total = float(np.asarray(codes, dtype=np.float64).var(axis=0).sum())
    return float(np.float32(SHARE * np.sqrt(max(total, 1e-6))))  # As it is stored.


def with_readings(codes: Floats, ratios: Floats, weight: float) -> Floats:
    """Codes (n, d) joined with the weighted reading of (n, 10) `ratios`: (n, d + 12) float32.

    With a weight of 0 the codes as they are.
    """
    if not weight:
        return codes
    parts = np.char.partition(naming.readings(ratios), ", ")
    framing, view = parts[:, 0], parts[:, 2]
    left, right = np.char.startswith(view, "left "), np.char.startswith(view, "right ")
    view = np.where(left | right, naming.SIDE, view)
    columns = [
        framing[:, None] == np.array(naming.FRAMINGS),
        view[:, None] == np.array(naming.VIEWS),
        _SIDES * (right.astype(np.float32) - left)[:, None],
    ]
    return np.concatenate([codes, *(weight * one for one in columns)], axis=1).astype(np.float32)
