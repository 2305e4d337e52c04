import numpy as np
import pytest
from landmark_figures import Pose, coco, figure, figures

from unposed_jobs.embedding import features
from unposed_jobs.embedding.features import RATIOS, names, pose_features, ratios_of
from unposed_jobs.embedding.topology import BLAZEPOSE_33, COCO_17
from unposed_jobs.pose import statistics
from unposed_jobs.vocabulary import naming

EXPECTED = {
    Pose("front", "full"): ("full body, front", "FULL"),
    Pose("back", "full"): ("full body, back", "BACK"),
    Pose("front", "upper"): ("upper body, front", "FRNT"),
    Pose("back", "upper"): ("upper body, back", "BACK"),
    Pose("left", "upper"): ("upper body, left side", "SIDE"),
    Pose("right", "full"): ("full body, right side", "SIDE"),
    Pose("front", "chest"): ("chest, front", "CHST"),
    Pose("back", "legs"): ("legs, back", "LEGS"),
}


def medians(poses: list[Pose], seventeen: bool = False) -> list[dict[str, float]]:
    topology = COCO_17 if seventeen else BLAZEPOSE_33
    first = names(topology).index(RATIOS[0])
    rows = []
    for seed, pose in enumerate(poses):
        landmarks = figures([pose] * 9, seed)
        seen = pose_features(coco(landmarks) if seventeen else landmarks)
        rows.append(naming.ratio_medians(seen[:, first : first + 10]))
    return rows


@pytest.mark.parametrize("seventeen", [False, True])
def test_names_say_framing_and_view(seventeen: bool) -> None:
    found = naming.name_poses(medians(list(EXPECTED), seventeen))
    assert [(item.name, item.shot_code) for item in found] == list(EXPECTED.values())


def test_a_class_of_both_sides_is_neither_left_nor_right() -> None:
    ratios = np.zeros((10, 10))
    ratios[:, RATIOS.index("head")] = 1
    ratios[:, RATIOS.index("hips")] = 1
    ratios[:, [RATIOS.index("knees"), RATIOS.index("ankles")]] = -1
    ratios[::2, RATIOS.index("profile")] = 0.8
    ratios[1::2, RATIOS.index("profile")] = -0.7
    assert naming.name_poses([naming.ratio_medians(ratios)])[0].name == "upper body, side"


def test_two_classes_of_one_name_are_told_apart_by_what_differs() -> None:
    found = naming.name_poses(medians([Pose(), Pose(arms_up=True)]))
    assert [item.name for item in found] == [
        "full body, front, arms down",
        "full body, front, arms raised",
    ]


def test_names_are_unique_even_of_equal_classes() -> None:
    found = naming.name_poses(medians([Pose()]) * 4)
    assert len({item.name for item in found}) == 4
    assert found[0].name == "full body, front"


def chart(**changed: float) -> dict[str, float]:
    return dict.fromkeys(statistics.NAMES, 0.3) | {"enclosed_share": 0.1} | changed


def test_pictures_without_a_person_are_named_by_their_statistics() -> None:
    found = naming.name_no_person(
        [
            chart(text_transitions=0.5, white_share=0.8, border_uniformity=0.9),
            chart(texture_evenness=0.9, border_uniformity=0.9, centre_border_contrast=0.04),
            chart(border_uniformity=0.97, text_transitions=0.0),
            chart(border_uniformity=0.4, texture_evenness=0.4, text_transitions=0.0),
            {},
        ]
    )
    assert [item.name for item in found] == [
        "size chart or text",
        "fabric close-up",
        "flat lay",
        "cropped body or detail",
        "no person",
    ]
    assert [item.shot_code for item in found] == ["SIZE", "FABR", "FLAT", "DETL", "OTHR"]


def test_a_chart_need_not_be_white_and_a_striped_fabric_is_no_chart() -> None:
    found = naming.name_no_person(
        [
            chart(text_transitions=0.1, horizontal_lines=0.4, white_share=0.0),
            chart(
                text_transitions=0.1,
                horizontal_lines=0.1,
                white_share=0.0,
                texture_evenness=0.9,
                centre_border_contrast=0.03,
            ),
        ]
    )
    assert [item.shot_code for item in found] == ["SIZE", "FABR"]


