"""The class of a picture: a model with a face, a product worn without one, or the product alone.

Two ways. The rule of the source (*Estimating product images' influence*: a face, then a person,
else the product) with this project's detectors; and a multinomial regression on what they say,
fitted on rendered and real pictures (`lab.fitting.image_class`).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from unposed_jobs.pictures.body import Body
from unposed_jobs.pose import statistics
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.kinds import reading

MODEL, WORN, PRODUCT = CLASSES = ("model", "worn", "product_only")
"""A person whose face is seen; a person, or a part of one, without a face; nobody."""

SURE_FACE = 0.6
"""From this score on there is a face: 97 of 100 of real models', none of 40 pictures of legs."""

FILE = "class_head.json"
"""The regression, in this package."""

FEATURES = (
    "person", "person_chance", "face", "face_on_head", "head_in_frame", "faced", "face_faced",
    "from_behind", "breadth", "scene_doubt",
)  # fmt: skip
Floats = npt.NDArray[np.float64]


_UNIFORMITY = statistics.NAMES.index("border_uniformity")
_UNEVEN, _EVEN = 0.5, 0.75
"""Uniformity of the border up to which a picture may be of a scene, and from which on it is none:
nine of ten real scenes have less than .5, trousers laid on one plain colour and cut by the frame,
which look like legs, have .73 and more."""
_DOUBT = 4.0
"""Log odds against anybody being there from which on nothing is left of a doubt."""


@dataclass(frozen=True)
class Evidence:
    """What the detectors say of a picture.

    `person_chance` as in `PoseEstimate.person_probability`, None where no gate has judged;
    `face_score` in [0, 1]; `body` where landmarks were found. `scene` is, of a picture in which
    nobody was found, the probability that it is of a scene: that no garment laid flat, fabric or
    chart fills it, as far as its border is not of one plain colour.
    """

    person_chance: float | None
    face_score: float
    body: Body | None
    scene: float = 0.0


def evidence_of(
    estimate: PoseEstimate,
    face_score: float,
    body: Body | None,
    plain: npt.NDArray[np.float32] | None,
) -> Evidence:
    """Of a picture's estimate; `plain` are the statistics of a picture without a person."""
    scene = 0.0
    if body is None and plain is not None and estimate.kind_evidence is not None:
        kinds = np.ravel(reading.head().probabilities(estimate.kind_evidence, plain))
        scene = float(kinds[reading.KINDS.index(reading.DETAIL)])
        even = (float(plain[_UNIFORMITY]) - _UNEVEN) / (_EVEN - _UNEVEN)
        scene *= 1 - min(max(even, 0.0), 1.0)
    return Evidence(estimate.person_probability, face_score, body, scene)


def by_rule(evidence: Evidence) -> str:
    """The source's rule: a face makes it a model, else a person makes it worn."""
    if evidence.face_score >= SURE_FACE:
        return MODEL
    return PRODUCT if evidence.body is None else WORN


def features(evidence: Evidence) -> Floats:
    """(F,) in the order of `FEATURES`."""
    body, face = evidence.body, evidence.face_score
    there = body is not None
    # Of a picture of nobody the chance is the gate's doubt, which has been judged; of a scene it
    # counts, since there the gate fails most often.
    chance = evidence.person_chance if evidence.person_chance is not None and there else there
    head = body is not None and body.in_frame("nose", -0.02 * body.torso)
    behind = body is not None and body.view == "back"
    faced = head and not behind
    return np.array(
        [
            there,
            chance,
            face,
            face if head else 0.0,
            head,
            faced,
            face if faced else 0.0,
            behind,
            min(body.breadth, 2.0) if body is not None else 0.0,
            evidence.scene * _doubt(evidence.person_chance),
        ],
        np.float64,
    )


def _doubt(chance: float | None) -> float:
    """How far the log odds of somebody being there are above `-_DOUBT`."""
    chance = min(max(chance or 0.0, 1e-6), 1 - 1e-6)
    return max(math.log(chance / (1 - chance)) + _DOUBT, 0.0)


@dataclass(frozen=True)
class Head:
    """`mean`, `scale` (F,) standardise features; `weight` (3, F), `bias` (3,) give logits."""

    mean: Floats
    scale: Floats
    weight: Floats
    bias: Floats

    def probabilities(self, evidence: Evidence) -> Floats:
        """(3,) in the order of `CLASSES`."""
        values = (features(evidence) - self.mean) / self.scale
        logits = self.weight @ values + self.bias
        shares = np.exp(logits - logits.max())
        return np.asarray(shares / shares.sum())

    def state(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: getattr(self, name).round(5).tolist() for name in self.__dataclass_fields__}


def content() -> bytes:
    """The bytes of the shipped regression."""
    return (resources.files(__package__) / FILE).read_bytes()


@cache
def head() -> Head:
    """The shipped regression."""
    values = json.loads(content())
    return Head(**{name: np.array(values[name], np.float64) for name in Head.__dataclass_fields__})
