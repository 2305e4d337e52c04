"""Settings: one frozen dataclass for each section of ``unposed.toml``.

Every setting has a default that works on a laptop. Precedence: command-line flag, then the
TOML file (``--config``, else ``$UNPOSED_CONFIG``, else ``./unposed.toml`` where it exists),
then the default. ``{home}`` in a string stands for ``$UNPOSED_HOME`` (default ``./var``).
Secrets are never settings: boto3, pyiceberg and Airflow read their own environment.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
import os
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unposed_jobs.errors import UnposedError

_log = logging.getLogger(__name__)

MISSING_WORDS = ("nan", "NaN", "NAN", "NaT", "None", "N/A", "n/a", "NA", "#N/A", "<NA>", "-", "--")
"""What data frames and spreadsheets write where there is no value."""


@dataclass(frozen=True)
class WarehouseSettings:
    """Where the Iceberg tables live; `properties` are pyiceberg catalogue properties."""

    uri: str = "sqlite:///{home}/catalog.db"
    location: str = "{home}/warehouse"
    properties: dict[str, str] = field(default_factory=dict)
    views: str = "{home}/unposed.duckdb"
    buckets: int = 16
    """Hash partitions of the picture tables; fixed once the tables exist."""


@dataclass(frozen=True)
class CatalogueSettings:
    """The retailer's products and images: a CSV, Parquet or Excel file, a folder of those, a Delta
    table's folder, JSON lines, an XML feed or ``iceberg:namespace.table``.
    """

    products: str = "{home}/catalogue/products.csv"
    images: str = "{home}/catalogue/images.csv"
    product_columns: dict[str, str] = field(default_factory=dict)
    """Our column name = the source's column name, for each that differs; "" for one that is not
    there, or means something else. ``"a | b"``: of each row the first that has a value."""
    image_columns: dict[str, str] = field(default_factory=dict)
    picture_columns: tuple[str, ...] = ()
    """Instead of `image_columns.image_uri`: columns that hold a picture or several each, in their
    order; ``*`` stands for a number (``"Image *"``)."""
    layout: str = ""
    """A shop's export as it is: ``shopify`` and so on (`unposed catalogue layouts`), or a file of
    your own (.toml). What is set here goes before what the layout says."""
    encoding: str = ""
    """What text files are written in; empty: told by the file."""
    header_line: int = 0
    """The line of a text file or sheet that names the columns; 0: told by the file."""
    sheet: str = ""
    """The sheet of a workbook; empty: the first that holds something."""
    missing_values: tuple[str, ...] = MISSING_WORDS
    """Words that stand for no value in text columns; leave out what is a category of its own."""
    only_rows: dict[str, str] = field(default_factory=dict)
    """A source's column = the values (``"a | b"``) of the rows that count; others are left out."""
    fill_down: tuple[str, ...] = ()
    """Columns of text files and sheets that a row without a value has from the row above."""
    popularity_signals: tuple[str, ...] = ()
    """Further numeric product columns that popularity may use."""
    cohort_attributes: tuple[str, ...] = ("category", "subcategory")
    """Product columns that define a cohort, coarsest first."""
    carry: tuple[str, ...] = ()
    """Further product columns (title, brand, seller) that are kept as text with each day's rows:
    in the column `carried` of product_audit and of the views, and in the gallery."""
    image_root: str = ""
    """Prefix of relative picture paths; empty means the folder of the images file."""
    allow_parent_paths: bool = False
    """Whether a relative picture path may leave that folder (``../``)."""
    landmarks: str = ""
    """A table of landmarks from elsewhere (CSV, Parquet or ``iceberg:namespace.table``), one row
    for each picture; with it no picture is opened. Where no images (products) are named, it is
    that list as well."""
    landmarks_columns: dict[str, str] = field(default_factory=dict)
    """Our name = the table's: image_uri, landmarks (a list column) or patterns for x, y, z,
    visibility, presence, score (``x = "{point}_x"``; also {index}, {number}), width, height."""
    landmarks_values: tuple[str, ...] = ()
    """What a list holds of each point, in order; empty: told by its length."""
    landmarks_coordinates: str = "relative"
    """`relative`: x and y in [0, 1] of the picture; `pixels`: with the columns width and height."""
    landmarks_model: str = ""
    """The pose model's name and version; another one means other landmarks: train again."""
    error_budget: float = 0.05
    """Largest share of source rows that may be set aside before the run is refused."""


