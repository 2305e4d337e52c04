"""What the gallery's pages show, as plain values."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """Counts of a set of products."""

    products: int = 0
    complete: int = 0
    gaps: int = 0
    unclear: int = 0
    """Products of which nothing is missing for certain."""
    unassessable: int = 0
    targets: int = 0
    """Products with fewer than p pictures."""
    pictures: int = 0
    usable: int = 0
    unreadable: int = 0
    duplicates: int = 0
    missing: int = 0
    """Missing asks over all products."""
    charts: int = 0
    """Those of them that nobody photographs: size charts and texts."""
    completeness: float | None = None
    """Mean over products that could be assessed, in [0, 1]."""

    @property
    def complete_share(self) -> float:
        """Complete products among all, in [0, 1]."""
        return self.complete / self.products if self.products else 0.0

    @property
    def photographs(self) -> int:
        """Missing asks that somebody has to photograph."""
        return self.missing - self.charts


@dataclass(frozen=True)
class AskCount:
    """How many products miss an ask."""

    ask_id: int
    name: str
    products: int
    share: float
    """Of the products it is counted among, in [0, 1]."""


@dataclass(frozen=True)
class Category:
    """One category's figures; `rows` are its subcategories."""

    name: str
    figures: Figures
    top_missing: tuple[AskCount, ...] = ()
    rows: tuple[Category, ...] = ()


@dataclass(frozen=True)
class Pose:
    """One class of the vocabulary."""

    pose_id: int
    name: str
    kind: str
    shot_code: str | None
    size: int
    spread: float | None
    lineage: str
    exemplars: tuple[str, ...]
    present: int = 0
    """Products that show it on the day."""


@dataclass(frozen=True)
class Ask:
    """What the audit held products against: one class, or several that stand for one another."""

    ask_id: int
    name: str
    poses: tuple[Pose, ...]
    """Its classes, the largest first; at least one."""
    present: int = 0
    """Products that fill it on the day."""
    missing: int = 0
    agreement: float | None = None
    """Share of its pictures that stay in it when all is done again; None: not tried."""
    why_not: str | None = None
    """Why it is never asked for; None where it is."""

    @property
    def kind(self) -> str:
        """person or no_person."""
        return self.poses[0].kind


@dataclass(frozen=True)
class Picture:
    """One picture of a product as its tile shows it."""

    uri: str
    state: str
    """shown, unclear, repeat or unreadable."""
    label: str
    """The pose, or why there is none."""
    confidence: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Missing:
    """One missing ask of a product."""

    rank: int
    ask_id: int
    name: str
    usually: str | None
    """The class by which the cohort usually shows it, where the name does not say so."""
    shot_code: str | None
    advice: str
    """What to do about it, in one line."""
    confidence: float
    examples: tuple[str, ...]
    crop: str | None = None
    """The part of a picture that the product has which shows it; see `parts`."""


@dataclass(frozen=True)
class Product:
    """One product's card."""

    product_id: str
    category: str
    subcategory: str
    product_type: str
    status: str
    reason: str | None
    completeness: float | None
    listed: int
    is_target: bool
    missing_count: int
    rating: float | None
    rating_count: int | None
    title: str | None = None
    carried: tuple[tuple[str, str], ...] = ()
    """Further columns of the catalogue, and their values."""
    pictures: tuple[Picture, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True)
class Unjudged:
    """A product that could not be assessed, or not wholly."""

    product_id: str
    cohort: str
    listed: int
    unreadable: int
    reason: str


@dataclass(frozen=True)
class Reject:
    """A source row that was set aside."""

    source: str
    row_key: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Gallery:
    """Everything on the pages, without the thumbnails."""

    run_date: datetime.date
    run_id: str
    model_version: str
    figures: Figures
    previous: Figures | None
    previous_date: datetime.date | None
    categories: tuple[Category, ...]
    most_missing: tuple[AskCount, ...]
    asks: tuple[Ask, ...]
    """What the day was audited by: people first, what is asked for before what is not."""
    retired: tuple[Pose, ...]
    """Classes of earlier models that this one no longer finds."""
    products: tuple[Product, ...]
    """The first `limit` by what matters."""
    unassessable: tuple[Unjudged, ...]
    unclear: tuple[Unjudged, ...]
    rejects: tuple[Reject, ...]
    reject_counts: tuple[tuple[str, str, int], ...]
    """(source, reason, rows)."""
    columns: tuple[str, ...] = ()
    """Carried columns that are shown and searched, the title first where there is one."""
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Those of them that have few values, to filter by: (column, values)."""
    search_parts: int = 0
    """Files of products that the search loads; 0 where one page has every card."""
    notes: tuple[str, ...] = ()
    """What could not be shown, and why."""
