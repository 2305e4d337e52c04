"""The sample catalogue's truth, joined with what the warehouse says of the same pictures.

A picture's label, for judging, is what a catalogue would call the shot:

- without a person its kind: "flat-lay", "fabric", "size-chart";
- with a person framing and view, such as "upper front" or "legs back". Left and right are one,
  "side". Where a product's full set has both, one alone is not all of it (`Judged.products`,
  `one_sided`). A chest crop is "chest": none is taken from behind.

A three-quarter view is a shot of its own, though half-way to a front and a side view. The
coarse label counts it as front, and legs as "legs" whichever way they are turned.

A picture that was spoilt on purpose (`defect`) has no label and is not judged. A repeated
picture is judged once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from unposed_jobs.config import Settings
from unposed_jobs.errors import UnposedError
from unposed_jobs.storage import is_absolute, join, local_path
from unposed_jobs.warehouse import Warehouse

_FLAG = ("product_id", "pose_id", "members", "state", "score")
_SIDES = ("left", "right")
_PERSON = "person"
_FRAMINGS = ("full", "upper", "legs", "chest")
_NAMED_KINDS = {"size chart": "size-chart", "fabric": "fabric", "flat lay": "flat-lay"}


class NothingToJudgeError(UnposedError):
    """There is no truth here, or no published audit of it."""


@dataclass(frozen=True)
class Judged:
    """The sample catalogue as it was audited.

    `pictures`: image_uri, product_id, label, framing, content_sha256, pose_id, nearest,
    confidence, kind - one row for each picture that has a true label, is no repeat and was looked
    at; pose_id is <NA> where the audit would not say (below `min_confidence`), nearest is the
    class it would have said.
    `listed`: the same of all that were looked at, repeats and spoilt ones ("" for a label)
    included.
    `products`: product_id, cohort, full_set (labels, the most important first), one_sided (labels
    of which the full set has a left and a right shot and the product one of them), pictures (all
    that were looked at, spoilt ones included).
    `flags`: the day's pose_flags rows of these products.
    `unseen`: pictures with a label that were not listed, or not looked at, on that day.
    """

    pictures: pd.DataFrame
    products: pd.DataFrame
    flags: pa.Table
    listed: pd.DataFrame
    names: dict[int, str]
    """The generated name of each pose class of the model."""
    kinds: dict[int, str]
    """person or no_person, of each pose class."""
    model_version: str
    run_date: str
    unseen: int


def label_of(view: str, framing: str, kind: str) -> str:
    """The class of a picture for judging; see the module's text."""
    if _plain(kind) != _PERSON:
        return _plain(kind)
    frame, direction = _plain(framing), _plain(view)
    if frame == "chest":
        return frame
    return f"{frame} {'side' if direction in _SIDES else direction}"


def label_of_shot(name: str) -> str:
    """The same of a shot's name in truth/products.csv: ``front/upper`` or ``flat_lay``."""
    view, _, framing = name.partition("/")
    return label_of(view, framing, _PERSON) if framing else label_of("", "", name)


def label_of_name(name: str) -> str:
    """The class of a picture that a generated name (`vocabulary.naming`) says it shows.

    "upper body, left side" is "upper side" and "size chart or text" is "size-chart". A name that
    says no shot of the catalogue comes back as it is, and is right of no picture.
    """
    parts = [part.strip() for part in name.lower().split(",")]
    for start, kind in _NAMED_KINDS.items():
        if parts[0].startswith(start):
            return kind
    framing = next((word for word in _FRAMINGS if parts[0].startswith(word)), "")
    view = parts[1] if len(parts) > 1 else ""
    view = "three-quarter" if view == "three-quarter front" else view.removeprefix("left ")
    return label_of(view.removeprefix("right "), framing, _PERSON) if framing else name


def coarse(label: str) -> str:
    """The coarse class of a label."""
    return "legs" if label.startswith("legs") else label.replace("three-quarter", "front")


def _plain(text: str) -> str:
    return text.strip().lower().replace("_", "-")


def default_folder(settings: Settings) -> str:
    """Where the sample catalogue lies if it is the configured one: the products' folder."""
    path = local_path(settings.catalogue.products)
    if path is None:
        raise NothingToJudgeError(f"{settings.catalogue.products} is no local catalogue")
    return str(Path(path).parent)


