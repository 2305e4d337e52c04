"""People cut off in any measure: headless chests and legs whose place in the picture varies.

The catalogue's own chest crops are all framed alike, so that the mean place of a shoulder is right
in nearly all of them. These are windows over its rendered pictures of standing people, of any
scale and place, that begin below the mouth; the truth moves with them. They are of all views, and
judged by view as well: without a head hardly anything says that a back is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.embedding.topology import Topology, of_array
from unposed_jobs.lab.evaluation import protocols
from unposed_jobs.lab.evaluation.people import BATCH, LEGS, TORSO, mean_elsewhere
from unposed_jobs.lab.evaluation.summary import Entry

Floats = npt.NDArray[np.float64]
Window = tuple[int, int, int, int]
Cut = tuple[str, str, npt.NDArray[np.uint8], Floats, float]
"""Product, view, picture, joints (J, 2) in its pixels, length of the torso in pixels."""
LEAST = 96
"""Pixels of a window's shorter side: what is smaller nobody would show."""
_SHOWN = {"chest": TORSO, "legs": LEGS}
_FRAMED = {"chest": ("upper", "full"), "legs": ("full", "legs")}
"""Whole pictures from which windows of each kind are cut."""
AT_MOST = {"chest": 120, "legs": 60}
"""Windows of each kind: one for each picture, spread over the products."""