@dataclass(frozen=True)
class StorageSettings:
    """Where pictures may be read from, how patiently, and how much at once.

    The bounds on requests are for one host and port, and count all processes of a machine together.
    """

    roots: tuple[str, ...] = ()
    """Folders whose files a catalogue may name, beside those of its sources and its `image_root`;
    links count by where they lead."""
    buckets: tuple[str, ...] = ()
    """Buckets (``"name"``, ``"name/prefix"``) that it may name, beside those of the same."""
    request_seconds: float = 10.0
    """Of an object store: longest wait for an answer, or for the next bytes of one."""
    picture_seconds: float = 120.0
    """Longest time for one object, or 8 MiB of a larger one, all its tries together."""
    http_hosts: tuple[str, ...] = ()
    """Hosts that pictures are read from; ``*`` in a pattern is any text (``"*.shop.com"``), and
    ``"*"`` alone is every host. A pattern with a port (``"cdn.shop.com:8443"``) is that port
    only. None: nothing is fetched."""
    http_private_addresses: bool = False
    """Whether a host may have a private, loopback or link-local address."""
    http_requests: int = 32
    """Most requests at once."""
    http_requests_per_second: float = 2000.0
    http_seconds: float = 60.0
    """Longest time of one request, from its first byte to the last of the answer."""
    http_attempts: int = 5
    """Tries of one picture where the host is busy, broken or silent (a silent one: two)."""
    http_contact: str = ""
    """A mail or web address that is told to the hosts in User-Agent."""
    http_ca_bundle: str = ""
    """A PEM file of certificate authorities; empty: the machine's (``$SSL_CERT_FILE``)."""
    http_tokens: dict[str, str] = field(default_factory=dict)
    """Host pattern = the environment variable that holds its token, which is sent as
    ``Authorization: Bearer TOKEN``, or a whole header (``X-Api-Key: TOKEN``); https only."""


@dataclass(frozen=True)
class PoseSettings:
    """How pictures become landmarks."""

    estimator: str = "blazepose-full"
    """The batched BlazePose; `mediapipe-full` is MediaPipe Tasks on the same weights, which it is
    held to. `unposed models list` tells all. `champion`: that of the promoted model."""
    weights: str = "{cache}/weights"
    max_people: int = 3
    min_detection_confidence: float = 0.5
    second_look: bool = True
    """Show the whole picture to the landmark network where the detector saw nobody, or somebody
    doubtful: headless and legs-only crops are found, garments laid flat are not taken for people.
    """
    min_person_probability: float = 0.65
    """Least probability, after a second look, that there is a person at all."""
    headless: str = "movenet-thunder"
    """What reads people without a head in the second look, with BlazePose: `movenet-thunder`,
    `movenet-lightning`, a third of the time and less right, or `off`."""
    picture_kinds: bool = True
    """Look at pictures without a person with a network of their own: a garment laid flat on a
    printed blanket is told from a fabric and from a detail. Without, plain statistics guess."""
    views: bool = True
    """Look at the parts of collages and strips, and for small people where a scene shows nobody;
    what is found there is said in `landmarks.error`."""
    max_pixels: int = 50_000_000
    max_bytes: int = 64 * 1024 * 1024
    chunk_size: int = 256
    """Pictures in a chunk, the unit of retry; sixteen times as many where tasks have GPUs."""
    commit_chunks: int = 64
    """Chunks gathered into one commit at least; on a larger cluster, eight for each of its tasks at
    once, and more where a run would make more than 64 commits."""
    read_threads: int = 8
    onnx_sha256: str = ""
    """The digest that the model of ``estimator = "onnx:PATH"`` must have, where it is given."""
    onnx_person_box: str = "detector"
    """`detector`: BlazePose's finds the people; `frame`: one person, who fills the picture."""
    onnx_device: str = "cpu"
    """`cpu` or `cuda`."""
    onnx_heat_maps: str = "msra"
    """The codec the model was trained with: `msra`, `dark` (msra, unbiased) or `udp`; SimCC models
    need none."""
    onnx_input_size: tuple[int, ...] = ()
    """Width and height, for a model that leaves its input's size open."""
    onnx_colour_order: str = "rgb"
    onnx_mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    """By channel, in the order above; with `onnx_std`, MMPose's own."""
    onnx_std: tuple[float, ...] = (58.395, 57.12, 57.375)
    onnx_batch_size: int = 8
    """People in one run of the model, where it leaves the batch open; a GPU wants 64."""


