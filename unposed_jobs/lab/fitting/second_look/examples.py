"""Pictures whose truth is known: rendered catalogues, and folders of people and of objects."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.config import PoseSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.pose.topology import BLAZEPOSE33_INDEX, COCO17

Array = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]

_JOINTS_COCO = [0, *range(5, 17)]
JOINTS = tuple(COCO17[index] for index in _JOINTS_COCO)
"""What is judged: the nose and the joints of the limbs, as truth/joints.csv tells them."""
LANDMARKS = [BLAZEPOSE33_INDEX[name] for name in JOINTS]
"""Of each joint of the truth, the row of its landmark."""

WITHIN = 0.25
"""Placed right: no joint is off by more than this share of the torso's length."""

_NOSE = JOINTS.index("nose")
_SHOULDERS, _HIPS = (
    [JOINTS.index(f"{side}_{part}") for side in ("left", "right")] for part in ("shoulder", "hip")
)
_TORSO_COCO = [5, 6, 11, 12]
_LEAST_TORSO, _LARGE_TORSO = 30.0, 100.0
"""Pixels of a real person's torso: of a smaller one nothing can be said, and to what others are
enlarged."""
_LOWER = [i for i, name in enumerate(JOINTS) if name.endswith(("hip", "knee", "ankle"))]


@dataclass(frozen=True)
class Example:
    """One picture: `joints` (13, 2) in [0, 1] of it, None where nobody is in it.

    `origin` is rendered or real; `group` is what may not be in two folds at once.
    """

    picture: Picture
    origin: str
    kind: str
    group: str
    joints: Array | None = None

    @property
    def size(self) -> Array:
        """Width and height in pixels."""
        return np.array(self.picture.shape[1::-1], float)


def right(points: npt.NDArray[np.floating], joints: Array, size: Array) -> npt.NDArray[np.bool_]:
    """Which of the skeletons (P, 33, 2), in pixels, are placed right.

    Shoulders and hips must be; of a picture without shoulders, hips, knees and ankles in it.
    """
    true = joints * size
    torso = np.linalg.norm(true[_SHOULDERS].mean(0) - true[_HIPS].mean(0))
    judged = [*_SHOULDERS, *_HIPS]
    if np.all(joints[_SHOULDERS, 1] < 0):
        inside = np.all((joints >= 0) & (joints <= 1), axis=1)
        judged = [joint for joint in _LOWER if inside[joint]] or judged
    off = np.linalg.norm(points[:, [LANDMARKS[i] for i in judged]] - true[judged], axis=-1)
    value: npt.NDArray[np.bool_] = off.max(1) <= WITHIN * torso
    return value


def headless(example: Example, rng: np.random.Generator) -> Iterator[Example]:
    """The picture cut off below the mouth, as it is and ending near the hips; none where the
    nose is not in it or too little is left.
    """
    if example.joints is None:
        return
    height = example.picture.shape[0]
    rows = example.joints[:, 1] * height
    shoulders, hips = rows[_SHOULDERS].mean(), rows[_HIPS].mean()
    if not 0 < rows[_NOSE] < shoulders < hips:
        return
    top = int(rows[_NOSE] + (shoulders - rows[_NOSE]) * rng.uniform(0.3, 0.5))
    low = int(hips + (hips - shoulders) * rng.uniform(0.0, 0.4))
    for name, bottom in (("headless", height), ("headless chest", low)):
        if bottom <= height and bottom - top >= 80:
            yield _cut(example, name, top, bottom)


def legs(example: Example) -> Iterator[Example]:
    """The picture from the waist down, where the ankles are in it."""
    if example.joints is None:
        return
    height = example.picture.shape[0]
    rows = example.joints[:, 1] * height
    shoulders, hips = rows[_SHOULDERS].mean(), rows[_HIPS].mean()
    top = int(hips - (hips - shoulders) * 0.15)
    if top > 0 and shoulders < hips and rows.max() < height and height - top >= 80:
        yield _cut(example, "legs", top, height)


