"""Which product has which pictures, how well it sells, and what is wrong on purpose.

Each product is planned from the seed and its own number alone, so any size can be asked for and
any process can plan any product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from unposed_jobs.lab.sample.cohorts import COHORTS, Cohort, Shot, parse
from unposed_jobs.lab.sample.garments import Garment, random_garment

TRUNCATED, MISSING, TEXT = "truncated", "missing", "text"
EXACT, REENCODED = "exact", "reencoded"

_TIERS = (
    "popular", "ordinary", "ordinary", "popular", "ordinary", "ordinary", "middle", "ordinary",
    "popular", "ordinary",
)  # fmt: skip


@dataclass(frozen=True)
class PlannedPicture:
    """One row of images.csv and how to make its file; `number` counts from 1."""

    number: int
    shot: Shot
    people: int
    added_at: date
    removed_at: date | None = None
    copy_of: int | None = None
    copy_kind: str = ""
    defect: str = ""

    @property
    def usable(self) -> bool:
        """Whether the file can be read."""
        return not self.defect


@dataclass(frozen=True)
class PlannedProduct:
    """One row of products.csv with its pictures."""

    index: int
    product_id: str
    cohort: Cohort
    garment: Garment
    womenswear: bool
    tier: str
    average_rating: float
    rating_count: int
    pictures: tuple[PlannedPicture, ...]

    def uri(self, number: int) -> str:
        """A picture's path relative to images.csv."""
        return f"pictures/{self.product_id}/{number:02d}.jpg"

    def shots_on(self, day: date) -> set[str]:
        """Names of the shots that readable pictures valid on `day` show."""
        return {
            picture.shot.name
            for picture in self.pictures
            if picture.usable
            and picture.added_at <= day
            and (picture.removed_at is None or picture.removed_at > day)
        }

    def lacking(self, day: date) -> list[str]:
        """What its cohort's full set has and it has not, the most important first."""
        shown = self.shots_on(day)
        return [name for name in self.cohort.full_set if name not in shown]


