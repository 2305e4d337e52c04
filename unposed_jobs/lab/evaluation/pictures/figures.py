"""Figures of the facts against the rendered truth, each of one product's pictures at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from unposed_jobs.lab.evaluation import bootstrap
from unposed_jobs.lab.evaluation.pictures.cases import Case
from unposed_jobs.lab.fitting.image_class.examples import of_shot
from unposed_jobs.lab.sample import parts as labels
from unposed_jobs.lab.sample import textures
from unposed_jobs.lab.sample.cohorts import VIEWS
from unposed_jobs.pictures import colours, cutouts, masks, measures, within
from unposed_jobs.pictures.crops import Crop
from unposed_jobs.pictures.facts import Seen

PLAIN = ("plain", "melange", "denim")
"""Patterns of one colour."""
_GARMENTS = {
    "head": ("hair", "face"),
    "upper_garment": ("upper", "outer"),
    "lower_garment": ("lower",),
    "dress": ("dress",),
    "shoes": ("shoes",),
}
"""What each crop must hold."""
_FACELESS = ("upper_garment", "lower_garment", "dress", "shoes")
_SHOWN = {
    "full": tuple(_GARMENTS),
    "upper": ("head", "upper_garment"),
    "chest": ("upper_garment",),
    "legs": ("lower_garment", "shoes"),
}
"""The crops that a framing should give, where the garment is worn at all."""
_KEPT = 0.02
"""A crop keeps a face where more than this share of it is inside."""
_LEAST = 0.002
_LARGE = 0.2
DISAGREE = 11.0
"""Between a product's pictures, as in `catalogue.toml`."""
_OTHER, _STRANGERS = 20.0, 5
_Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Figure:
    """A measured figure: of what, how many, its value with a 95 % interval over products, what is
    asked of it, and the value of whoever has not looked.
    """

    name: str
    count: int
    value: bootstrap.Interval
    wanted: str = ""
    holds: bool | None = None
    baseline: float | None = None


@dataclass(frozen=True)
class Score:
    """One picture's share in a figure."""

    name: str
    product: str
    value: float