@dataclass(frozen=True)
class ExtractionSettings:
    """What a night may lose before it is refused, as shares of its pictures, and its time.

    Up to five pictures are never too many, unless they are more than half of all.
    """

    max_unreachable: float = 0.05
    """Storage or hosts that do not answer, or answer by a fault, after all tries: a storage that
    is well loses none."""
    max_missing: float = 0.1
    """Listed pictures that are not there, or may not be read: exports are ahead of uploads."""
    max_too_large: float = 0.02
    """Over ``[pose] max_bytes``."""
    max_undecodable: float = 0.05
    """No pictures, damaged ones, and formats that are not read."""
    max_refused: float = 0.05
    """Addresses that are never opened."""
    max_lost: float = 0.02
    """Pictures that were there when they were looked at, and not when they were extracted, of
    those to extract; the next run takes them up."""
    night_seconds: float = 27_000.0
    """Longest time of a run, which ends in one line; the next one goes on. 0: without end."""


@dataclass(frozen=True)
class TrainingSettings:
    """The weekly reference training (paper sections 3 and 4)."""

    bundles: str = "{home}/models"
    top_k: int = 3000
    """Products in the reference set, by popularity (section 4.1)."""
    min_pictures: int = 10
    """Least pictures of a reference product: "available image count per product > 9"."""
    popularity: str = "weighted_rating"
    """`weighted_rating` (shrunk by review count) or a column of the catalogue."""
    clusters: int = 0
    """Pose classes with a person; 0 chooses from `cluster_range` by stability and silhouette."""
    cluster_range: tuple[int, int] = (8, 16)
    embedding: str = "autoencoder"
    """`autoencoder` (section 4.3.1) or `features`, the bare vector (Table 1's first column)."""
    epochs: int = 200
    batch_size: int = 2048
    learning_rate: float = 0.1
    weight_decay: float = 0.001
    exemplars: int = 8
    match_distance: float = 0.5
    """Largest distance, in units of a class's spread, at which an id is kept from the champion."""
    max_flip_share: float = 0.2
    """Promotion is refused when more flags than this would flip with no picture changed."""
    seed: int = 20221012