def evaluate(
    data: str,
    pictures: pd.DataFrame,
    truth: str | Path,
    settings: PoseSettings,
    *,
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """Cut windows over the judged `pictures` (image_uri, product_id, label, framing), look, judge.

    `truth` is the folder truth/; nothing without joints.csv. Raises UnposedError where the
    estimator's weights are not there.
    """
    path = Path(truth) / "joints.csv"
    if not path.is_file():
        return []
    folder = f"{path.parent.parent}/"
    places = _alone(pd.read_csv(path))
    entries = []
    for kind in _SHOWN:
        rows = pictures[pictures["framing"].isin(_FRAMED[kind])]
        rng = np.random.default_rng([seed, list(_SHOWN).index(kind)])
        cuts = list(_cuts(rows, places, folder, kind, rng))
        if len({product for product, *_ in cuts}) < 2:
            continue
        progress(f"{data}: looking at {len(cuts)} windows, {kind}")
        entries += _judged(data, kind, cuts, settings, seed)
    return entries


def _alone(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By picture the joints (index joint; x, y) of those that show one person."""
    people = rows.groupby("image_uri")["person"].nunique()
    single = rows[rows["image_uri"].isin(people[people == 1].index)]
    return {
        str(uri): table.set_index("joint")[["x", "y"]] for uri, table in single.groupby("image_uri")
    }


def _cuts(
    rows: pd.DataFrame,
    places: dict[str, pd.DataFrame],
    folder: str,
    kind: str,
    rng: np.random.Generator,
) -> Iterable[Cut]:
    made = 0
    for index in rng.permutation(len(rows)):
        row = rows.iloc[index]
        at = places.get(str(row["image_uri"]).removeprefix(folder))
        if at is None or made == AT_MOST[kind]:
            continue
        with Image.open(row["image_uri"]) as image:
            picture = np.asarray(image.convert("RGB"))
        joints = at * (picture.shape[1], picture.shape[0])
        box = window(joints, kind, (picture.shape[1], picture.shape[0]), rng)
        if box is None:
            continue
        left, top, right, bottom = box
        shown = joints.loc[list(_SHOWN[kind])].to_numpy() - (left, top)
        made += 1
        yield (
            str(row["product_id"]),
            str(row["label"]).rsplit(" ", 1)[-1],
            np.ascontiguousarray(picture[top:bottom, left:right]),
            shown,
            _torso(joints),
        )


def window(
    joints: pd.DataFrame, kind: str, size: tuple[int, int], rng: np.random.Generator
) -> Window | None:
    """A random window of a kind, (left, top, right, bottom) in pixels, that holds all its joints.

    A chest is cut between mouth and shoulders, and between waist and thigh; legs between waist and
    thigh, and anywhere below the knees. None where too little of the picture is left, or the
    person bends or leaves the frame.
    """
    torso = _torso(joints)
    hips, shoulders, knees, ankles = (
        _middle(joints, part)[1] for part in ("hip", "shoulder", "knee", "ankle")
    )
    if hips - shoulders < 0.7 * torso or knees <= hips:
        return None
    if kind == "chest":
        nose = float(joints.loc["nose", "y"])
        top = nose + (shoulders - nose) * rng.uniform(0.4, 0.85)
        bottom = hips + torso * rng.uniform(0.05, 0.9)
    else:
        top = hips - torso * rng.uniform(0.05, 0.5)
        bottom = knees + (ankles - knees) * rng.uniform(0.15, 1.3)
    middle = _middle(joints, "hip" if kind == "legs" else "shoulder")[0]
    left, right = (
        middle + side * torso * rng.uniform(*span)
        for side, span in zip((-1, 1), rng.permutation([(0.45, 0.8), (0.45, 1.8)]), strict=True)
    )
    box = (
        max(round(left), 0),
        max(round(top), 0),
        min(round(right), size[0]),
        min(round(bottom), size[1]),
    )
    own = joints.loc[list(_SHOWN[kind])].to_numpy()
    inside = (own >= box[:2]).all() and (own <= box[2:]).all()
    large = min(box[2] - box[0], box[3] - box[1]) >= LEAST
    return box if inside and large else None


def _middle(joints: pd.DataFrame, part: str) -> Floats:
    both = joints.loc[[f"left_{part}", f"right_{part}"]].to_numpy(dtype=float)
    return np.asarray(both.mean(axis=0), dtype=np.float64)


def _torso(joints: pd.DataFrame) -> float:
    return float(np.linalg.norm(_middle(joints, "shoulder") - _middle(joints, "hip")))


def _judged(
    data: str, kind: str, cuts: list[Cut], settings: PoseSettings, seed: int
) -> list[Entry]:
    """All windows of a kind, then those of each view of at least two products."""
    pictures = [picture for _, _, picture, _, _ in cuts]
    size = np.array([(item.shape[1], item.shape[0]) for item in pictures], dtype=float)[:, None]
    true = np.stack([joints for *_, joints, _ in cuts])
    product = np.array([item for item, *_ in cuts])
    view = np.array([item for _, item, *_ in cuts])
    torso = np.array([length for *_, length in cuts])
    found = _found(pictures, _SHOWN[kind], settings) * size
    guess = mean_elsewhere(true / size, product, seed) * size
    groups = {"": np.ones(len(cuts), dtype=bool)} | {name: view == name for name in np.unique(view)}
    entries = []
    for name, own in groups.items():
        if len(np.unique(product[own])) < 2:
            continue
        result = protocols.joint_places(
            found[own],
            true[own],
            np.ones(true[own].shape[:2], dtype=bool),
            product[own],
            torso=torso[own],
            guess=guess[own],
            seed=seed,
        )
        group = f"{kind} at any place" + (f", {name}" if name else "")
        entries.append(Entry(data, "estimator", result, group=group))
    return entries


def _found(
    pictures: list[npt.NDArray[np.uint8]], joints: tuple[str, ...], settings: PoseSettings
) -> Floats:
    """(N, J, 2) in [0, 1] of each picture, nan where nobody is found."""
    from unposed_jobs.pose import estimators

    found = np.full((len(pictures), len(joints), 2), np.nan)
    estimator = estimators.create(settings)
    try:
        for start in range(0, len(pictures), BATCH):
            estimates = estimator.estimate(pictures[start : start + BATCH])
            for row, estimate in enumerate(estimates, start=start):
                if estimate.landmarks is not None:
                    topology: Topology = of_array(estimate.landmarks[None])
                    at = [topology.index(name) for name in joints]
                    found[row] = estimate.landmarks[at, :2]
    finally:
        estimator.close()
    return found
