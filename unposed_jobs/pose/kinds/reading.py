"""From EfficientNet's values to the kind of picture.

Colours and patterns describe the garment, not the kind of picture. The kind shows in how the
middle of the picture relates to its border: a garment laid, hung or folded on any ground differs
from it all round; a fabric is the same throughout; a detail crosses the border. So the inner
values of the picture's places are compared with each other (`relations`). The published classifier
adds whether it sees clothes, cloth or writing at all, and the plain statistics what they can.

The head on top is a multinomial regression, fitted on rendered pictures alone (`fit`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SIDE = 224
"""Pixels of a side of what the network sees."""

GRID = (14, 14, 112)
"""Rows, columns and values of the network's inner grid."""

GARMENT, FABRIC, CHART, DETAIL = KINDS = ("flat_lay", "fabric", "chart", "detail")
"""The kinds of picture, in the order of `Head.probabilities`."""

FILE = "head.json"
"""The head, in this package; `fit` makes it."""

_CLOTHES = (
    399, 411, 433, 452, 457, 459, 465, 474, 496, 501, 502, 514, 515, 518, 552, 568, 578, 601, 608,
    610, 614, 617, 630, 638, 639, 655, 658, 667, 689, 697, 735, 748, 770, 774, 775, 793, 796, 806,
    808, 834, 836, 837, 841, 842, 869, 887, 903, 906,
)  # fmt: skip
_CLOTH = (490, 533, 539, 591, 599, 721, 750, 794, 824, 885, 904, 905, 911)
_WRITING = (446, 549, 916, 917, 918, 921, 922)
_SEEN = (_CLOTHES, _CLOTH, _WRITING)
"""Classes of ImageNet that are garments and shoes, fabrics, and pages."""
_SHOES = (502, 514, 630, 770, 774, 788)
"""Clog, cowboy boot, loafer, running shoe, sandal, shoe shop."""
_LEAST = 0.01

_ROW, _COLUMN = np.mgrid[: GRID[0], : GRID[1]]
_RING = np.minimum(np.minimum(_ROW, GRID[0] - 1 - _ROW), np.minimum(_COLUMN, GRID[1] - 1 - _COLUMN))
_RINGS, _MIDDLE = GRID[0] // 2, 4


@dataclass(frozen=True)
class Classifier:
    """ImageNet's classes from the mean: `weight` (1000, 1280), `bias` (1000,)."""

    weight: Floats
    bias: Floats


def evidence(grid: Floats, mean: Floats, classifier: Classifier, usual: Floats) -> Floats:
    """What a picture's (14, 14, 112) grid and (1280,) mean show of its kind: (28,) float32.

    `usual` (112,) is the grid's mean over all pictures.
    """
    shares = _shares(mean, classifier)
    seen = np.log([float(shares[list(group)].sum()) + _LEAST for group in _SEEN])
    return np.concatenate([relations(grid, usual), seen]).astype(np.float32)


def footwear(mean: Floats, classifier: Classifier) -> float:
    """Probability, in [0, 1], that a picture's (1280,) mean is of shoes or boots."""
    return float(_shares(mean, classifier)[list(_SHOES)].sum())


def _shares(mean: Floats, classifier: Classifier) -> Floats:
    scores = classifier.weight @ mean + classifier.bias
    shares = np.exp(scores - scores.max())
    return np.asarray(shares / shares.sum(), dtype=np.float32)


def relations(grid: Floats, usual: Floats) -> Floats:
    """How alike border, middle and all places of the grid are: (25,) float32, cosines."""
    values = grid - usual
    values = values / (np.linalg.norm(values, axis=-1, keepdims=True) + 1e-6)
    border = values[_RING == 0].mean(0)
    middle = values[_RING >= _MIDDLE].mean(0)
    everywhere = values.mean((0, 1))
    within = [float(one @ one) for one in (border, middle, everywhere)]
    between = float(border @ middle)
    as_border = values @ border / max(np.sqrt(within[0]), 1e-6)
    as_middle = values @ middle / max(np.sqrt(within[1]), 1e-6)
    nearer = as_middle - as_border
    inside = nearer > 0
    sides = sorted(
        float(side.mean()) for side in (nearer[0], nearer[-1], nearer[:, 0], nearer[:, -1])
    )
    return np.array(
        [
            *(between, *within, between / max(np.sqrt(within[0] * within[1]), 1e-6)),
            *(inside.mean(), inside[_RING == 0].mean()),
            *(float(as_border[ring == _RING].mean()) for ring in range(_RINGS)),
            *(float(as_middle[ring == _RING].mean()) for ring in range(_RINGS)),
            *sides,
        ],
        dtype=np.float32,
    )


@dataclass(frozen=True)
class Head:
    """A regression on the evidence and the plain statistics of a picture, F values in all.

    `usual` (112,); `mean`, `scale` (F,) standardise; `weight` (4, F) and `bias` (4,) give logits
    in the order of `KINDS`.
    """

    usual: Floats
    mean: Floats
    scale: Floats
    weight: Floats
    bias: Floats

    def probabilities(self, evidence: Floats, statistics: Floats) -> Floats:
        """(4,) float32 in the order of `KINDS`, of one picture.

        `statistics` are `pose.statistics.describe`'s; of further ones the head knows nothing.
        """
        values = np.concatenate([evidence, statistics])[: len(self.mean)]
        logits = self.weight @ ((values - self.mean) / self.scale) + self.bias
        shares = np.exp(logits - logits.max())
        return np.asarray(shares / shares.sum(), dtype=np.float32)

    def state(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: getattr(self, name).round(6).tolist() for name in self.__dataclass_fields__}


def content() -> bytes:
    """The bytes of the shipped head."""
    return (resources.files(__package__) / FILE).read_bytes()


@cache
def head() -> Head:
    """The shipped head."""
    stored = json.loads(content())
    fields = Head.__dataclass_fields__
    return Head(**{name: np.array(stored[name], dtype=np.float32) for name in fields})
