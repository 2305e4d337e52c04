"""Persons and joints: what the estimator finds in rendered and in real pictures.

Rendered pictures have a truth for each joint (truth/joints.csv). Of real ones it is known whether
they show a person: folders of garments laid flat, of scenes without anybody, and of people.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from unposed_jobs.config import PoseSettings
from unposed_jobs.embedding.topology import of_array
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import landmarks, naming, protocols
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.pose.rows import LandmarkRow

Floats = npt.NDArray[np.float64]
FOLDS = 5
BATCH = 32
"""Real pictures handed to the estimator at once."""
NO_PERSON = ("flat-lay", "fabric", "size-chart")
TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
LEGS = ("left_hip", "right_hip", "left_knee", "right_knee")
FRAMINGS = {"chest": TORSO, "legs": LEGS, "upper": TORSO, "full": TORSO}
"""The joints that must be in their places, of those in the frame: a headless crop's shoulders and
hips, a crop of the legs' hips and knees."""
FOLDERS = {"flatlay": False, "coco-empty": False, "coco-people": True}
"""Real pictures, and whether they show people."""
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def rendered(data: str, pictures: pd.DataFrame, truth: str | Path, seed: int = 0) -> list[Entry]:
    """Judge the judged pictures, joined with `landmarks.read`; `truth` is the folder truth/.

    Joints are judged where truth/joints.csv is. Nothing comes back without landmarks.
    """
    known = pictures[pictures["status"].notna()].reset_index(drop=True)
    if known.empty:
        return []
    person = ~known["label"].isin(NO_PERSON).to_numpy()
    said = (known["status"] == "ok").to_numpy()
    product = known["product_id"].to_numpy(dtype=str)
    groups = {"": np.ones(len(known), dtype=bool)}
    groups |= {kind: (known["label"] == kind).to_numpy() for kind in NO_PERSON}
    groups |= {name: person & (known["framing"] == name).to_numpy() for name in FRAMINGS}
    entries = [
        Entry(
            data,
            "estimator",
            protocols.false_persons(
                person[rows], said[rows], product[rows], rate=float(said.mean()), seed=seed
            ),
            group=name,
        )
        for name, rows in groups.items()
        if rows.any()
    ]
    path = Path(truth) / "joints.csv"
    return entries + (_joints(data, known[person], path, seed) if path.is_file() else [])


def _joints(data: str, pictures: pd.DataFrame, path: Path, seed: int) -> list[Entry]:
    rows = pd.read_csv(path)
    absent = [n for n in ("image_uri", "person", "joint", "x", "y") if n not in rows]
    if absent:
        raise UnposedError(f"{path} has no column {absent[0]}; render the catalogue again")
    places = dict(list(rows.groupby("image_uri")))
    folder = f"{path.parent.parent}/"
    entries = []
    for framing, joints in FRAMINGS.items():
        chosen = pictures[pictures["framing"] == framing].reset_index(drop=True)
        own = [places.get(uri.removeprefix(folder)) for uri in chosen["image_uri"]]
        there = np.array([item is not None for item in own], dtype=bool)
        if not there.any():
            continue
        chosen = chosen[there].reset_index(drop=True)
        size = chosen[["width", "height"]].to_numpy(dtype=float)
        found = _found(chosen, joints) * size[:, None]
        true, torso, asked = _nearest_person([p for p in own if p is not None], joints, size, found)
        product = chosen["product_id"].to_numpy(dtype=str)
        if asked.any() and len(np.unique(product)) > 1:
            guess = mean_elsewhere(true / size[:, None], product, seed) * size[:, None]
            result = protocols.joint_places(
                found, true, asked, product, torso=torso, guess=guess, seed=seed
            )
            entries.append(Entry(data, "estimator", result, group=framing))
    return entries