def plan_product(index: int, products: int, seed: int, day: date) -> PlannedProduct:
    """Plan product number `index` of `products`."""
    rng = np.random.default_rng([seed, 1, index])
    cohort = COHORTS[index % len(COHORTS)]
    womenswear = cohort.garment == "dress" or bool(rng.random() < 0.5)
    garment = random_garment(rng, cohort.garment)
    tier = _TIERS[(index // len(COHORTS) + index % len(COHORTS)) % len(_TIERS)]
    extras = _extras(index, products, seed)
    base = {
        "popular": int(rng.integers(10, 14)),
        "middle": int(rng.integers(5, 10)),
        "ordinary": max(int(rng.integers(2, 5)) - len(extras), 1),
    }[tier]
    shots = _shots(rng, cohort, tier, base)
    rating, count = _popularity(rng, cohort, tier, shots)
    launched = day - timedelta(days=int(rng.integers(20, 700)))
    pictures = [
        PlannedPicture(number, shot, int(shot.kind == "person"), launched)
        for number, shot in enumerate(shots, start=1)
    ]
    _changes(
        rng,
        pictures,
        day + timedelta(days=1),
        surely_new=index == _first_popular(products, seed, 0),
        surely_gone=index == _first_popular(products, seed, 1),
    )
    for extra in extras:
        pictures.append(_extra(rng, extra, pictures, cohort))
    return PlannedProduct(
        index,
        f"P{index + 1:06d}",
        cohort,
        garment,
        womenswear,
        tier,
        rating,
        count,
        tuple(pictures),
    )


def _extras(index: int, products: int, seed: int) -> list[str]:
    """The odd pictures that this product has besides its own."""
    every = {
        "two_people": 40, TRUNCATED: 75, MISSING: 75, TEXT: 75, EXACT: 14, REENCODED: 14,
    }  # fmt: skip
    chosen = []
    for number, (name, usual) in enumerate(every.items()):
        period = min(usual, products)
        offset = int(np.random.default_rng([seed, 2, number]).integers(period))
        if index % period == offset:
            chosen.append(name)
    return chosen


def _extra(
    rng: np.random.Generator, extra: str, pictures: list[PlannedPicture], cohort: Cohort
) -> PlannedPicture:
    number, launched = len(pictures) + 1, min(picture.added_at for picture in pictures)
    names = [name for name, _ in cohort.shots if "/" in name]
    shot = parse(names[int(rng.integers(min(3, len(names))))])
    if extra == "two_people":
        framing = "upper" if shot.framing == "chest" else "full"
        return PlannedPicture(number, Shot("person", "front", framing), 2, launched)
    if extra in (EXACT, REENCODED):
        # Only of pictures that are there from the first day to the last.
        lasting = [p for p in pictures if p.usable and p.copy_of is None and p.removed_at is None
                   and p.added_at == launched]  # fmt: skip
        if lasting:
            original = lasting[int(rng.integers(len(lasting)))]
            return replace(original, number=number, copy_of=original.number, copy_kind=extra)
    defect = extra if extra in (TRUNCATED, MISSING, TEXT) else ""
    return PlannedPicture(number, shot, 1, launched, defect=defect)


def _shots(rng: np.random.Generator, cohort: Cohort, tier: str, count: int) -> list[Shot]:
    """Popular products show nearly the whole set and then repeat; others lack some."""
    names = [name for name, _ in cohort.shots]
    weight = np.array([importance for _, importance in cohort.shots])
    if tier == "popular":
        kept = rng.random(len(names)) > 0.02 + 0.25 * (1 - weight)
        chosen = [name for name, keep in zip(names, kept, strict=True) if keep]
    else:
        order = np.argsort(-(np.log(weight) * 1.1 + rng.gumbel(size=len(names))))
        chosen = [names[int(place)] for place in sorted(order[:count])]
    people = [place for place, name in enumerate(names) if "/" in name]
    share = weight[people] / weight[people].sum()
    while len(chosen) < count:
        chosen.append(names[people[int(rng.choice(len(people), p=share))]])
    return [parse(name) for name in chosen]


def _popularity(
    rng: np.random.Generator, cohort: Cohort, tier: str, shots: list[Shot]
) -> tuple[float, int]:
    """A rating that the important shots raise, and a long-tailed number of reviews."""
    shown = {shot.name for shot in shots}
    total = sum(importance for _, importance in cohort.shots)
    quality = sum(importance for name, importance in cohort.shots if name in shown) / total
    rating = 3.1 + 1.35 * quality + rng.normal(0, 0.22) + (0.1 if tier == "popular" else 0.0)
    middle = {"popular": 5.6, "middle": 4.0, "ordinary": 2.6}[tier]
    count = int(np.exp(middle + 0.8 * (quality - 0.5) + rng.normal(0, 0.9)))
    return round(float(np.clip(rating, 1.2, 4.9)), 2), count


def _changes(
    rng: np.random.Generator,
    pictures: list[PlannedPicture],
    tomorrow: date,
    *,
    surely_new: bool,
    surely_gone: bool,
) -> None:
    """The next day brings a few pictures and takes fewer away; never a product's only one."""
    draws = rng.random((len(pictures), 2))
    if len(pictures) < 2:
        return
    for place in range(1, len(pictures)):
        if draws[place, 0] < 0.014:
            pictures[place] = replace(pictures[place], added_at=tomorrow)
        elif draws[place, 1] < 0.006:
            pictures[place] = replace(pictures[place], removed_at=tomorrow)
    # One of each for certain, however small the catalogue.
    if surely_new:
        pictures[-1] = replace(pictures[-1], added_at=tomorrow, removed_at=None)
    if surely_gone:
        place = -2 if len(pictures) > 2 else -1
        if pictures[place].added_at != tomorrow:
            pictures[place] = replace(pictures[place], removed_at=tomorrow)


def _first_popular(products: int, seed: int, which: int) -> int:
    popular = [
        index
        for index in range(min(products, 60))
        if _TIERS[(index // len(COHORTS) + index % len(COHORTS)) % len(_TIERS)] == "popular"
    ]
    return popular[(seed + which) % len(popular)]
