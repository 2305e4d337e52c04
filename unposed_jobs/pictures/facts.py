"""The facts of pictures: one typed record each, from the pixels and landmarks of the extraction.

Facts have a version of their own: it tells all that decides them beside the landmarks, so that
a new one makes facts again and leaves landmarks alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.networks import weights
from unposed_jobs.pictures import body as bodies
from unposed_jobs.pictures import (
    classes,
    colours,
    crops,
    ground,
    laid,
    masks,
    measures,
    text,
)
from unposed_jobs.pictures.body import Body
from unposed_jobs.pictures.colours import Colour
from unposed_jobs.pictures.crops import Crop
from unposed_jobs.pictures.masks import Mask
from unposed_jobs.pose import statistics
from unposed_jobs.pose.estimator import PoseEstimate
from unposed_jobs.pose.kinds import reading

if TYPE_CHECKING:
    from unposed_jobs.pictures.faces import Face

VERSION = 6
"""Raised when the facts of an equal picture would change."""

OFF, NOBODY, ALL = TEXT = ("off", "nobody", "all")
"""Which pictures writing is looked for in: none, those without a person, all."""

_FEET = ("ankle", "heel", "foot_index")
_WRITTEN = 5
"""Lines of writing of a chart."""
_MIDDLE = 0.5
"""Least share of the frame's middle that is a product by itself, where a picture is a detail."""
_PLACED = 0.5
"""From this confidence on a part of a person is looked for where their landmarks say."""
_SMALL, _LEAST_PART = ("shoes", "head"), 0.03
"""Where landmarks are right other parts than these are no less of a person's area."""
_SOMEBODY = 0.99
"""From this probability on that anybody is there no garment is taken for them."""
_Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PictureFacts:
    """What a picture is like. Sides in pixels; shares and positions of the frame, in [0, 1].

    `image_class` is one of `classes.CLASSES` with its probability, `class_by_rule` the source's.
    `kind` is of a picture without a person (`pose.kinds`), `view` front, back or side of one with.
    `footwear` is the probability of shoes. `text_boxes` are lines of writing or of what looks like
    it, `words` those that surely are, `text_share` their share of the frame and `text_on_product`
    the share of that area on the product; None where nobody has looked. `white_share` and
    `plain_share` are of the background, whose colour is
    `background`. `fill` is the longer of the product's sides over the frame's; `product_share` its
    area; `off_centre_x` and `_y` from the frame's middle; `cut_off` the sides it touches.
    `edge_width` is the blur of the sharpest edges in pixels, 0 without any. `mask` is a PNG.
    """

    content_sha256: str
    facts_version: str
    width: int
    height: int
    shortest_side: int
    longest_side: int
    aspect_ratio: float
    image_class: str
    class_probability: float
    class_by_rule: str
    face_score: float
    person_count: int
    person_probability: float | None
    kind: str | None
    view: str | None
    footwear: float
    text_boxes: int | None
    words: int | None
    text_share: float | None
    text_on_product: float | None
    mask_source: str
    white_share: float
    plain_share: float
    background: str
    product_share: float | None
    fill: float | None
    off_centre_x: float | None
    off_centre_y: float | None
    cut_off: tuple[str, ...]
    edge_width: float
    brightness: float
    shadowed_share: float
    burnt_share: float
    colours: tuple[Colour, ...] = ()
    crops: tuple[Crop, ...] = ()
    mask: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Seen:
    """A picture, its estimate, and what was made of both; `body` is None without a person, `plain`
    (the picture's plain statistics) with one. `evidence` is what its class follows from.
    """

    picture: _Picture
    facts: PictureFacts
    mask: Mask
    body: Body | None
    plain: npt.NDArray[np.float32] | None = None
    evidence: classes.Evidence | None = None


@dataclass(frozen=True)
class _Given:
    """A picture on its way to its facts; `again` where its outline is of a further look."""

    picture: _Picture
    estimate: PoseEstimate
    again: bool
    face: Face
    digest: str
    part: str | None


def version(text_in: str) -> str:
    """The facts version: of code, networks and regression, and where writing is looked for."""
    parts = (classes.content(), weights.FACES.encode(), weights.TEXT.encode(), text_in.encode())
    return f"facts-{VERSION}-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:10]}-text_{text_in}"


