"""``[catalogue]``: the retailer's products and pictures."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from unposed_jobs.config.fields import STRICT, CountOrNone, Section, Share, Texts, TextTable

MISSING_WORDS = ("nan", "NaN", "NAN", "NaT", "None", "N/A", "n/a", "NA", "#N/A", "<NA>", "-", "--")
"""What data frames and spreadsheets write where there is no value."""
POINT_VALUES = ("x", "y", "z", "visibility", "presence", "score")
"""What a table of landmarks may hold of a point."""


def _with_x_and_y(values: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in values if name not in POINT_VALUES]
    if values and (unknown or len(set(values)) < len(values) or not {"x", "y"} <= set(values)):
        raise ValueError(
            f"must be x, y and any of {', '.join(POINT_VALUES[2:])}, each once, "
            f"not {', '.join(values)}"
        )
    return values


@dataclass(frozen=True, config=STRICT)
class CatalogueSettings(Section):
    """The retailer's products and images: a CSV, Parquet or Excel file, a folder of those, a Delta
    table's folder, JSON lines, an XML feed or ``iceberg:namespace.table``.
    """

    section: ClassVar[str] = "catalogue"

    products: str = "{home}/catalogue/products.csv"
    """The source of products; local or ``s3://``."""
    images: str = "{home}/catalogue/images.csv"
    """The source of images; local or ``s3://``."""
    product_columns: Annotated[
        TextTable, Field(examples=[{"product_id": "item_group_id | id", "rating_count": ""}])
    ] = field(default_factory=dict)
    """Our column name = the source's column name, for each that differs; "" where the source has no
    such column, or its column of that name means something else. ``"a | b"``: the first of the two
    that has a value in the row."""
    image_columns: Annotated[TextTable, Field(examples=[{"image_uri": "images/{id}.jpg"}])] = field(
        default_factory=dict
    )
    """The same for the source of images."""
    picture_columns: Annotated[Texts, Field(examples=[["main_image", "other_image*"]])] = ()
    """Columns that hold one or several pictures, in order, instead of `image_columns.image_uri`;
    ``*`` stands for a number."""
    layout: Annotated[str, Field(examples=["shopify", "./mine.toml"])] = ""
    """The export format of a shop system (`unposed catalogue layouts` lists them), or a ``.toml``
    file of your own. Settings in this file override the layout's."""
    encoding: Annotated[str, Field(examples=["cp1250"])] = ""
    """The encoding of text files; empty: detected."""
    header_line: CountOrNone = 0
    """The line of a text file or sheet that names the columns; 0: detected."""
    sheet: str = ""
    """The sheet of a workbook; empty: the first that is not empty."""
    missing_values: Texts = MISSING_WORDS
    """Words that mean "no value" in text columns; leave out those that name a category."""
    only_rows: Annotated[TextTable, Field(examples=[{"Item Type": "Product"}])] = field(
        default_factory=dict
    )
    """A source's column = the values (``"a | b"``) of the rows to read; all others are
    skipped."""
    fill_down: Annotated[Texts, Field(examples=[["product_id"]])] = ()
    """Columns of text files and sheets whose empty cells take the value of the row above."""
    popularity_signals: Texts = ()
    """Further numeric product columns that ``[training] popularity`` may name."""
    cohort_attributes: Texts = ("category", "subcategory")
    """Product columns that define a cohort, coarsest first."""
    carry: Annotated[Texts, Field(examples=[["title", "brand", "seller"]])] = ()
    """Further product columns that are kept as text with each day's rows: in the column `carried`
    of product_audit and of the views, and in the gallery."""
    image_root: Annotated[str, Field(examples=["s3://shop/media"])] = ""
    """Prefix of relative picture paths; empty: the folder of the images file."""
    allow_parent_paths: bool = False
    """Whether a relative picture path may leave that folder (``../``)."""
    videos: Annotated[str, Field(examples=["videos.csv"])] = ""
    """A table of the products' videos, read as the one of pictures is: product_id, video_uri, and
    optionally position, etag, size, last_modified, added_at, removed_at. Empty: there are none."""
    videos_columns: Annotated[TextTable, Field(examples=[{"video_uri": "Video URL"}])] = field(
        default_factory=dict
    )
    """Our name = the table's."""
    landmarks: Annotated[str, Field(examples=["poses.parquet"])] = ""
    """A table of landmarks from elsewhere (CSV, Parquet or ``iceberg:namespace.table``) with a row
    for each picture. No picture is opened then. Where no images (products) are named, the table
    also serves as that list."""
    landmarks_columns: Annotated[TextTable, Field(examples=[{"x": "{point}_x"}])] = field(
        default_factory=dict
    )
    """Our name = the table's: image_uri, landmarks (a list column) or patterns for x, y, z,
    visibility, presence, score (also with {index} and {number}), width, height."""
    landmarks_values: Annotated[
        Texts, AfterValidator(_with_x_and_y), Field(examples=[["x", "y", "score"]])
    ] = ()
    """The values of one point in a list column, in order: x, y and any of z, visibility, presence,
    score; empty: derived from the list's length."""
    landmarks_coordinates: Literal["relative", "pixels"] = "relative"
    """`relative`: x and y are in [0, 1] of the picture; `pixels`: with the columns width and
    height."""
    landmarks_model: str = ""
    """The pose model's name and version. A change means other landmarks: train again."""
    error_budget: Share = 0.05
    """Largest share of source rows that may be set aside before the run is refused."""
