"""The crops that close gaps of a published day, as files named by product and shot code."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

from unposed_jobs import storage
from unposed_jobs.config import PoseSettings
from unposed_jobs.pictures import cutouts
from unposed_jobs.pose.decoding import UnreadablePicture, decode
from unposed_jobs.remedies.candidates import CROP
from unposed_jobs.report import facts, parts
from unposed_jobs.report.facts import Tables

_NO_FILE_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class GapCrop:
    """A part of a product's own picture that shows what is missing; `name` is the file's, without
    an ending.
    """

    product_id: str
    name: str
    uri: str
    box: parts.Box


def listed(
    tables: Tables, run_date: datetime.date | None, code_of: Callable[[str, str | None], str]
) -> tuple[datetime.date, list[GapCrop]]:
    """The crops of a day, None for the latest, by product and rank; and the day.

    `code_of` an ask's name and shot code is what the file is called by; where it is empty, the
    ask's name stands.
    Raises UnposedError where the day is not published.
    """
    day = facts.published_day(tables, run_date or facts.latest_day(tables))
    rows = tables.query(
        "SELECT product_id, coalesce(ask_name, pose_name) AS ask_name, shot_code, remedy_uri, "
        "remedy_box FROM pose_flags WHERE run_date = ? AND state = 'missing' AND remedy = ? "
        "ORDER BY product_id, rank, ask_id",
        [day.run_date, CROP],
    ).to_pylist()
    found = []
    for row in rows:
        code = code_of(row["ask_name"], row["shot_code"])
        name = f"{row['product_id']}_{code or row['ask_name']}"
        left, top, width, height = row["remedy_box"]
        found.append(
            GapCrop(
                row["product_id"],
                _NO_FILE_NAME.sub("-", name).strip(".-") or "crop",
                row["remedy_uri"],
                (left, top, width, height),
            )
        )
    return day.run_date, found


def cut(crop: GapCrop, settings: PoseSettings) -> bytes | str:
    """The crop as a JPEG, or one line that says why there is none."""
    try:
        data = storage.pictures.read_bytes(crop.uri, settings.max_bytes)
        picture = decode(data, settings)
    except (storage.StorageError, UnreadablePicture) as error:
        return f"{storage.shown(crop.uri)}: {error}"
    return cutouts.jpeg(parts.cut(picture, crop.box))
