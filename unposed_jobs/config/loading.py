"""Read the settings: flags over the file, the file over a layout, all of them over the defaults."""

from __future__ import annotations

import difflib
import logging
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unposed_jobs.config import folders
from unposed_jobs.config.extraction import ExtractionSettings
from unposed_jobs.config.fields import fields_of, refuse_unknown
from unposed_jobs.config.settings import SECTIONS, Settings
from unposed_jobs.errors import UnposedError

_log = logging.getLogger(__name__)

LAYOUTS = Path(__file__).parents[1] / "catalogue" / "layouts"
"""The files that ``[catalogue] layout`` names."""
FLAG = "flag"
"""The origin of a value that a command's flag gave."""


@dataclass
class Given:
    """The values that are not defaults, and where each came from."""

    source: str | None = None
    """The file, as it was named; None where there is none."""
    values: dict[str, Any] = field(default_factory=dict)
    """Section, key, value as TOML has them; a section that is no table is still unrefused."""
    origins: dict[tuple[str, str], str] = field(default_factory=dict)
    """The origin of each (section, key)."""

    def section(self, name: str) -> dict[str, Any] | None:
        """A section's values, made where it is lacking; None where it is no table."""
        found = self.values.setdefault(name, {})
        return found if isinstance(found, dict) else None

    def put(self, section: str, key: str, value: Any, origin: str) -> None:
        """Set a value, over what is there."""
        values = self.section(section)
        if values is not None:
            values[key] = value
            self.origins[section, key] = origin

    def put_under(self, section: str, key: str, value: Any, origin: str) -> None:
        """Set a value where none is; of two tables the entries of the one that is there win."""
        values = self.section(section)
        if values is None:
            return
        own = values.get(key)
        if isinstance(value, dict) and isinstance(own, dict):
            origin = f"{self.origins[section, key]} and {origin}" if own else origin
            self.put(section, key, value | own, origin)
        elif key not in values:
            self.put(section, key, value, origin)


@dataclass(frozen=True)
class Effective:
    """Settings, and where each value came from."""

    settings: Settings
    source: str | None
    origins: dict[tuple[str, str], str]
    """Of each (section, key): ``default``, the file, a layout, or `FLAG`; and the variables
    that ``{home}`` and ``{cache}`` were taken from."""


def load(path: str | Path | None = None, **overrides: Any) -> Settings:
    """Read the settings.

    `path` is the file; without it ``$UNPOSED_CONFIG``, else ``./unposed.toml`` where it exists.
    `overrides` are ``section__key=value`` pairs (a command's flags); None means not given.

    Raises UnposedError for a missing file, bad TOML, an unknown section or key (naming the nearest
    known one), or a value of the wrong type or outside of its range.
    """
    return explain(path, **overrides).settings


def explain(path: str | Path | None = None, **overrides: Any) -> Effective:
    """Read the settings as `load` does, with the origin of each value."""
    given = _read(path)
    for name, value in overrides.items():
        if value is not None:
            section, key = name.split("__", 1)
            given.put(section, key, value, FLAG)
    try:
        _one_budget(given)
        _lists_from_landmarks(given)
        _lay_out(given)
        refuse_unknown(given.values, SECTIONS, "section")
        return _complete(given)
    except UnposedError as error:
        raise UnposedError(f"{given.source}: {error}" if given.source else str(error)) from None


def _read(path: str | Path | None) -> Given:
    chosen = path or os.environ.get("UNPOSED_CONFIG")
    if chosen is None and Path("unposed.toml").is_file():
        chosen = "unposed.toml"
    if chosen is None:
        return Given()
    try:
        values = tomllib.loads(Path(chosen).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnposedError(
            f"no configuration file {chosen}; check --config or UNPOSED_CONFIG"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnposedError(f"cannot read {chosen}: {reason}") from None
    origins = {
        (section, key): str(chosen)
        for section, table in values.items()
        if isinstance(table, dict)
        for key in table
    }
    return Given(str(chosen), values, origins)


def _one_budget(given: Given) -> None:
    """Let ``[pose] error_budget`` of before stand for each bound of ``[extraction]``."""
    pose = given.section("pose")
    if pose is None or "error_budget" not in pose:
        return
    share = pose.pop("error_budget")
    try:
        share = ExtractionSettings(max_missing=share).max_missing
    except UnposedError as error:
        message = str(error).replace("[extraction] max_missing", "[pose] error_budget")
        raise UnposedError(message) from None
    _log.warning(
        "%s: [pose] error_budget is now the bounds [extraction] max_unreachable, max_missing and "
        "so on; it is taken for each that is not set",
        given.source,
    )
    for name in fields_of(ExtractionSettings):
        if name != "night_seconds":
            origin = f"[pose] error_budget of {given.source or 'a flag'}"
            given.put_under("extraction", name, share, origin)


def _lists_from_landmarks(given: Given) -> None:
    """Let a table of landmarks be the list of images and of products where none is named."""
    catalogue = given.section("catalogue")
    if not catalogue or not catalogue.get("landmarks"):
        return
    mapped = catalogue.get("landmarks_columns", {})
    for name, section, columns in (
        ("images", "image_columns", ("product_id", "image_uri", "position")),
        ("products", "product_columns", ("product_id",)),
    ):
        if name not in catalogue:
            given.put("catalogue", name, catalogue["landmarks"], "[catalogue] landmarks")
            shared = {key: mapped[key] for key in columns if key in mapped}
            given.put_under("catalogue", section, shared, "[catalogue] landmarks_columns")


def _lay_out(given: Given) -> None:
    """Put a layout's values under those that are given; one file is both lists."""
    catalogue = given.section("catalogue")
    if not catalogue or not catalogue.get("layout"):
        return
    name = str(catalogue["layout"])
    path = Path(name) if name.endswith(".toml") else LAYOUTS / f"{name}.toml"
    try:
        layout = tomllib.loads(path.read_text(encoding="utf-8"))["catalogue"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        known = sorted(item.stem for item in LAYOUTS.glob("*.toml"))
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}, or a .toml file"
        reason = "no such layout" if isinstance(error, FileNotFoundError) else f"no layout: {error}"
        raise UnposedError(f"[catalogue] layout {name}: {reason}; {hint}") from None
    for one, other in (("products", "images"), ("images", "products")):
        if one in catalogue:
            given.put_under("catalogue", other, catalogue[one], f"[catalogue] {one}")
    for key, value in layout.items():
        given.put_under("catalogue", key, value, f"layout {name}")


def _complete(given: Given) -> Effective:
    """Defaults where nothing is given, folders in their places, all of it checked."""
    sections, origins = {}, {}
    for name, kind in SECTIONS.items():
        values = given.section(name)
        if values is None:
            raise UnposedError(f"[{name}] must be a section, not {given.values[name]!r}")
        whole = {
            key: item.get_default(call_default_factory=True)
            for key, item in fields_of(kind).items()
        }
        whole |= values
        sections[name] = kind(**{key: folders.expand(value) for key, value in whole.items()})
        for key, value in whole.items():
            known = given.origins.get((name, key), "default")
            origins[name, key] = ", ".join((known, *folders.named_in(value)))
    return Effective(Settings(**sections), given.source, origins)  # type: ignore[arg-type]