def _found(pictures: pd.DataFrame, joints: tuple[str, ...]) -> Floats:
    points = landmarks.points(pictures["landmarks"])
    topology = of_array(points)
    return points[:, [topology.index(name) for name in joints], :2].astype(np.float64)


def _nearest_person(
    tables: list[pd.DataFrame], joints: tuple[str, ...], size: Floats, found: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Of each picture's people the one that was found, the first where nobody was.

    Returns the joints (N, J, 2) and the length of the torso (N,) in pixels, and which joints are
    in the frame (N, J).
    """
    true, torso, asked = np.empty_like(found), np.empty(len(found)), np.empty(found.shape[:2], bool)
    for row, table in enumerate(tables):
        people = []
        for _, person in table.groupby("person"):
            at = person.set_index("joint")[["x", "y"]]
            middle = {
                part: at.loc[[f"left_{part}", f"right_{part}"]].to_numpy().mean(0) * size[row]
                for part in ("shoulder", "hip")
            }
            length = float(np.linalg.norm(middle["shoulder"] - middle["hip"]))
            people.append((at.loc[list(joints)].to_numpy(dtype=float), length))
        far = [
            np.nan_to_num(np.linalg.norm(places * size[row] - found[row], axis=-1)).sum()
            for places, _ in people
        ]
        places, torso[row] = people[int(np.argmin(far))]
        asked[row] = ((places >= 0) & (places <= 1)).all(axis=-1)
        true[row] = places * size[row]
    return true, torso, asked


def mean_elsewhere(true: Floats, product: npt.NDArray[np.str_], seed: int) -> Floats:
    """The mean place of each joint over the pictures of other folds' products, (N, J, 2)."""
    fold = naming.product_folds(product, FOLDS, seed)
    mean = np.empty_like(true)
    for number in np.unique(fold):
        mean[fold == number] = true[fold != number].mean(axis=0)
    return mean


def look(
    folder: str | Path,
    settings: PoseSettings,
    *,
    progress: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Run the configured estimator on each of `FOLDERS` that is there.

    One row for each picture: folder, image_uri, and the columns of `pose.rows.LandmarkRow`; no
    column where there is no picture. Raises UnposedError where the estimator's weights are not
    there.
    """
    from unposed_jobs.pose import estimators, extraction

    paths = {
        name: sorted(p for p in (Path(folder) / name).rglob("*") if p.suffix.lower() in _SUFFIXES)
        for name in FOLDERS
    }
    flat = [(name, path) for name, found in paths.items() for path in found]
    if not flat:
        return pd.DataFrame()
    estimator = estimators.create(settings)
    rows: list[LandmarkRow] = []
    try:
        for start in range(0, len(flat), BATCH):
            progress(f"real pictures: {start} of {len(flat)}")
            batch = [path.read_bytes() for _, path in flat[start : start + BATCH]]
            rows += extraction.extract_batch(batch, estimator, settings)
    finally:
        estimator.close()
    return pd.DataFrame(
        [
            {"folder": name, "image_uri": str(path), **row.columns()}
            for (name, path), row in zip(flat, rows, strict=True)
        ]
    )


def real(looked: pd.DataFrame, *, seed: int = 0) -> list[Entry]:
    """Judge what `look` saw, each picture by itself; those that cannot be read are left out."""
    if looked.empty:
        return []
    kind = looked["folder"].to_numpy(dtype=str)
    read = (looked["status"] != "unreadable").to_numpy()
    said = (looked["status"] == "ok").to_numpy()
    person = np.array([FOLDERS[name] for name in kind])
    image = looked["image_uri"].to_numpy(dtype=str)
    groups = {"": read} | {name: read & (kind == name) for name in FOLDERS}
    return [
        Entry(
            "Real pictures",
            "estimator",
            protocols.false_persons(
                person[rows], said[rows], image[rows], rate=float(said[read].mean()), seed=seed
            ),
            group=name,
        )
        for name, rows in groups.items()
        if rows.any()
    ]
