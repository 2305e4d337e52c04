"""How a table of landmarks from elsewhere is laid out, and what its numbers mean.

Per picture either one list column (``landmarks``: the values of the first point, then those of
the second, ...), or one column for each value of each point, named by a pattern with ``{point}``
(`pose.topology`'s names), ``{index}`` (from 0) or ``{number}`` (from 1). 33 points are BlazePose's,
17 are COCO's, in their order.

What a table does not state gets a default: a found point has visibility, presence and score 1,
its z is 0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from unposed_jobs import storage
from unposed_jobs.catalogue.rows import refuse_unknown, resolve
from unposed_jobs.config import CatalogueSettings
from unposed_jobs.config.catalogue import POINT_VALUES
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose.topology import BLAZEPOSE33, COCO17

STORED = {33: ("x", "y", "z", "visibility", "presence"), 17: ("x", "y", "score")}
"""Values of a point in the table `landmarks`, by the number of points."""
_POINTS = {33: BLAZEPOSE33, 17: COCO17}
_NAMES = {33: "blazepose33", 17: "coco17"}
_BY_LENGTH = {
    34: (17, ("x", "y")),
    51: (17, ("x", "y", "score")),
    68: (17, ("x", "y", "z", "score")),
    85: (17, ("x", "y", "z", "visibility", "presence")),
    66: (33, ("x", "y")),
    99: (33, ("x", "y", "z")),
    132: (33, ("x", "y", "z", "visibility")),
    165: (33, ("x", "y", "z", "visibility", "presence")),
}
"""What a list of so many values holds, unless `landmarks_values` overrides it."""
_PATTERNS = ("{point}_{value}", "{value}_{index}")
"""Names of single columns that need no mapping."""
_OTHER = ("image_uri", "width", "height", "pose_score", "person_count")
_LISTS = ("product_id", "position")
"""Columns that the table may have for the lists of images and products (`config.load`)."""
_REVISION = 1
"""Of the defaults and of how values are brought to `STORED`; part of the estimator's id."""
_SECTION = "catalogue.landmarks_columns"


@dataclass(frozen=True)
class Layout:
    """Where the points of a table are, and what they mean. Equal layouts, equal ids."""

    points: int
    """33 or 17."""
    values: tuple[str, ...]
    """What the table has of each point; of a list in the list's order."""
    list_column: str
    """The list column; "" where each value has a column of its own."""
    patterns: tuple[str, ...]
    """The pattern of the columns' names for each of `values`; none for a list."""
    pixels: bool
    """Whether coordinates are in pixels, not in [0, 1] of the picture."""
    model: str
    """What the user calls the pose model."""

    @property
    def length(self) -> int:
        """Values of a picture in the table."""
        return self.points * len(self.values)

    @property
    def estimator_id(self) -> str:
        """``table-coco17-<digest>``: of the layout alone, so the same every night."""
        text = json.dumps([_REVISION, asdict(self)], sort_keys=True)
        return f"table-{_NAMES[self.points]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def columns(self) -> tuple[tuple[str, ...], ...]:
        """The single columns: for each of `values`, one for each point."""
        return tuple(_named(pattern, self.points) for pattern in self.patterns)


def layout(
    columns: Sequence[str], settings: CatalogueSettings, uri: str, length: int | None = None
) -> Layout | None:
    """The layout of a table with these columns.

    `length` is the number of values of its lists; without it, None where there is a list column.

    Raises UnposedError in one line for columns that are not there, settings that name none, and
    lists of a length that fits no skeleton.
    """
    other = other_columns(columns, settings, uri)
    pixels = settings.landmarks_coordinates == "pixels"
    if pixels and not {"width", "height"} <= set(other):
        raise UnposedError(
            f"{storage.shown(uri)}: landmarks in pixels need the pictures' sizes, and it has no "
            f"columns width and height. Name them: [{_SECTION}] width, height"
        )
    mapping = settings.landmarks_columns
    column = mapping.get("landmarks", "" if "x" in mapping else "landmarks")
    if "landmarks" not in mapping and column not in columns:
        return _single_columns(columns, settings, uri, pixels)
    if column not in columns:
        raise _absent(column, columns, uri)
    if length is None:
        return None
    points, values = _of_length(length, settings.landmarks_values, uri)
    return Layout(points, values, column, (), pixels, settings.landmarks_model)


def other_columns(columns: Sequence[str], settings: CatalogueSettings, uri: str) -> dict[str, str]:
    """Our name = the table's, of the columns that hold no landmark.

    Raises UnposedError for one that is configured or required and is not there.
    """
    known = (*_OTHER, *_LISTS, "landmarks", *POINT_VALUES)
    mapping = settings.landmarks_columns
    refuse_unknown(mapping, known, _SECTION)
    return resolve(
        columns,
        {name: theirs for name, theirs in mapping.items() if name in _OTHER},
        required=("image_uri",),
        known=_OTHER,
        where=(uri, _SECTION),
    )


def _single_columns(
    columns: Sequence[str], settings: CatalogueSettings, uri: str, pixels: bool
) -> Layout:
    mapping = {name: settings.landmarks_columns.get(name) for name in POINT_VALUES}
    given = any(mapping.values())
    choices = [mapping] if given else [_of_pattern(pattern) for pattern in _PATTERNS]
    for patterns in choices:
        for points in STORED:
            wanted = {
                name: _named(pattern, points) for name, pattern in patterns.items() if pattern
            }
            there = {name: set(names) <= set(columns) for name, names in wanted.items()}
            if given and there.get("x") and not all(there.values()):
                name = next(name for name, found in there.items() if not found)
                raise _absent(_first_absent(wanted[name], columns), columns, uri)
            if there.get("x") and there.get("y"):
                values = tuple(name for name, found in there.items() if found)
                found = tuple(str(patterns[name]) for name in values)
                return Layout(points, values, "", found, pixels, settings.landmarks_model)
    if given and mapping["x"]:
        raise _absent(_first_absent(_named(mapping["x"], 17), columns), columns, uri)
    raise _absent("landmarks", columns, uri)


def _of_pattern(pattern: str) -> dict[str, str | None]:
    return {value: pattern.replace("{value}", value) for value in POINT_VALUES}


def _named(pattern: str, points: int) -> tuple[str, ...]:
    return tuple(
        pattern.replace("{point}", name)
        .replace("{index}", str(index))
        .replace("{number}", str(index + 1))
        for index, name in enumerate(_POINTS[points])
    )


def _first_absent(names: Sequence[str], columns: Sequence[str]) -> str:
    return next((name for name in names if name not in columns), names[0])


def _of_length(length: int, values: tuple[str, ...], uri: str) -> tuple[int, tuple[str, ...]]:
    if not values:
        if length in _BY_LENGTH:
            return _BY_LENGTH[length]
        known = ", ".join(str(item) for item in sorted(_BY_LENGTH))
        raise UnposedError(
            f"{storage.shown(uri)}: lists of {length} landmark values are of neither 33 nor 17 "
            f"points ({known} are); say what a point has: [catalogue] landmarks_values"
        )
    for points in STORED:
        if points * len(values) == length:
            return points, values
    raise UnposedError(
        f"{storage.shown(uri)}: lists of {length} values are not 33 or 17 points of "
        f"{len(values)} values, as [catalogue] landmarks_values has it"
    )


def _absent(column: str, columns: Sequence[str], uri: str) -> UnposedError:
    listed = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
    return UnposedError(
        f"{storage.shown(uri)} has no column {column} of landmarks; it has: {listed}. Name them: "
        f'[{_SECTION}] landmarks = "a list column", or x = "{{point}}_x", y = "{{point}}_y"'
    )
