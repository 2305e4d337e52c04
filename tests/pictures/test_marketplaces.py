"""Marketplaces' rules: read, sourced, and judged on facts."""

from dataclasses import replace
from datetime import date

import pytest

from unposed_jobs.errors import UnposedError
from unposed_jobs.pictures import classes, colours, standards
from unposed_jobs.pictures.facts import PictureFacts
from unposed_jobs.pictures.standards import Listed

WANTED = {
    "amazon", "zalando", "about-you", "ajio", "myntra", "tata-cliq", "walmart", "google-merchant",
    "catalogue",
}  # fmt: skip

FACTS = PictureFacts(
    content_sha256="", facts_version="", width=1801, height=2600, shortest_side=1801,
    longest_side=2600, aspect_ratio=1801 / 2600, image_class=classes.PRODUCT,
    class_probability=1.0, class_by_rule=classes.PRODUCT, face_score=0.0, person_count=0,
    person_probability=0.0, kind="flat_lay", view=None, footwear=0.0, text_boxes=0, words=0,
    text_share=0.0, text_on_product=0.0, mask_source="ground", white_share=1.0, plain_share=1.0,
    background="#ffffff", product_share=0.5, fill=0.86, off_centre_x=0.0, off_centre_y=0.0,
    cut_off=(), edge_width=1.0, brightness=0.4, shadowed_share=0.0, burnt_share=0.0,
)  # fmt: skip


def listed(name: str = "1.jpg", **changed: object) -> Listed:
    file = {"file_bytes": 900_000, "file_format": "JPEG"}
    file |= {key: changed.pop(key) for key in list(changed) if key in file}
    return Listed(name, replace(FACTS, **changed), **file)


def failing(market: str, *pictures: Listed, part: str | None = None) -> set[tuple[str, str]]:
    told = standards.judge(standards.market(market), pictures, part)
    return {(one.rule.rule, one.picture) for one in told if one.rule.level == standards.MUST}


def test_every_rule_has_its_source_its_day_and_how_sure_it_is() -> None:
    assert set(standards.names()) >= WANTED
    for name in standards.names():
        market = standards.market(name)
        assert market.frame.least_width <= market.frame.width
        for rule in market.rules:
            assert rule.source
            assert date.fromisoformat(rule.read) >= date(2026, 1, 1)
            assert rule.confidence in ("marketplace", "second-hand", "conflicting", "paper", "ours")


def test_what_keeps_all_rules_is_ready() -> None:
    assert failing("zalando", listed()) == set()
    assert standards.ready(standards.judge(standards.market("zalando"), [listed()]))


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"aspect_ratio": 0.75}, "ratio"),
        ({"width": 700}, "width"),
        ({"height": 1000}, "height"),
        ({"file_bytes": 21_000_000}, "file_size"),
        ({"file_format": "PNG"}, "file_format"),
        ({"edge_width": 2.6}, "sharp"),
        ({"white_share": 0.5}, "white"),
    ],
)
def test_each_failing_rule_is_told_with_its_picture(changed, rule) -> None:
    assert failing("zalando", listed(), listed("2.jpg", **changed)) == {(rule, "2.jpg")}


def test_a_model_s_background_need_not_be_white() -> None:
    model = listed("2.jpg", image_class=classes.MODEL, white_share=0.0)
    assert failing("zalando", listed(), model) == set()


def test_what_was_not_measured_is_not_judged() -> None:
    fabric = listed("2.jpg", fill=None, product_share=None, words=None, edge_width=0.0,
                    white_share=0.0, off_centre_x=None, off_centre_y=None)  # fmt: skip
    assert failing("zalando", listed(), fabric) == set()


def test_products_fail_as_a_whole() -> None:
    assert ("packshot", "") in failing("zalando", listed(image_class=classes.MODEL))
    told = failing("about-you", listed(width=1500, height=2000, aspect_ratio=0.75))
    assert told == {("model", "")}


def test_shoes_need_no_model() -> None:
    pictures = [listed(str(n), width=1500, height=2000, aspect_ratio=0.75) for n in range(4)]
    assert failing("about-you", *pictures, part="shoes") == set()


def test_the_main_picture_is_the_first() -> None:
    tinted = listed("2.jpg", white_share=0.1)
    assert failing("amazon", listed(), tinted) == set()
    assert ("white", "2.jpg") in failing("amazon", tinted, listed())


def test_a_picture_of_another_colour_is_told() -> None:
    blue, red = (colours.named(tuple(bytes.fromhex(one))) for one in ("203060", "b02030"))
    pictures = [listed(f"{n}.jpg", colours=(one,)) for n, one in enumerate((blue, blue, red))]
    told = standards.judge(standards.market("catalogue"), pictures)
    assert [(one.rule.rule, one.picture) for one in told] == [("one_colour", "2.jpg")]
    assert standards.ready(told)


def test_a_ratio_is_mended_by_a_crop_where_there_is_room() -> None:
    (wide,) = standards.judge(
        standards.market("zalando"),
        [listed(image_class=classes.MODEL, aspect_ratio=1.0, product_share=0.2, white_share=0.0)],
    )[:1]
    assert (wide.rule.rule, wide.remedy) == ("ratio", "crop")
    (cut,) = standards.judge(
        standards.market("zalando"),
        [listed(image_class=classes.MODEL, aspect_ratio=1.0, cut_off=("left",))],
    )[:1]
    assert cut.remedy == "cut_out"


def test_a_marketplace_nobody_knows() -> None:
    with pytest.raises(UnposedError, match=r"no marketplace zalund; known: .*zalando"):
        standards.market("zalund")


def test_one_s_own_rules(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    frame = "[frame]\nwidth=9\nheight=9\nleast_width=1\nleast_height=1\nfill=1\nbackground='#fff'\n"
    rule = "[[rules]]\nrule='wide'\nmeasure='width'\nat_least=9000\nsource='us'\nread=2026-01-02\n"
    path.write_text(f"title = 'Mine'\n{frame}{rule}confidence='ours'\n")
    assert failing(str(path), listed()) == {("wide", "1.jpg")}
    path.write_text(f"title = 'Mine'\n{frame}{rule.replace('width', 'wdth', 1)}confidence='ours'\n")
    standards.market.cache_clear()
    with pytest.raises(UnposedError, match="unknown wdth"):
        standards.market(str(path))