class FactsReader:
    """Makes facts of batches. One instance belongs to one thread."""

    def __init__(self, settings: PoseSettings, text_in: str = NOBODY) -> None:
        """Raises UnposedError for missing or damaged weights."""
        # PyTorch takes seconds to import: whoever asks for the version alone needs none of it.
        from unposed_jobs.pictures import faces, outlines

        self.version = version(text_in)
        self._text_in = text_in
        self._outline = outlines.Outliner(settings)
        self._faces = faces.FaceFinder(settings)
        self._text = text.TextFinder(settings) if text_in != OFF else None

    def __call__(
        self,
        pictures: Sequence[_Picture],
        estimates: Sequence[PoseEstimate],
        digests: Sequence[str],
        parts: Sequence[str | None] | None = None,
    ) -> list[Seen]:
        """Of each upright RGB picture (height, width, 3) uint8 with its estimate.

        `digests` are SHA-256 of the files; `parts` what each product is about (`colours.PARTS`),
        without which the product's colour is that of the whole of mask or torso.
        """
        outlined = self._outline(pictures, estimates)
        again = [one.outline is None for one in estimates]
        found = self._faces(pictures, outlined)
        parts = parts if parts is not None else [None] * len(pictures)
        rows = zip(pictures, outlined, again, found, digests, parts, strict=True)
        return [self._one(_Given(*row)) for row in rows]

    def _one(self, given: _Given) -> Seen:
        picture, estimate, face = given.picture, given.estimate, given.face
        height, width = picture.shape[:2]
        small = measures.reduced(picture)
        body = _body(picture, estimate)
        if body is not None and _bare(given, small, body):
            estimate = replace(estimate, landmarks=None, outline=None, person_count=0)
            body = None
        plain = _plain(picture, estimate)
        evidence = classes.evidence_of(estimate, face.score, body, plain)
        kind, writing = _kind(estimate, plain), self._writing(picture, estimate)
        mask = _mask(picture, estimate, small, parts=not _unparted(kind, writing))
        if given.again and mask.source == masks.OUTLINE:
            mask = replace(mask, source=masks.SECOND_OUTLINE)
        inside = mask.inside if mask.source != masks.NONE else None
        placed = measures.placed(inside) if inside is not None else None
        ground_ = measures.ground(small, inside)
        box = placed.box if placed is not None else (0.0, 0.0, 1.0, 1.0)
        brightness, shadowed, burnt = measures.exposure(small, inside)
        facts = PictureFacts(
            content_sha256=given.digest,
            facts_version=self.version,
            width=width,
            height=height,
            shortest_side=min(width, height),
            longest_side=max(width, height),
            aspect_ratio=width / height,
            **_classed(evidence),
            face_score=face.score,
            person_count=estimate.person_count,
            person_probability=estimate.person_probability,
            kind=kind,
            view=body.view if body is not None else None,
            footwear=_footwear(estimate, body),
            **_written(writing, inside),
            mask_source=mask.source,
            white_share=ground_.white_share,
            plain_share=ground_.plain_share,
            background="#{:02x}{:02x}{:02x}".format(*ground_.colour),
            product_share=None if placed is None else placed.share,
            fill=None if placed is None else placed.fill,
            off_centre_x=None if placed is None else placed.off_centre_x,
            off_centre_y=None if placed is None else placed.off_centre_y,
            cut_off=placed.cut_off if placed is not None else (),
            edge_width=measures.edge_width(picture, box),
            brightness=brightness,
            shadowed_share=shadowed,
            burnt_share=burnt,
            colours=tuple(
                [] if _misplaced(estimate) else product_colours(small, mask, body, given.part, kind)
            ),
            crops=tuple(crops.crops(body, mask.inside)) if body is not None else (),
            mask=masks.encoded(mask) if inside is not None else b"",
        )
        return Seen(picture, facts, mask, body, plain, evidence)

    def _writing(self, picture: _Picture, estimate: PoseEstimate) -> text.Writing | None:
        if self._text is None or (self._text_in == NOBODY and estimate.landmarks is not None):
            return None
        return self._text(picture)


def _body(picture: _Picture, estimate: PoseEstimate) -> Body | None:
    if estimate.landmarks is None:
        return None
    return bodies.of_landmarks(estimate.landmarks, picture.shape[1], picture.shape[0])


def _bare(given: _Given, small: _Picture, body: Body) -> bool:
    """Whether the landmarks are of a garment that nobody wears (`laid`)."""
    sure = given.estimate.person_probability
    if sure is None or sure >= _SOMEBODY or given.face.score >= classes.SURE_FACE:
        return False
    mask = _mask(given.picture, given.estimate, small, parts=False)
    return mask.source != masks.NONE and laid.worn_by_nobody(small, body, mask.inside)


def _misplaced(estimate: PoseEstimate) -> bool:
    """Whether a person's parts are rather not where the landmarks say; an estimate without a gate's
    judgement is believed.
    """
    return estimate.landmarks is not None and 0 < estimate.person_confidence < _PLACED