def load(folder: str | Path, settings: Settings) -> Judged:
    """Join truth and warehouse, for the last published audit.

    Raises NothingToJudgeError where the folder holds no truth or nothing of it was audited,
    UnposedError for a truth file that is not as it should be.
    """
    truth = _pictures(Path(folder).absolute())
    try:
        warehouse = Warehouse.open(settings.warehouse, create=False)
    except UnposedError as error:
        raise NothingToJudgeError(str(error)) from None
    audit = warehouse.latest_published("audit")
    if audit is None or audit.model_version is None:
        raise NothingToJudgeError("no audit is published yet; run: unposed audit")
    seen = warehouse.read("images", ["image_uri", "first_seen", "content_sha256"]).to_pandas()
    poses = warehouse.read(
        "image_poses",
        ["content_sha256", "pose_id", "confidence", "kind"],
        {"model_version": audit.model_version},
    )
    poses = poses.to_pandas(types_mapper=_nullable).drop_duplicates("content_sha256")
    joined = truth.merge(seen, on="image_uri", how="left").merge(
        poses, on="content_sha256", how="left"
    )
    # Not by last_seen, which may be some days behind.
    gone = joined["image_uri"].isin(_removed(Path(folder).absolute(), audit.run_date))
    listed = (joined["first_seen"] <= audit.run_date) & ~gone
    looked_at = listed & joined["content_sha256"].notna()
    if not looked_at.any():
        raise NothingToJudgeError(
            f"no picture of {folder} was audited on {audit.run_date}; run: unposed audit"
        )
    unsure = joined["confidence"].fillna(0) < settings.audit.min_confidence
    joined["nearest"] = joined["pose_id"]
    joined.loc[unsure, "pose_id"] = pd.NA
    labelled = joined["label"] != ""
    flags = warehouse.read("pose_flags", row_filter={"run_date": audit.run_date})
    ours = pc.is_in(flags["product_id"], pa.array(sorted(set(truth["product_id"])), pa.string()))
    flags = flags.select([name for name in _FLAG if name in flags.column_names]).filter(ours)
    version = {"model_version": audit.model_version}
    vocabulary = warehouse.read("vocabulary", ["pose_id", "kind", "name", "lineage"], version)
    classes = [row for row in vocabulary.to_pylist() if row["lineage"] != "retired"]
    pictures = joined[labelled & looked_at & ~joined["duplicate"]].reset_index(drop=True)
    return Judged(
        pictures=pictures,
        products=_products(Path(folder), joined[looked_at]),
        flags=flags,
        listed=joined[looked_at].reset_index(drop=True),
        names={row["pose_id"]: row["name"] for row in classes},
        kinds={row["pose_id"]: row["kind"] for row in classes},
        model_version=audit.model_version,
        run_date=audit.run_date.isoformat(),
        unseen=int((labelled & ~looked_at).sum()),
    )


def _nullable(kind: object) -> object:
    return {"int32": pd.Int32Dtype(), "string": pd.StringDtype()}.get(str(kind))


def _products(folder: Path, pictures: pd.DataFrame) -> pd.DataFrame:
    path = folder / "truth" / "products.csv"
    products = _read(path, ("product_id", "category", "subcategory", "full_set"))
    counts = pictures.groupby("product_id").size().rename("pictures").reset_index()
    products = products.merge(counts, on="product_id")
    products["cohort"] = products["category"] + " / " + products["subcategory"]
    shots = pictures[pictures["label"] != ""].groupby("product_id")["shot"].agg(set).to_dict()
    products["one_sided"] = [
        _one_sided(set(names.split(";")), shots.get(product, set()))
        for product, names in zip(products["product_id"], products["full_set"], strict=True)
    ]
    products["full_set"] = [
        # Two shots may bear one label: it is as important as the first of them.
        tuple(dict.fromkeys(label_of_shot(name) for name in names.split(";")))
        for names in products["full_set"]
    ]
    return products[["product_id", "cohort", "full_set", "one_sided", "pictures"]]


def _one_sided(full_set: set[str], shown: set[str]) -> tuple[str, ...]:
    """Of shots such as ``left/full``: the labels of which one side of two is shown."""
    pairs = [{f"{side}/{framing}" for side in _SIDES} for framing in _FRAMINGS]
    return tuple(
        label_of_shot(min(pair)) for pair in pairs if pair <= full_set and len(pair & shown) == 1
    )


def _pictures(folder: Path) -> pd.DataFrame:
    """truth/images.csv: image_uri (absolute), product_id, label ("" = not judged), framing, shot
    (``left/full``), duplicate."""
    path = folder / "truth" / "images.csv"
    if not path.is_file():
        raise NothingToJudgeError(f"no truth at {path}; run: unposed sample-catalogue")
    truth = _read(
        path, ("image_uri", "product_id", "view", "framing", "kind", "duplicate_of", "defect")
    )
    truth["label"] = [
        "" if row.defect else label_of(row.view, row.framing, row.kind)
        for row in truth.itertuples()
    ]
    truth["duplicate"] = truth["duplicate_of"] != ""
    truth["image_uri"] = [_address(folder, uri) for uri in truth["image_uri"]]
    truth["framing"] = [_plain(text) for text in truth["framing"]]
    truth["shot"] = [f"{_plain(row.view)}/{row.framing}" for row in truth.itertuples()]
    return truth[["image_uri", "product_id", "label", "framing", "shot", "duplicate"]]


def _removed(folder: Path, day: date) -> list[str]:
    """Addresses that the catalogue beside the truth no longer lists on that day."""
    path = folder / "images.csv"
    if not path.is_file():
        return []
    listed = _read(path, ("image_uri", "removed_at"))
    removed = listed[(listed["removed_at"] != "") & (listed["removed_at"] <= day.isoformat())]
    return [_address(folder, uri) for uri in removed["image_uri"]]


def _address(folder: Path, uri: str) -> str:
    return uri if is_absolute(uri) else join(str(folder), uri)


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UnposedError(f"cannot read {path}: {error}") from None
    absent = [name for name in columns if name not in table]
    if absent:
        raise UnposedError(f"{path} has no column {absent[0]}; render the catalogue again")
    return table