def test_one_framing_and_view_is_one_shot_whichever_way_it_is_turned() -> None:
    seen = medians([Pose(), Pose("back"), Pose(arms_up=True), Pose("back"), Pose("front", "upper")])
    assert naming.shots(seen) == [0, 1, 2, 1, 4]
    turned = [
        seen[0] | {"shoulder_width": 0.7, "facing": 0.5, "turned": 0.6, "profile": side}
        for side in (0.6, -0.6)
    ]
    assert naming.shots([seen[0], *turned]) == [0, 1, 1]
    assert naming.shots([seen[4], seen[4] | {"scale": seen[4]["scale"] - 0.4}]) == [0, 0]


def test_a_quarter_turn_of_chest_or_legs_is_no_other_shot_and_of_an_upper_body_it_is() -> None:
    for framing, alike in (("chest", True), ("legs", True), ("upper", False)):
        front, turned = medians([Pose("front", framing)] * 2)
        turned |= {"facing": 0.5}
        assert (len(set(naming.shots([front, turned]))) == 1) == alike


def test_a_close_up_tells_no_quarter_turn() -> None:
    chest = medians([Pose("front", "chest")])[0]
    near = chest | {"head": -1.0, "hips": -1.0, "knees": -1.0, "ankles": -1.0, "facing": 0.5}
    assert naming.name_poses([near])[0].name == "close-up, front"


def test_both_sides_are_one_shot_only_where_asked() -> None:
    seen = medians([Pose("left", "upper"), Pose("right", "upper"), Pose("right", "full")])
    assert naming.shots(seen) == [0, 1, 2]
    assert naming.shots(seen, sides=False) == [0, 0, 2]


def test_a_side_view_shows_one_leg_and_is_a_full_body() -> None:
    side = medians([Pose("left", "full")])[0] | {"knees": 0.0, "ankles": 0.0}
    assert naming.name_poses([side])[0].name == "full body, left side"


def test_one_kind_of_picture_without_a_person_is_one_group() -> None:
    flat = chart(border_uniformity=0.97, text_transitions=0.0)
    rows = [flat, chart(border_uniformity=0.3, text_transitions=0.0), flat | {"luma_mean": 0.9}]
    assert naming.kinds(rows) == [0, 1, 0]


def test_a_thing_within_an_outline_is_a_flat_lay_on_any_ground() -> None:
    uneven = chart(border_uniformity=0.5, texture_evenness=0.6, text_transitions=0.0)
    striped = uneven | {"centre_border_contrast": 0.1, "enclosed_share": 0.0}
    found = naming.name_no_person([uneven | {"enclosed_share": 0.45}, striped, uneven])
    assert [item.shot_code for item in found] == ["FLAT", "FABR", "DETL"]


FRAMINGS = {"full": "full body", "upper": "upper body", "chest": "chest", "legs": "legs"}


def read(pose: Pose, seed: int, noise: float = 1.0) -> set[str]:
    rng = np.random.default_rng(seed)
    landmarks = np.stack([figure(pose, rng, noise) for _ in range(9)])
    landmarks[..., 2] /= features._DEPTH_GAIN  # As an estimator exaggerates it.
    first = names(BLAZEPOSE_33).index(RATIOS[0])
    return set(naming.readings(pose_features(landmarks)[:, first : first + 10]).tolist())


@pytest.mark.parametrize("frame", FRAMINGS)
@pytest.mark.parametrize("view", ["front", "back"])
def test_framing_and_view_are_read_off_every_picture(view: str, frame: str) -> None:
    assert read(Pose(view, frame), 4) == {f"{FRAMINGS[frame]}, {view}"}


@pytest.mark.parametrize("frame", ["full", "upper"])
def test_side_and_three_quarter_views_are_read_off_every_picture(frame: str) -> None:
    assert read(Pose("left", frame), 5) == {f"{FRAMINGS[frame]}, left side"}
    assert read(Pose("right", frame), 6) == {f"{FRAMINGS[frame]}, right side"}
    for turn in (-45, 45):
        assert read(Pose("front", frame, turn=turn), 7, noise=0.5) == {
            f"{FRAMINGS[frame]}, three-quarter front"
        }


def test_large_prints_without_a_ground_are_cloth_and_a_thing_on_a_plain_one_is_not() -> None:
    print_ = chart(
        enclosed_share=0.4,
        border_uniformity=0.5,
        texture_evenness=0.5,
        centre_border_contrast=0.05,
        text_transitions=0.0,
    )
    found = naming.name_no_person([print_, print_ | {"border_uniformity": 0.95}])
    assert [item.shot_code for item in found] == ["FABR", "FLAT"]


