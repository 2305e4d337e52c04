"""The card of videos and of worth: a section a command, from the figures that it writes."""

import json

from unposed_jobs.lab.evaluation.influence.figures import Figure
from unposed_jobs.lab.evaluation.videos import card

SHARES = {
    "seen_bins": 172, "filled_of_seen": 0.97, "unseen_bins": 61, "empty_of_unseen": 0.5,
    "frames": 170, "frames_within_15": 0.941, "frames_in_their_bin": 0.99,
}  # fmt: skip
FOUND = {
    "seed": 7, "day": "2026-01-05", "found": 1.0,
    "orientation": {
        "pictures": 480, "median_error": 3.8, "bins_right": 0.896, "bins_right_of_sure": 0.953,
        "sure": 0.758, "calibration_error": 0.013, "turned_about": 0.002,
        "intervals": {"median_error": [3.6, 4.3]},
    },
    "videos": {
        "videos": 30, "frames": 1077, "coverage_correlation": 0.922,
        "best": SHARES | {"intervals": {"filled_of_seen": [0.9, 1.0]}},
        "first_above_the_bound": SHARES | {"filled_of_seen": 0.983},
        "intervals": {"coverage_correlation": [0.9, 0.94]},
    },
    "attributes": {
        "view": {
            "certainty": 0.75, "random": 0.5, "sharpest": 0.625,
            "better_than_random": [0.1, 0.4], "better_than_sharpest": [-0.1, 0.3],
        }
    },
    "squats": {"frames": 65, "median_between": 7.84},
}  # fmt: skip


def written(tmp_path, kind, content):
    page, figures = tmp_path / "card.md", tmp_path / "figures.json"
    figures.write_text(json.dumps(content))
    assert card.main([kind, str(figures), "--card", str(page)]) == 0
    return page.read_text()


def test_angles_videos_and_attributes_are_held_against_what_is_asked(tmp_path):
    text = written(tmp_path, "videos", FOUND)
    assert text.startswith(card.MARKER)
    assert "| angle: median error, degrees | 480 | 3.800 (3.600–4.300) | ≤ 6 | yes |  |" in text
    assert (
        "| seen bins that are filled | 172 | 0.970 (0.900–1.000) | ≥ 0.95 | yes | 0.983 |" in text
    )
    assert "| unseen bins that stay empty | 61 | 0.500 | ≥ 0.98 | **no** | 0.500 |" in text
    assert "with the truth | 30 | 0.922 (0.900–0.940) | ≥ 0.95 | **no** |  |" in text
    assert "| view: right by certainty | 30 | 0.750 |  |  | 0.500 |" in text
    assert "| view: better than the sharpest by | 30 | 0.125 (-0.100–0.300) |  |  |  |" in text
    assert "`make evaluate-videos`: seed 7; 100.0% of the people found; 30 videos of 1077" in text
    assert "65 frames of a squat video: 7.8 degrees" in text


def test_worth_stands_beside_the_videos_and_leaves_them(tmp_path):
    before = written(tmp_path, "videos", FOUND)
    bias, power = (
        Figure("bias", 0.01, 0.0, 0.08, 200, most=0.1),
        Figure("power", 0.6, 0.5, 0.7, 200),
    )
    figures = [vars(one) | {"asked": one.asked, "holds": one.holds} for one in (bias, power)]
    content = {"notes": ["shops"], "figures": figures, "listings": ["Nothing can be told."]}
    text = written(tmp_path, "influence", content)
    assert text.startswith(before)
    assert "| bias | 200 | 0.010 (0.000–0.080) | ≤ 0.1 | yes |  |" in text
    assert "| power | 200 | 0.600 (0.500–0.700) |  |  |  |" in text
    assert "`make evaluate-influence`: shops." in text
    assert text.endswith("- Nothing can be told.\n")


def test_the_pages_head_is_the_commands(request):
    page = request.config.rootpath / "docs" / "videos-card.md"
    assert page.read_text(encoding="utf-8").startswith(card.CARD.head)