@dataclass(frozen=True)
class AuditSettings:
    """The nightly audit (paper sections 3.3, 3.4 and 4.6)."""

    target_pictures: int = 5
    """p: products with fewer pictures are the paper's target (section 3)."""
    flags: str = "asks"
    """What is flagged: `asks`, classes that a cohort shows in place of one another being one, or
    `classes`, every class by itself, as the paper's Algorithm 2 has it."""
    min_cohort_share: float = 0.25
    """Least share of a cohort's reference products that show an ask, for it to be expected.

    A product is then told to add what is usual, not what one of its three peers happens to show.
    Lower finds more of the poses that would be worth adding, and flags more that nobody misses.
    """
    min_confidence: float = 0.5
    """Below it a picture's pose is unknown, not a guess.

    A confidence is the chance that the same pose comes out when the picture is taken and the
    vocabulary learned again: below one half another answer is the likelier one.
    """
    max_unknown_share: float = 0.67
    """Above it a product is unassessable."""
    duplicate_distance: int = 4
    """Largest Hamming distance of 64-bit perceptual hashes of two repeated pictures."""
    example_images: int = 4
    profile: str = ""
    """Optional TOML file: shot codes and poses that do not apply to a category."""


@dataclass(frozen=True)
class CheckSettings:
    """What a day may differ by from the last published one before it is refused.

    Shares, of the products, pictures and flags of that day.
    """

    products_lost: float = 0.2
    products_gained: float = 1.0
    """Above 1 is more than twice as many."""
    pictures_lost: float = 0.2
    unreadable_share: float = 0.1
    """Rise of the share of pictures that cannot be read."""
    missing_share: float = 0.25
    """Change, up or down, of the share of flags that are missing."""
    flags_turned: float = 0.25
    """Flags of the same product and ask that have another state."""
    warn: tuple[str, ...] = ("products_gained",)
    """Those of the above that only warn."""
    least_products: int = 20
    """Products of the last published day below which changes are not judged."""


@dataclass(frozen=True)
class GallerySettings:
    """The pages with pictures, after each night and by `unposed report`."""

    products: int = 600
    """Products that get a card, those that matter most first; the search finds every product."""
    title: str = "title"
    """Of `[catalogue] carry`: the column that heads a card."""
    columns: tuple[str, ...] = ()
    """Of `[catalogue] carry`: what cards and search show and find; empty: all of it."""
    web_pictures: str = "fetch"
    """`fetch`: small copies of pictures on the web, by the rules of `[storage]`: the pages work
    without a network, and ask no host until somebody opens an original. `link`: no copies, the
    pages show the pictures from where they are."""


@dataclass(frozen=True)
class Settings:
    """All sections. Build with `load`."""

    warehouse: WarehouseSettings = WarehouseSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    storage: StorageSettings = StorageSettings()
    pose: PoseSettings = PoseSettings()
    extraction: ExtractionSettings = ExtractionSettings()
    training: TrainingSettings = TrainingSettings()
    audit: AuditSettings = AuditSettings()
    checks: CheckSettings = CheckSettings()
    gallery: GallerySettings = GallerySettings()


def home() -> Path:
    """The state folder: ``$UNPOSED_HOME``, else ``./var``; absolute."""
    return Path(os.environ.get("UNPOSED_HOME", "var")).absolute()