def _classed(evidence: classes.Evidence) -> dict[str, Any]:
    chances = classes.head().probabilities(evidence)
    best = int(chances.argmax())
    return {
        "image_class": classes.CLASSES[best],
        "class_probability": float(chances[best]),
        "class_by_rule": classes.by_rule(evidence),
    }


def _written(writing: text.Writing | None, inside: npt.NDArray[np.bool_] | None) -> dict[str, Any]:
    """The facts of what is written in a picture; None where nobody looked for it."""
    if writing is None:
        return dict.fromkeys(("text_boxes", "words", "text_share", "text_on_product"))
    boxes = writing.boxes[writing.words]
    return {
        "text_boxes": len(writing),
        "words": int(writing.words.sum()),
        "text_share": _area(boxes),
        "text_on_product": _on(boxes, inside),
    }


def product_colours(
    small: _Picture, mask: Mask, body: Body | None, part: str | None, kind: str | None
) -> list[Colour]:
    """The product's colours in a reduced picture; none where nothing stands out from its ground, or
    what does is no detail's product, or the landmarks leave hardly anything of a person to a part.
    """
    if body is not None:
        person = mask.shares >= 160
        part = part or "upper_garment"
        inside = colours.part_mask(body, person, part)
        if part not in _SMALL and inside.sum() < _LEAST_PART * person.sum():
            return []
        inside = colours.without_skin(small, inside, body, person)
        return colours.dominant(small, inside)
    if kind == reading.FABRIC:
        return colours.dominant(small, np.ones(small.shape[:2], bool))
    if mask.source == masks.NONE or (kind == reading.DETAIL and not _in_the_middle(mask)):
        return []
    core = cv2.erode((mask.shares >= 200).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return colours.dominant(small, core)


def _plain(picture: _Picture, estimate: PoseEstimate) -> npt.NDArray[np.float32] | None:
    if estimate.landmarks is not None or estimate.kind_evidence is None:
        return None
    return statistics.describe(Image.fromarray(picture))


def _kind(estimate: PoseEstimate, plain: npt.NDArray[np.float32] | None) -> str | None:
    if estimate.kind_evidence is None or plain is None:
        return None
    probabilities = reading.head().probabilities(estimate.kind_evidence, plain)
    return reading.KINDS[int(np.ravel(probabilities).argmax())]


def _unparted(kind: str | None, writing: text.Writing | None) -> bool:
    """Whether a picture is of no product on a ground: a fabric, or a chart full of writing."""
    written = writing is None or len(writing) >= _WRITTEN
    return kind == reading.FABRIC or (kind == reading.CHART and written)


def _in_the_middle(mask: Mask) -> bool:
    """Whether what was parted fills the frame's middle: of a detail that fills its frame GrabCut
    parts a placket, or what is seen above a shoulder.
    """
    rows, columns = mask.shares.shape
    middle = mask.inside[rows // 3 : rows - rows // 3, columns // 3 : columns - columns // 3]
    return float(middle.mean()) >= _MIDDLE


def _mask(picture: _Picture, estimate: PoseEstimate, small: _Picture, *, parts: bool) -> Mask:
    rows, columns = small.shape[:2]
    if estimate.outline is not None:
        size = (picture.shape[1], picture.shape[0])
        shares = masks.of_outline(estimate.outline, size, (columns, rows))
        return Mask(shares, masks.OUTLINE)
    parted = None
    if parts and estimate.landmarks is None:
        parted = ground.parted(small, ground.QUICK_SIDE)
    if parted is None:
        return Mask(np.zeros((rows, columns), np.uint8), masks.NONE)
    large = cv2.resize(parted, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return Mask(np.asarray(large, np.uint8), masks.GROUND)


def _footwear(estimate: PoseEstimate, body: Body | None) -> float:
    """Of people the share of their feet's points in sight, of others the network's word."""
    if body is None:
        return float(estimate.footwear or 0.0)
    points = [f"{side}_{part}" for side in ("left", "right") for part in _FEET]
    return sum(body.in_sight(point) for point in points) / len(points)


def _area(boxes: npt.NDArray[np.float64]) -> float:
    return float(np.clip((boxes[:, 2:] - boxes[:, :2]).prod(1).sum(), 0, 1)) if len(boxes) else 0.0


def _on(boxes: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_] | None) -> float:
    """The share of the writing's area that lies on the product."""
    if inside is None or not len(boxes):
        return 0.0
    rows, columns = inside.shape
    written = np.zeros(inside.shape, bool)
    for left, top, right, bottom in boxes:
        where = np.s_[
            int(top * rows) : int(bottom * rows) + 1, int(left * columns) : int(right * columns) + 1
        ]
        written[where] = True
    return float(inside[written].mean())
