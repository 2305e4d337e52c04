"""Colours: the difference, the clusters, the names, and what a product is about."""

import io

import cv2
import numpy as np
import pytest
import tests_body
from PIL import Image

from unposed_jobs.pictures import body, colours, facts, masks

EVERYWHERE = np.ones((60, 60), bool)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        # Sharma, Wu & Dalal 2005, table 1: pairs 1, 7, 13, 17, 19, 24 and 33.
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, -0.0010, 2.4900), (50.0, 0.0011, -2.4900), 4.7461),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ],
)
def test_the_difference_of_two_colours(one, other, apart) -> None:
    assert colours.delta_e(one, other) == pytest.approx(apart, abs=1e-4)
    assert colours.delta_e(other, one) == pytest.approx(apart, abs=1e-4)


def test_a_shaded_cloth_has_one_colour() -> None:
    shade = np.linspace(0.75, 1.0, 60)[None, :, None]
    picture = np.uint8(np.array([40, 80, 160]) * shade * np.ones((60, 1, 1)))
    (found,) = colours.dominant(picture, EVERYWHERE)
    assert found.share == 1.0
    assert found.name in ("royalblue", "steelblue", "darkslateblue")


def test_stripes_have_two_the_larger_first() -> None:
    picture = np.full((60, 60, 3), (200, 30, 40), np.uint8)
    picture[:, ::3] = (245, 245, 240)
    found = colours.dominant(picture, EVERYWHERE)
    assert [one.share for one in found] == pytest.approx([2 / 3, 1 / 3], abs=0.03)
    assert found[0].rgb == pytest.approx((200, 30, 40), abs=3)
    assert found[1].rgb == pytest.approx((245, 245, 240), abs=3)


def test_of_a_few_pixels_no_colour_is_told() -> None:
    inside = np.zeros((60, 60), bool)
    inside[0, :5] = True
    assert colours.dominant(np.zeros((60, 60, 3), np.uint8), inside) == []


def test_a_swatch_is_a_square_of_the_colour() -> None:
    one = colours.named((255, 0, 0))
    image = Image.open(io.BytesIO(colours.swatch(one)))
    assert (one.name, one.hex) == ("red", "#ff0000")
    assert image.size == (50, 50)
    assert image.getcolors() == [(2500, (255, 0, 0))]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("Tops", "T-shirts"), "upper_garment"),
        (("Dresses", "Day dresses"), "dress"),
        (("Men", "Dress shirts"), "upper_garment"),
        (("Bottoms", "Shorts"), "lower_garment"),
        (("Outerwear", "Jackets"), "outer_garment"),
        (("Shoes", "Ankle boots"), "shoes"),
        (("Accessories", "Baseball caps"), "head"),
        (("something",), "upper_garment"),
    ],
)
def test_what_a_product_is_about(words, part) -> None:
    assert colours.part_of(words) == part


def test_every_part_has_pixels_of_a_standing_person(standing_body) -> None:
    inside = np.ones((200, 100), bool)
    for part in colours.PARTS:
        assert colours.part_mask(standing_body, inside, part).any(), part
    empty = np.zeros((200, 100), bool)
    assert not colours.part_mask(standing_body, empty, "dress").any()


def test_an_arm_before_the_cloth_is_none_of_it() -> None:
    inside = np.ones((200, 100), bool)
    crossed = {"left_elbow": (60, 68), "left_wrist": (45, 62)}
    clear = colours.part_mask(tests_body.standing(**crossed), inside, "upper_garment")
    assert not clear[62:64, 45:50].any()
    assert not clear[66:68, 56:59].any()
    assert clear[52:56, 46:58].all()


def test_from_the_side_the_cloth_is_seen_beside_the_arm() -> None:
    beside = {
        "left_shoulder": (51, 40), "right_shoulder": (49, 40), "left_hip": (51, 90),
        "right_hip": (49, 90), "left_elbow": (50, 65), "right_elbow": (50, 65),
        "left_wrist": (50, 88), "right_wrist": (50, 88),
    }  # fmt: skip
    found = colours.part_mask(
        tests_body.standing(**beside), np.ones((200, 100), bool), "upper_garment"
    )
    assert found.any()
    assert not found[:, 48:53].any()


