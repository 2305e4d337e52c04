"""A product's pictures together: its colours and a marketplace's word, from rows of the tables."""

import dataclasses
from datetime import date

import pyarrow as pa
import pytest

from unposed_jobs.distributed.facts import FACTS
from unposed_jobs.errors import UnposedError
from unposed_jobs.pictures import products, rows
from unposed_jobs.pictures.colours import Colour
from unposed_jobs.pictures.facts import PictureFacts
from unposed_jobs.warehouse.picture_tables import PRODUCT_COLOURS, READY_FOR

RED, DARK_RED, BLUE = (Colour(value, name, 0.9) for value, name in (
    ("#c02020", "firebrick"), ("#a81c1c", "brown"), ("#2040c0", "royalblue"),
))  # fmt: skip
PLAIN = PictureFacts(
    content_sha256="c", facts_version="v", width=1500, height=2160, shortest_side=1500,
    longest_side=2160, aspect_ratio=1500 / 2160, image_class="product_only",
    class_probability=0.9, class_by_rule="product_only", face_score=0.0, person_count=0,
    person_probability=None, kind="flat lay", view=None, footwear=0.0, text_boxes=0, words=0,
    text_share=0.0, text_on_product=0.0, mask_source="ground", white_share=1.0, plain_share=1.0,
    background="#ffffff", product_share=0.5, fill=0.85, off_centre_x=0.0, off_centre_y=0.0,
    cut_off=(), edge_width=1.0, brightness=0.5, shadowed_share=0.0, burnt_share=0.0,
    colours=(RED,), mask=b"png",
)  # fmt: skip
WANTED = products.Wanted(date(2026, 1, 5), "r", ("zalando", "catalogue"), 15.0)


def row(uri, position, facts=PLAIN, **changes):
    told = rows.of_facts(dataclasses.replace(facts, **changes)) if facts else {}
    return told | {
        "image_uri": uri, "position": position, "file_bytes": 90_000, "file_format": "JPEG",
    }  # fmt: skip


def tables(*shown, wanted=WANTED):
    kind = pa.struct([pa.field("position", pa.int32()), pa.field("image_uri", pa.string()), *FACTS])
    batch = pa.record_batch(
        {
            "product_id": ["a"],
            **{name: ["Tops"] for name in products.COHORT},
            "shown": pa.array([list(shown)], pa.list_(kind)),
        }
    )
    found = products.tables(batch, wanted)
    assert found["product_colours"].schema == PRODUCT_COLOURS.schema
    assert found["ready_for"].schema == READY_FOR.schema
    return found["product_colours"].to_pylist()[0], found["ready_for"].to_pylist()


def test_facts_come_back_from_their_row_as_they_were():
    told = rows.of_facts(PLAIN)
    assert rows.facts_of(told) == dataclasses.replace(PLAIN, mask=b"")


def test_the_colours_are_of_the_most_typical_picture_and_the_strange_one_is_told():
    shown = [
        row(f"{n}.jpg", n, colours=(colour,)) for n, colour in enumerate((BLUE, RED, DARK_RED))
    ]
    colours, _ = tables(*shown)
    assert colours["disagree"] is True
    assert colours["apart_image_uri"] == "0.jpg"
    assert colours["colours"][0] in (RED.hex, DARK_RED.hex)
    colours, _ = tables(*shown[1:])
    assert colours["disagree"] is False
    assert 0 < colours["apart"] < 15
    assert colours["pictures"] == 2


def test_a_product_that_a_marketplace_takes_and_one_whose_picture_is_too_small():
    _, (zalando, _) = tables(row("a.jpg", 1))
    assert zalando["ready"] is True
    assert "packshot" not in zalando["rules"]
    _, (zalando, _) = tables(row("a.jpg", 1, width=500, height=720))
    failing = dict(zip(zalando["rules"], zalando["remedies"], strict=True))
    assert zalando["ready"] is False
    assert failing["width"] == "re-export"
    assert set(zalando["images"]) <= {"a.jpg", ""}


def test_a_picture_without_facts_is_counted_and_a_product_without_any_is_not_ready():
    _, ready = tables(row("a.jpg", 1), row("b.jpg", 2, facts=None))
    assert {(one["judged"], one["unjudged"]) for one in ready} == {(1, 1)}
    colours, ready = tables()
    assert (colours["pictures"], colours["colours"], colours["apart"]) == (0, None, None)
    assert [one["ready"] for one in ready] == [False, False]


def test_an_unknown_marketplace_is_told_in_one_line():
    with pytest.raises(UnposedError, match="no marketplace nowhere"):
        tables(row("a.jpg", 1), wanted=dataclasses.replace(WANTED, marketplaces=("nowhere",)))