def test_each_picture_is_read_as_its_class_would_be_named() -> None:
    seen = pose_features(figures([Pose(), Pose("back", "upper"), Pose("front", "legs")], 1))
    first = names(BLAZEPOSE_33).index(RATIOS[0])
    assert naming.readings(seen[:, first : first + 10]).tolist() == [
        "full body, front",
        "upper body, back",
        "legs, front",
    ]


def test_a_turned_person_without_hips_is_no_close_up() -> None:
    shot = figures([Pose("front", "upper", turn=42)])
    shot[..., 2] *= np.tan(np.deg2rad(65)) / np.tan(np.deg2rad(42))  # As BlazePose tells it.
    hips = [BLAZEPOSE_33.index(f"{side}_hip") for side in ("left", "right")]
    shot[:, hips, 3:] = 0
    first = names(BLAZEPOSE_33).index(RATIOS[0])
    ratios = pose_features(shot)[:, first : first + len(RATIOS)]
    assert ratios[0, RATIOS.index("scale")] > 0.5
    assert naming.readings(ratios).tolist() == ["upper body, three-quarter front"]


def test_a_three_quarter_view_is_the_middle_third_of_a_right_angle() -> None:
    seen = medians([Pose("front", "full")])[0] | {"profile": 0.8}
    row = [seen[name] for name in RATIOS]
    facing = RATIOS.index("facing")
    told = []
    for yaw in (20, 28, 32, 58, 62, 90, 118, 122, 148, 152):
        row[facing] = 1 - yaw / 90
        told.append(naming.readings(np.array([row])).item().removeprefix("full body, "))
    assert told == [
        *["front"] * 2,
        *["three-quarter front"] * 2,
        *["right side"] * 3,
        *["three-quarter back"] * 2,
        "back",
    ]


@pytest.mark.parametrize("seventeen", [False, True])
def test_of_what_shows_neither_shoulders_nor_hips_no_view_is_told(seventeen: bool) -> None:
    landmarks = figure(Pose("front", "chest"))[None]
    pairs = [BLAZEPOSE_33.index(f"{s}_{p}") for p in ("shoulder", "hip") for s in ("left", "right")]
    landmarks[:, pairs, 3:] = 0.05
    seen = ratios_of(pose_features(coco(landmarks) if seventeen else landmarks))
    assert naming.readings(seen).tolist() == ["close-up"]
    (named,) = naming.name_poses([naming.ratio_medians(np.repeat(seen, 5, axis=0))])
    assert (named.name, named.shot_code) == ("close-up", "DETL")


def test_a_chest_whose_shoulders_are_half_seen_is_seen_from_the_front_all_the_same() -> None:
    landmarks = figure(Pose("front", "chest"))[None]
    landmarks[:, [BLAZEPOSE_33.index(f"{s}_hip") for s in ("left", "right")], 3:] = 0
    for stated in (0.9, 0.55, 0.45):
        landmarks[:, BLAZEPOSE_33.index("left_shoulder"), 3:] = stated
        (read,) = naming.readings(ratios_of(pose_features(landmarks))).tolist()
        assert read.endswith(", front"), stated


@pytest.mark.parametrize("seventeen", [False, True])
@pytest.mark.parametrize(("turn", "view"), [(20, "front"), (45, "three-quarter front")])
def test_a_slight_turn_is_a_front_view(seventeen: bool, turn: float, view: str) -> None:
    landmarks = figure(Pose("front", "full", turn=turn))[None]
    landmarks[..., 2] /= features._DEPTH_GAIN  # As an estimator exaggerates it.
    seen = ratios_of(pose_features(coco(landmarks) if seventeen else landmarks))
    assert naming.readings(seen).tolist() == [f"full body, {view}"]


def test_an_even_texture_on_a_plain_ground_may_be_a_thing_that_ends_within_the_frame() -> None:
    fabric = chart(text_transitions=0.0, horizontal_lines=0.1, centre_border_contrast=0.1)
    fabric |= {"enclosed_share": 0.0, "border_uniformity": 0.95}
    rows = [
        [row.get(name, 0.5) for name in statistics.NAMES]
        for row in (fabric | {"texture_evenness": even} for even in (0.75, 0.85))
    ]
    assert naming.kind_readings(np.array(rows)).tolist() == [naming.FLAT_LAY, naming.FABRIC]


def test_a_class_s_shot_is_its_framing_and_view_whichever_side() -> None:
    for view, wanted in (("left", "side"), ("right", "side"), ("back", "back")):
        assert naming.shot(medians([Pose(view, "full")])[0]) == naming.Shot("full body", wanted)
    assert naming.shot(dict.fromkeys(RATIOS, 0.0) | {"head": -1.0}) is None
