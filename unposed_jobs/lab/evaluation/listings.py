"""The order of poses on real listings, their named views standing for poses.

Two tables of a shop: `products.csv` with rating, number of ratings, price, brand and category,
and `images.csv` with an address and the name of a view for each picture. No truth says which view
a listing ought to have, but what it does show is known: a view is hidden, and an order learned on
other products should ask for it before the views that the listing really lacks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.model_selection import KFold

from unposed_jobs.catalogue import sources, validation
from unposed_jobs.catalogue.schemas import ROW
from unposed_jobs.config import CatalogueSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.evaluation import protocols, worth
from unposed_jobs.lab.evaluation.limits import LEARNED_ORDER as LEARNED
from unposed_jobs.lab.evaluation.limits import PLAIN_ORDER as PLAIN
from unposed_jobs.lab.evaluation.summary import Entry
from unposed_jobs.ranking import frequency, order, popularity
from unposed_jobs.ranking.ranker import Attributes, Bool, Floats

DATA = "Real listings, views as poses"
WEIGHTED = f"{DATA}, products weighted by popularity"
PRODUCTS, IMAGES = "myntra_products.csv", "myntra_images.csv"
COHORT = ("category", "gender")
SETTINGS = CatalogueSettings(
    product_columns={"average_rating": "rating"},
    image_columns={"image_uri": "url"},
    cohort_attributes=(*COHORT, "brand"),
    popularity_signals=("price",),
)
FOLDS = 5
LEAST_SHARE = 0.01
"""Of the products, that show a view; rarer ones are no pose of a vocabulary."""
BY_WORTH = "what each view goes with, by regression"
COUNTED, RANDOM = "cohort frequency, as counted", "random order"


@dataclass(frozen=True)
class Listings:
    """N listings and L views, without those that all listings or next to none show."""

    cohort: Attributes
    further: Attributes
    """Brand and quarter of the price."""
    views: tuple[str, ...]
    shows: Bool
    """(N, L)."""
    rating: Floats
    """(N,), in [0, 5]; nan where unrated."""
    reviews: Floats
    """(N,), at least 0."""
    pictures: int

    @property
    def popularity(self) -> Floats:
        """(N,) as the paper's weighted mean of rating and number of reviews, in [0, 1]."""
        return popularity.weighted_rating(self.rating, self.reviews)


def there(folder: str | Path) -> bool:
    """Whether the folder holds both tables."""
    return all((Path(folder) / name).is_file() for name in (PRODUCTS, IMAGES))


def load(folder: str | Path) -> Listings:
    """Read both tables. Raises UnposedError where one is absent or not as described.

    A picture listed under several names counts as the first: shops list the cover twice.
    """
    products = _accepted(Path(folder) / PRODUCTS)
    ids = products["product_id"].to_pylist()
    shown: dict[str, set[str]] = {product: set() for product in ids}
    listed = set()
    for product, address, view in _pictures(Path(folder) / IMAGES):
        if product in shown and (product, address) not in listed:
            listed.add((product, address))
            shown[product].add(view)
    views = _common(list(shown.values()))
    if not views:
        raise UnposedError(f"{folder}: no view is shown by some listings and lacked by others")
    attributes = [dict(row or ()) for row in products["attributes"].to_pylist()]
    reviews = products["rating_count"].to_numpy().astype(np.float64)
    rating = products["average_rating"].cast(pa.float64()).to_numpy()
    prices = [dict(row or ())["price"] for row in products["signals"].to_pylist()]
    return Listings(
        {
            "category": products["category"].to_pylist(),
            "gender": [row["gender"] for row in attributes],
        },
        {"brand": [row["brand"] for row in attributes], "price": _quarters(prices)},
        views,
        np.array([[view in shown[product] for view in views] for product in ids]),
        np.where(reviews > 0, rating, np.nan),
        reviews,
        len(listed),
    )


def _common(shown: list[set[str]]) -> tuple[str, ...]:
    """The views that some products show and others lack, the most frequent first."""
    count = Counter(view for own in shown for view in own)
    least = max(2, LEAST_SHARE * len(shown))
    views = (view for view, number in count.items() if least <= number < len(shown))
    return tuple(sorted(views, key=lambda view: (-count[view], view)))