def write(path: Path, notes: Sequence[str], measured: Sequence[Figure]) -> None:
    """As a file that `card` makes a section of; `notes` say what the figures are of."""
    content = {"notes": [*notes, f"{date.today()}"], "figures": [asdict(one) for one in measured]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def of_case(case: Case, seen: Seen) -> Iterator[Score]:
    """All scores of a picture."""
    person = case.row["kind"] == "person"
    right = float(seen.facts.image_class == of_shot(case.row))
    by_rule = float(seen.facts.class_by_rule == of_shot(case.row))
    yield Score("image class", case.product, right)
    yield Score("image class, the source's rule", case.product, by_rule)
    if person:
        yield from _person_mask(case, seen)
        yield from _crops(case, seen)
    elif case.row["kind"] == "flat_lay":
        yield from _product_mask(case, seen)
    if case.row["kind"] in ("person", "flat_lay"):
        yield from _colour(case, seen)


def overlap(one: _Bool, other: _Bool) -> float:
    """Intersection over union."""
    union = float((one | other).sum())
    return float((one & other).sum()) / union if union else 1.0


def _person_mask(case: Case, seen: Seen) -> Iterator[Score]:
    height, width = case.labels.shape
    truth = case.labels > 0
    if seen.mask.source == masks.NONE:
        yield Score("person mask IoU", case.product, 0.0)
        return
    found = cv2.resize(seen.mask.shares, (width, height), interpolation=cv2.INTER_LINEAR) >= 128
    yield Score("person mask IoU", case.product, overlap(found, truth))
    fine = masks.fitted(seen.mask.shares, case.picture) >= 128
    yield Score("person cut-out IoU", case.product, overlap(fine, truth))
    yield Score("person mask IoU, whole frame", case.product, float(truth.mean()))


def _product_mask(case: Case, seen: Seen) -> Iterator[Score]:
    height, width = case.labels.shape
    truth = case.labels == labels.number("laid")
    found = cv2.resize(seen.mask.shares, (width, height), interpolation=cv2.INTER_LINEAR) >= 128
    yield Score("product mask IoU", case.product, overlap(found, truth))
    opaque = cutouts.alpha(seen)
    fine = opaque >= 128 if opaque is not None else np.zeros_like(truth)
    yield Score("product cut-out IoU", case.product, overlap(fine, truth))
    yield Score("product mask IoU, whole frame", case.product, float(truth.mean()))


def _crops(case: Case, seen: Seen) -> Iterator[Score]:
    found = {crop.name: crop for crop in seen.facts.crops}
    face = case.labels == labels.number("face")
    face_rows = np.flatnonzero(face.any(1))
    for name, parts in _GARMENTS.items():
        wanted = np.isin(case.labels, [labels.number(part) for part in parts])
        if name == "head":
            if not len(face_rows):
                continue
            wanted[face_rows[-1] + 1 :] = False  # Long hair below the chin is not asked for.
        if wanted.mean() < _LEAST:
            continue
        due = name in _SHOWN[case.row["framing"]]
        if due:
            yield Score(f"crop {name}: made where shown", case.product, float(name in found))
        if name not in found or not due:
            continue
        left, top, right, bottom = found[name].box
        inside = np.zeros(case.labels.shape, bool)
        inside[top:bottom, left:right] = True
        share = float((wanted & inside).sum() / wanted.sum())
        yield Score(f"crop {name}: garment inside", case.product, share)
        yield Score("crops: garment inside", case.product, share)
        middle = _middle_half(case.labels.shape)
        yield Score(
            f"crop {name}: garment inside, middle half",
            case.product,
            float((wanted & middle).sum() / wanted.sum()),
        )
        if name in _FACELESS and face.any():
            kept = float((face & inside).sum() / face.sum() > _KEPT)
            yield Score("crops that keep a face", case.product, kept)


def offers(cases: Sequence[Case], seen: Sequence[Seen]) -> Iterator[Score]:
    """Of every product and shot that it could lack: does a crop of its other pictures show it?

    Each shot that a product's pictures show is taken away in turn; where one of the rest shows the
    same view in a larger framing by truth, a crop should be offered. An offer is wrong where the
    picture's view is another by truth, or the crop lacks what the shot shows.
    """
    by_product: dict[str, list[tuple[Case, Seen]]] = {}
    for case, one in zip(cases, seen, strict=True):
        if case.row["kind"] == "person":
            by_product.setdefault(case.product, []).append((case, one))
    for product, pairs in by_product.items():
        results = [_within(*pair) for pair in pairs]
        for name in within.LARGER:
            for view in VIEWS:
                rest = [
                    (pair, one)
                    for pair, one in zip(pairs, results, strict=True)
                    if one is not None and _framing(pair[0]) != name
                ]
                possible = any(
                    _framing(case) in within.LARGER[name] and case.row["view"] == view
                    for (case, _), _ in rest
                )
                found = within.offer(name, view, [one for _, one in rest], least=1)
                if possible:
                    yield Score("crop offered where one lies within", product, float(bool(found)))
                if found is not None:
                    source = next(pair for pair, one in rest if one.picture == found.picture)
                    right = source[0].row["view"] == view and _shows(source[0], name, found.crop)
                    yield Score("offered crops that are wrong", product, float(not right))


def disagreements(cases: Sequence[Case], seen: Sequence[Seen], seed: int) -> Iterator[Score]:
    """Are the colours of a product's pictures said to disagree, and where one is another product's?

    At most `_STRANGERS` others are drawn for each product.
    """
    by_product: dict[str, list[tuple[Case, Seen]]] = {}
    for case, one in zip(cases, seen, strict=True):
        by_product.setdefault(case.product, []).append((case, one))
    names = list(by_product)
    rng = np.random.default_rng([seed, 9])
    for name in names:
        own = [one.facts.colours for _, one in by_product[name]]
        found = colours.disagreement(own)
        if found is not None:
            yield Score("false alarm: colours disagree", name, float(found[0] > DISAGREE))
        if len(own) < 3:
            continue
        for row in rng.choice(len(names), min(_STRANGERS, len(names)), replace=False):
            other = by_product[names[int(row)]]
            strange = next((one.facts.colours for _, one in other if one.facts.colours), None)
            if strange is None or not _of_another_colour(other[0][0], by_product[name][0][0]):
                continue
            mixed = colours.disagreement([*own, strange])
            hit = mixed is not None and mixed[0] > DISAGREE and mixed[1] == len(own)
            yield Score("found: another product's picture", name, float(hit))


def _of_another_colour(strange: Case, own: Case) -> bool:
    """Whether by their paint the products differ in the main colour, and the strange one has a
    large colour that the other has not: a detail of the product could show any of its own.
    """
    paints, known = _painted(strange), _painted(own)
    new = max(min(_apart(paint, other) for other in known) for paint in paints)
    return min(new, _apart(paints[0], known[0])) > _OTHER


def _framing(case: Case) -> str:
    return {"upper": "upper_body"}.get(case.row["framing"], case.row["framing"])


def _within(case: Case, seen: Seen) -> within.Within | None:
    if seen.body is None:
        return None
    shown = within.framing(seen.body), seen.body.turned
    return within.Within(case.row["image_uri"], *shown, seen.facts.crops)


def _shows(case: Case, name: str, crop: Crop) -> bool:
    """Whether a crop has what its framing shows, and not what it does not."""
    left, top, right, bottom = crop.box
    inside = np.zeros(case.labels.shape, bool)
    inside[top:bottom, left:right] = True
    garment = "lower_garment" if name == "legs" else "upper_garment"
    cloth = np.isin(case.labels, [labels.number(part) for part in (*_GARMENTS[garment], "dress")])
    head = np.isin(case.labels, [labels.number(part) for part in _GARMENTS["head"]])
    face, shoes = (case.labels == labels.number(part) for part in ("face", "shoes"))
    top = int(np.flatnonzero(head.any(1))[0]) if head.any() else crop.box[1]
    long = labels.number("dress") in case.labels  # Of a dress a shot shows a part alone.
    if name == "upper_body":
        garment_share = _share(cloth, inside) >= (0.3 if long else 0.9)
        return crop.box[1] <= top and _share(face, inside, 1.0) >= 0.97 and garment_share
    if name == "chest":
        return _share(face, inside) <= 0.05 and _share(cloth, inside) >= (0.15 if long else 0.5)
    return _share(face, inside) <= 0.02 and _share(shoes, inside) >= 0.95


def _share(wanted: _Bool, inside: _Bool, without: float = 0.0) -> float:
    return float((wanted & inside).sum() / wanted.sum()) if wanted.any() else without


def _middle_half(shape: tuple[int, ...]) -> _Bool:
    """A crop without looking: half of the frame's height, round its middle."""
    middle = np.zeros(shape, bool)
    middle[shape[0] // 4 : shape[0] - shape[0] // 4] = True
    return middle


def _colour(case: Case, seen: Seen) -> Iterator[Score]:
    part = case.cloth["part"] if case.row["kind"] == "person" else "laid"
    small = measures.reduced(case.picture)
    own = (case.labels == labels.number(part)).astype(np.uint8)
    inside = cv2.resize(own, small.shape[1::-1], interpolation=cv2.INTER_AREA) > 0
    inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if inside.sum() < 50:
        return
    plain = case.cloth["pattern"] in PLAIN
    kind = "plain" if plain else "patterned"
    if not seen.facts.colours:
        yield Score(f"colour found, {kind}", case.product, 0.0)
        return
    yield Score(f"colour found, {kind}", case.product, 1.0)
    measured = _lab(seen.facts.colours[0].rgb)
    cloth = _as_seen(case, colours.to_lab(small[inside]), plain)
    whole = colours.to_lab(small.reshape(-1, 3)[:: max(1, small.size // 30_000)])
    # Of a pattern, whose colours are often as large as each other, any of the large ones counts.
    large = [one for one in seen.facts.colours if one.share >= _LARGE and not plain]
    nearest = min([_apart(measured, cloth), *(_apart(_lab(one.rgb), cloth) for one in large)])
    yield Score(f"ΔE00 to the cloth as seen, {kind}", case.product, nearest)
    yield Score(
        f"ΔE00 to the cloth as seen, {kind}, whole picture",
        case.product,
        _apart(np.median(whole, axis=0), cloth),
    )
    nearest = min(_apart(measured, paint) for paint in _painted(case))
    yield Score(f"ΔE00 to the paint, {kind}", case.product, nearest)


def _painted(case: Case) -> list[npt.NDArray[np.float32]]:
    """Lab of the colours that a fifth and more of a cloth is painted in, the product's first."""
    colour, second = (_rgb(case.cloth[name]) for name in ("colour", "second"))
    return [_lab(one) for one in textures.painted(case.cloth["pattern"], colour, second)]


def _as_seen(case: Case, pixels: npt.NDArray[np.float32], plain: bool) -> npt.NDArray[np.float32]:
    """The cloth's main colour in its own true pixels (N, 3), Lab: their median; of a pattern the
    median of those that are nearer to the paint that most of them are nearer to.
    """
    if not plain:
        paint = [_lab(tuple(bytes.fromhex(case.cloth[name][1:]))) for name in ("colour", "second")]
        nearer = np.stack([colours.delta_e(pixels, one) for one in paint]).argmin(0)
        pixels = pixels[nearer == int(nearer.mean() >= 0.5)]
    return np.asarray(np.median(pixels, axis=0), np.float32)


def _rgb(hexed: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(hexed[1:])
    return red, green, blue


def _lab(rgb: Sequence[int]) -> npt.NDArray[np.float32]:
    return np.asarray(colours.to_lab(np.array([list(rgb)], np.uint8))[0])


def _apart(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    return float(colours.delta_e(one, other))


def summed(
    name: str,
    scores: Sequence[Score],
    statistic: Callable[[npt.NDArray[np.float64]], float] = lambda values: float(values.mean()),
    *,
    title: str = "",
    wanted: tuple[str, float] | None = None,
    baseline: str = "",
    seed: int = 0,
) -> Figure | None:
    """The figure of one name, its interval by drawing products again; None without a score.

    `wanted` is ``>=`` or ``<=`` and a limit; `baseline` the name of other scores.
    """
    own = [score for score in scores if score.name == name]
    if not own:
        return None
    by_product: dict[str, list[float]] = {}
    for score in own:
        by_product.setdefault(score.product, []).append(score.value)
    groups = [np.array(values) for values in by_product.values()]
    rng = np.random.default_rng(seed)
    drawn = [
        statistic(
            np.concatenate([groups[row] for row in rng.integers(len(groups), size=len(groups))])
        )
        for _ in range(500)
    ]
    value = statistic(np.concatenate(groups))
    low, high = np.quantile(drawn, [0.025, 0.975])
    other = [score.value for score in scores if score.name == baseline]
    holds = None
    if wanted is not None:
        holds = value >= wanted[1] if wanted[0] == ">=" else value <= wanted[1]
    return Figure(
        title or name,
        len(own),
        bootstrap.Interval(value, float(low), float(high)),
        f"{wanted[0]} {wanted[1]:g}" if wanted else "",
        holds,
        statistic(np.array(other)) if other else None,
    )