def cache() -> Path:
    """The folder of downloads that outlive a state folder: ``$UNPOSED_CACHE``, else XDG's."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "unposed"
    return Path(os.environ.get("UNPOSED_CACHE", default)).absolute()


def load(path: str | Path | None = None, **overrides: Any) -> Settings:
    """Read the settings.

    `overrides` are ``section__key=value`` pairs (a command's flags); None means not given.

    Raises UnposedError for a missing file, bad TOML, an unknown section or key, or a value of
    the wrong type, naming the nearest known key.
    """
    chosen = path or os.environ.get("UNPOSED_CONFIG")
    if chosen is None and Path("unposed.toml").is_file():
        chosen = "unposed.toml"
    raw: dict[str, Any] = {}
    if chosen is not None:
        try:
            raw = tomllib.loads(Path(chosen).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UnposedError(
                f"no configuration file {chosen}; check --config or UNPOSED_CONFIG"
            ) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnposedError(f"cannot read {chosen}: {reason}") from None
    for name, value in overrides.items():
        if value is not None:
            section, key = name.split("__", 1)
            if isinstance(raw.setdefault(section, {}), dict):  # Else refused below.
                raw[section][key] = value
    _one_budget(raw, chosen)
    _lists_from_landmarks(raw.get("catalogue"))
    _lay_out(raw.get("catalogue"), chosen)
    sections = typing.get_type_hints(Settings)
    _refuse_unknown(raw, sections, where="section", source=chosen)
    return Settings(
        **{name: _section(kind, name, raw.get(name, {}), chosen) for name, kind in sections.items()}
    )


def _one_budget(raw: dict[str, Any], source: object) -> None:
    """Let ``[pose] error_budget`` of before stand for each bound of ``[extraction]``."""
    pose = raw.get("pose")
    if not isinstance(pose, dict) or "error_budget" not in pose:
        return
    share = _typed(pose["error_budget"], float, "[pose] error_budget", source)
    _check_range("pose.error_budget", share, source)
    raw["pose"] = {key: value for key, value in pose.items() if key != "error_budget"}
    _log.warning(
        "%s: [pose] error_budget is now the bounds [extraction] max_unreachable, max_missing and "
        "so on; it is taken for each that is not set",
        source,
    )
    bounds = {item.name: share for item in dataclasses.fields(ExtractionSettings)}
    bounds.pop("night_seconds")
    if isinstance(raw.setdefault("extraction", {}), dict):
        raw["extraction"] = bounds | raw["extraction"]


def _lists_from_landmarks(catalogue: Any) -> None:
    """Let a table of landmarks be the list of images and of products where none is named."""
    if not isinstance(catalogue, dict) or not catalogue.get("landmarks"):
        return
    mapped = catalogue.get("landmarks_columns", {})
    for name, section, columns in (
        ("images", "image_columns", ("product_id", "image_uri", "position")),
        ("products", "product_columns", ("product_id",)),
    ):
        if name not in catalogue:
            catalogue[name] = catalogue["landmarks"]
            shared = {key: mapped[key] for key in columns if key in mapped}
            catalogue[section] = shared | catalogue.get(section, {})


LAYOUTS = Path(__file__).parent / "catalogue" / "layouts"
"""The files that ``[catalogue] layout`` names."""


def _lay_out(catalogue: Any, source: object) -> None:
    """Put what a layout says under what the settings say; one file is both lists."""
    if not isinstance(catalogue, dict) or not catalogue.get("layout"):
        return
    name = str(catalogue["layout"])
    path = Path(name) if name.endswith(".toml") else LAYOUTS / f"{name}.toml"
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))["catalogue"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        known = sorted(item.stem for item in LAYOUTS.glob("*.toml"))
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}, or a .toml file"
        told = "no such layout" if isinstance(error, FileNotFoundError) else f"no layout: {error}"
        raise UnposedError(
            f"{source or 'layout'}: [catalogue] layout {name}: {told}; {hint}"
        ) from None
    for one, other in (("products", "images"), ("images", "products")):
        if one in catalogue:
            catalogue.setdefault(other, catalogue[one])
    for key, value in said.items():
        own = catalogue.get(key)
        if isinstance(value, dict) and isinstance(own, dict):
            catalogue[key] = value | own
        else:
            catalogue.setdefault(key, value)


def _section(kind: type, name: str, raw: Any, source: object) -> Any:
    if not isinstance(raw, dict):
        raise UnposedError(f"{source}: [{name}] must be a section, not {raw!r}")
    hints = typing.get_type_hints(kind)
    _refuse_unknown(raw, hints, where=f"setting in [{name}]", source=source)
    values: dict[str, Any] = {}
    for item in dataclasses.fields(kind):
        if item.name in raw:
            value = _typed(raw[item.name], hints[item.name], f"[{name}] {item.name}", source)
        elif item.default is not dataclasses.MISSING:
            value = item.default
        else:
            value = item.default_factory()  # type: ignore[operator]
        values[item.name] = _expand(value)
        _check_range(f"{name}.{item.name}", values[item.name], source)
    return kind(**values)


_LEAST = {
    "warehouse.buckets": 1,
    "storage.request_seconds": 0.1,
    "storage.picture_seconds": 0.1,
    "extraction.night_seconds": 0,
    "storage.http_requests": 1,
    "storage.http_requests_per_second": 0.1,
    "storage.http_seconds": 0.1,
    "storage.http_attempts": 1,
    "catalogue.header_line": 0,
    "pose.max_people": 1,
    "pose.max_pixels": 1,
    "pose.max_bytes": 1,
    "pose.chunk_size": 1,
    "pose.commit_chunks": 1,
    "pose.read_threads": 1,
    "pose.onnx_batch_size": 1,
    "training.top_k": 3,
    "training.min_pictures": 1,
    "training.clusters": 0,
    "training.epochs": 1,
    "training.batch_size": 2,
    "training.exemplars": 1,
    "training.seed": 0,
    "audit.target_pictures": 0,
    "checks.products_gained": 0,
    "checks.least_products": 0,
    "audit.duplicate_distance": 0,
    "audit.example_images": 0,
    "gallery.products": 1,
}
_SHARES = {
    "catalogue.error_budget",
    "pose.error_budget",
    "extraction.max_unreachable",
    "extraction.max_missing",
    "extraction.max_too_large",
    "extraction.max_undecodable",
    "extraction.max_refused",
    "extraction.max_lost",
    "pose.min_detection_confidence",
    "pose.min_person_probability",
    "training.max_flip_share",
    "audit.min_cohort_share",
    "audit.min_confidence",
    "audit.max_unknown_share",
    "checks.products_lost",
    "checks.pictures_lost",
    "checks.unreadable_share",
    "checks.missing_share",
    "checks.flags_turned",
}


_CHANGES = tuple(
    item.name
    for item in dataclasses.fields(CheckSettings)
    if item.name not in ("warn", "least_products")
)


def _check_range(setting: str, value: Any, source: object) -> None:
    where = "[{}] {}".format(*setting.split("."))
    told = f"{source}: {where}" if source else where
    if setting in _LEAST and value < _LEAST[setting]:
        raise UnposedError(f"{told} must be {_LEAST[setting]} or more, not {value}")
    if setting in _SHARES and not 0 <= value <= 1:
        raise UnposedError(f"{told} must be from 0 to 1, not {value:g}")
    if setting == "audit.flags" and value not in ("asks", "classes"):
        raise UnposedError(f"{told} must be asks or classes, not {value!r}")
    if setting == "gallery.web_pictures" and value not in ("fetch", "link"):
        raise UnposedError(f"{told} must be fetch or link, not {value!r}")
    if setting == "checks.warn":
        _refuse_unknown(dict.fromkeys(value), _CHANGES, where=f"rule in {where}", source=source)
    if setting == "training.cluster_range" and not (len(value) == 2 and 1 <= value[0] <= value[1]):
        raise UnposedError(f"{told} must be two numbers from 1 up, the smaller first")


def _typed(value: Any, hint: Any, where: str, source: object) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list | tuple):
        inner = typing.get_args(hint)[0]
        return tuple(_typed(item, inner, where, source) for item in value)
    if origin is dict and isinstance(value, dict):
        return {str(key): str(item) for key, item in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(hint, types.GenericAlias) and type(value) is hint:
        return value
    wanted = getattr(hint, "__name__", str(hint))
    raise UnposedError(f"{source}: {where} must be {wanted}, not {value!r}")


def _expand(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("{home}", str(home())).replace("{cache}", str(cache()))
    if isinstance(value, dict):
        return {key: _expand(item) for key, item in value.items()}
    return value


def _refuse_unknown(raw: dict, known: typing.Iterable[str], where: str, source: object) -> None:
    names = list(known)
    for key in raw:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
            raise UnposedError(f"{source}: unknown {where}: {key}; {hint}")