def evaluate(
    folder: str | Path,
    *,
    repeats: int,
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
) -> list[Entry]:
    """Judge the plain and the learned orders, with several targets and features, and that of what
    the views are worth, by product.

    Each is learned on four fifths of the products and judged on the rest, `repeats` times over.
    """
    listings = load(folder)
    count = len(listings.shows)
    progress(f"ordering the views of {count} real listings")
    kept = order.learn(listings.cohort, COHORT, listings.shows, listings.popularity, seed)
    note = f"trained on all {count} listings, their views are {kept.figures['order_reason']}"
    scores = held_out(listings, repeats, seed, learned_orders(listings))
    baselines = {COUNTED: scores.pop(COUNTED), RANDOM: np.zeros(listings.shows.shape)}
    entries = []
    for data, weights in ((DATA, None), (WEIGHTED, listings.popularity)):
        for method, own in scores.items():
            result = protocols.hidden_view(
                listings.shows,
                own,
                scores[PLAIN],
                baselines,
                weights=weights,
                pictures=listings.pictures,
                seed=seed,
            )
            if weights is None and method == PLAIN:
                result = replace(result, notes=(note,))
            entries.append(Entry(data, method, result))
    return entries


def learned_orders(listings: Listings) -> dict[str, tuple[Attributes, Floats]]:
    """Features and target of each learned order; the first is as training learns it."""
    rated = np.isfinite(listings.rating)
    mean = listings.rating[rated].mean() if rated.any() else 1.0
    more = {**listings.cohort, **listings.further}
    return {
        LEARNED: (listings.cohort, listings.popularity),
        f"{LEARNED}, from the rating alone": (
            listings.cohort,
            np.where(rated, listings.rating, mean),
        ),
        f"{LEARNED}, from the number of reviews": (listings.cohort, np.log1p(listings.reviews)),
        f"{LEARNED}, also by brand and price": (more, listings.popularity),
    }


def held_out(
    listings: Listings, repeats: int, seed: int, learned: dict[str, tuple[Attributes, Floats]]
) -> dict[str, Floats]:
    """(R, N, L) by order, the plain ones first: each product's scores, learned on other folds."""
    cohorts = list(zip(*(listings.cohort[name] for name in COHORT), strict=True))
    shape = (repeats, *listings.shows.shape)
    scores = {name: np.zeros(shape) for name in (PLAIN, COUNTED, BY_WORTH, *learned)}
    for repeat in range(repeats):
        split = KFold(FOLDS, shuffle=True, random_state=(seed + repeat) % 2**31)
        for train, test in split.split(listings.shows):
            known, asked = ([cohorts[row] for row in rows] for rows in (train, test))
            shows = listings.shows[train]
            for name, weight in ((PLAIN, frequency.SHRINKAGE), (COUNTED, 0.0)):
                scores[name][repeat, test] = frequency.fit(known, shows, weight).score(asked)
            plain = scores[PLAIN][repeat, test]
            scores[BY_WORTH][repeat, test] = worth.scores(listings, train, plain)
            for name, (attributes, target) in learned.items():
                kept, held = order.part(attributes, train), order.part(attributes, test)
                fitted = order.fit(kept, COHORT, shows, target[train], seed)
                scores[name][repeat, test] = fitted.score(held, COHORT)
    return scores


def _accepted(path: Path) -> pa.Table:
    """The products that the audit would accept."""
    batches = [validation.products(batch, SETTINGS, str(path))[0] for batch in _batches(path)]
    return pa.Table.from_batches(batches)


def _pictures(path: Path) -> Iterator[tuple[str, str, str]]:
    """Product, address and view of each picture that the audit would accept, as listed."""
    for batch in _batches(path):
        if "view" not in batch.schema.names:
            raise UnposedError(f"{path} has no column view")
        views = dict(zip(batch[ROW].to_pylist(), batch["view"].to_pylist(), strict=True))
        rows = validation.images(batch, SETTINGS, str(path))[0]
        columns = (rows[name].to_pylist() for name in ("product_id", "image_uri", ROW))
        for product, address, row in zip(*columns, strict=True):
            if views[row]:
                yield product, address, views[row]


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    for file in sources.plan(str(path)):
        yield from sources.read(file)


def _quarters(prices: list[float | None]) -> list[str | None]:
    """The quarter of the price that each product is in, as an attribute."""
    known = [price for price in prices if price is not None]
    limits = np.quantile(known, [0.25, 0.5, 0.75]) if known else np.zeros(3)
    return [
        None if price is None else str(np.searchsorted(limits, price, side="right"))
        for price in prices
    ]