def altered(example: Example, rng: np.random.Generator) -> Iterator[Example]:
    """Cropped by up to a fifth off each side; turned by up to 20 degrees; each mirrored or not.
    For pictures without a person.
    """
    height, width = example.picture.shape[:2]
    top, bottom = (rng.uniform(0, 0.2, 2) * height).astype(int)
    left, right_ = (rng.uniform(0, 0.2, 2) * width).astype(int)
    part = example.picture[top : height - bottom, left : width - right_]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-20, 20), 1.0)
    turned = cv2.warpAffine(example.picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    for name, picture in (("cropped", part), ("turned", turned)):
        way = 1 if rng.random() < 0.5 else -1
        whole = np.ascontiguousarray(picture[:, ::way], np.uint8)
        yield replace(example, picture=whole, kind=f"{example.kind} {name}")


def _cut(example: Example, name: str, top: int, bottom: int) -> Example:
    assert example.joints is not None
    joints = example.joints.copy()
    height = example.picture.shape[0]
    joints[:, 1] = (joints[:, 1] * height - top) / (bottom - top)
    picture = np.ascontiguousarray(example.picture[top:bottom])
    return Example(picture, example.origin, name, example.group, joints)


def rendered(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """The pictures of a rendered catalogue that show one person or nobody.

    Raises UnposedError where there is no such catalogue, or its truth lacks joints.
    """
    joints: dict[str, list[tuple[float, float]]] = defaultdict(list)
    try:
        with (folder / "truth/joints.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                joints[row["image_uri"]].append((float(row["x"]), float(row["y"])))
        with (folder / "truth/images.csv").open(encoding="utf-8", newline="") as file:
            images = list(csv.DictReader(file))
    except (OSError, KeyError, ValueError) as error:
        raise UnposedError(
            f"{folder} holds no rendered catalogue with joints ({error}); "
            "run: unposed sample-catalogue --out FOLDER --seed N"
        ) from None
    for row in images:
        if row["defect"] or row["duplicate_of"] or row["person_count"] == "2":
            continue
        picture = _read(folder / row["image_uri"], settings)
        where = np.array(joints[row["image_uri"]]) if row["image_uri"] in joints else None
        kind = row["framing"] or row["kind"]
        group = f"{folder.name} {row['product_id']}"
        if picture is not None:
            yield Example(picture, "rendered", kind, group, where)


def objects(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """All pictures below a folder, as pictures of nobody."""
    for path in pictures_below(folder):
        picture = _read(path, settings)
        if picture is not None:
            yield Example(picture, "real", folder.name, str(path.relative_to(folder)))


def people(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """The largest person of each picture named in `annotations.json`, where shoulders and hips
    are told, with some of the picture round them: a list of {file, people: [{bbox, keypoints}]},
    both as in COCO. Raises UnposedError where the file cannot be read.
    """
    for row, picture, whole in _annotated(folder, settings):
        if whole:
            one = max(whole, key=lambda person: person["bbox"][2] * person["bbox"][3])
            yield _person(picture, one, folder.name, row)


def everybody(folder: Path, settings: PoseSettings) -> Iterator[Example]:
    """As `people`, but all of a picture; each is a group."""
    for row, picture, whole in _annotated(folder, settings):
        for number, one in enumerate(whole):
            yield _person(picture, one, folder.name, f"{row} {number}")


def _annotated(
    folder: Path, settings: PoseSettings
) -> Iterator[tuple[str, Picture, list[dict[str, Any]]]]:
    """Each picture's name, pixels, and people whose shoulders and hips are told."""
    try:
        rows = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
        for row in rows:
            picture = _read(folder / row["file"], settings)
            whole = [one for one in row["people"] if _keypoints(one)[_TORSO_COCO, 2].all()]
            if picture is not None:
                yield str(row["file"]), picture, whole
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UnposedError(
            f"{folder}/annotations.json cannot be read ({error}); "
            "remove it to take the detector's own landmarks for the truth"
        ) from None


def _person(picture: Picture, annotation: dict[str, Any], kind: str, group: str) -> Example:
    height, width = picture.shape[:2]
    x, y, across, down = annotation["bbox"]
    left, right_ = int(max(x - 0.15 * across, 0)), int(min(x + 1.15 * across, width))
    top, bottom = int(max(y - 0.05 * down, 0)), int(min(y + 1.05 * down, height))
    keypoints = _keypoints(annotation)[_JOINTS_COCO]
    joints = (keypoints[:, :2] - (left, top)) / (right_ - left, bottom - top)
    joints[keypoints[:, 2] == 0] = np.nan
    part = np.ascontiguousarray(picture[top:bottom, left:right_])
    return Example(part, "real", kind, group, joints)


def _keypoints(annotation: dict[str, Any]) -> Array:
    return np.array(annotation["keypoints"], float).reshape(17, 3)


def pictures_below(folder: Path) -> list[Path]:
    """JPEG and PNG files, in order. Raises UnposedError where there are none."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not found:
        raise UnposedError(f"no pictures below {folder}; name a folder of JPEG or PNG files")
    return found


def _read(path: Path, settings: PoseSettings) -> Picture | None:
    try:
        return decode(path.read_bytes(), settings)
    except (OSError, UnreadablePicture):
        return None


def known_torso(example: Example) -> Array | None:
    """Shoulders and hips (4, 2) in pixels, None where not all are known."""
    if example.joints is None:
        return None
    true = (example.joints * example.size)[[*_SHOULDERS, *_HIPS]]
    return true if np.isfinite(true).all() else None


def torso_length(example: Example) -> float:
    """From the shoulders' middle to the hips', in pixels; 0 where not all are known."""
    torso = known_torso(example)
    return 0.0 if torso is None else float(np.linalg.norm(torso[:2].mean(0) - torso[2:].mean(0)))


def enlarged(example: Example) -> Example | None:
    """Large enough to be cut: windows have a least size, and networks their own. None where the
    person is too small.
    """
    length = torso_length(example)
    if length < _LEAST_TORSO:
        return None
    scale = max(_LARGE_TORSO / length, 1.0)
    size = (round(example.size[0] * scale), round(example.size[1] * scale))
    return replace(example, picture=np.asarray(cv2.resize(example.picture, size), np.uint8))