def test_of_an_open_jacket_what_is_worn_below_does_not_count() -> None:
    narrow = {"left_hip": (55, 90), "right_hip": (45, 90), "left_wrist": (72, 84)}
    found = colours.part_mask(
        tests_body.standing(**narrow), np.ones((200, 100), bool), "outer_garment"
    )
    assert found.any()
    assert not found[:, 42:59].any()


@pytest.fixture
def standing_body() -> body.Body:
    return tests_body.standing()


def told(*hexes: str) -> list[colours.Colour]:
    return [colours.named(tuple(bytes.fromhex(one)), 1 / len(hexes)) for one in hexes]


def test_pictures_that_agree_share_a_colour() -> None:
    apart, _ = colours.disagreement([told("203060", "f0f0f0"), told("eeeeee", "223364")])
    assert apart < 5


def test_the_picture_of_another_product_is_told() -> None:
    pictures = [told("203060"), [], told("223364"), told("b02030"), told("1e2e5e")]
    apart, which = colours.disagreement(pictures)
    assert which == 3
    assert apart > 30


def test_a_lighter_fabric_that_some_pictures_are_like_is_no_other_product_s() -> None:
    worn = [told("a6a4a8")] * 3
    apart, _ = colours.disagreement([*worn, told("d8d8da"), told("e4e4e8"), told("edeef3")])
    alone, which = colours.disagreement([*worn, told("edeef3")])
    assert which == 3
    assert apart < alone


def lit(hexed: str, times: float) -> str:
    """The colour of a cloth under so many times the light."""
    linear = (np.array(list(bytes.fromhex(hexed))) / 255) ** 2.2
    return bytes(np.rint(255 * np.minimum(times * linear, 1) ** (1 / 2.2)).astype(np.uint8)).hex()


def test_a_fabric_under_more_light_is_the_same_cloth_and_another_hue_is_not() -> None:
    worn = [told("9a4a20")] * 4
    same, _ = colours.disagreement([*worn, told(lit("9a4a20", 2.0))])
    other, which = colours.disagreement([*worn, told("7a6a20")])
    assert which == 4
    assert same < 10 < 15 < other


def test_stripes_of_the_skin_s_colour_are_no_arm() -> None:
    rows, columns = 400, 200
    scale = np.array([2.0, 2.0])
    beside = {
        "left_shoulder": (51, 40), "right_shoulder": (49, 40), "left_hip": (51, 90),
        "right_hip": (49, 90),
    }  # fmt: skip
    body = tests_body.standing(**beside)
    assert body.view == "side"
    skin, orange = (226, 190, 180), (222, 118, 62)
    picture = np.full((rows, columns, 3), orange, np.uint8)
    picture[::12] = picture[1::12] = skin
    nose = body.at("nose") * scale
    cv2.circle(picture, (int(nose[0]), int(nose[1])), 12, skin, -1)
    arm = np.s_[100:170, 110:130]
    picture[arm] = skin
    inside = np.zeros((rows, columns), bool)
    inside[90:180, 70:130] = True
    kept = colours.without_skin(picture, inside, body, np.ones((rows, columns), bool))
    assert kept[90:180, 70:108].all()
    assert not kept[104:166, 114:126].any()


def test_a_part_that_is_hardly_anything_of_the_person_has_no_colour() -> None:
    picture = np.full((200, 100, 3), (40, 60, 120), np.uint8)
    everywhere = masks.Mask(np.full((200, 100), 255, np.uint8), masks.OUTLINE)
    small = {
        name: (50 + (x - 50) * 0.2, 100 + (y - 65) * 0.2)
        for name, (x, y) in tests_body.PLACES.items()
    }
    shown = (tests_body.standing(), tests_body.standing(**small))
    shown_colours = [facts.product_colours(picture, everywhere, one, None, None) for one in shown]
    assert [len(one) for one in shown_colours] == [1, 0]


def test_one_picture_cannot_disagree() -> None:
    assert colours.disagreement([told("203060"), []]) is None
