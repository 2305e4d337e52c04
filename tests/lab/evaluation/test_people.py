"""Persons found and joints in their places, on tables whose answers are known."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from unposed_jobs.config import PoseSettings
from unposed_jobs.embedding.topology import BLAZEPOSE_33
from unposed_jobs.lab.evaluation import people, protocols
from unposed_jobs.pose.estimator import PoseEstimate


def test_false_persons_and_persons_found():
    found = protocols.false_persons(
        [True, True, False, False, False], [True, False, True, False, False], list("aabbc")
    )
    assert found.figures["false_persons"].value == pytest.approx(1 / 3)
    assert found.figures["persons_found"].value == 0.5
    everyone = found.baselines["a person in every picture"]
    assert (everyone["false_persons"].value, everyone["persons_found"].value) == (1, 1)
    coin = found.baselines["coin of the same rate"]
    assert [coin[name].value for name in coin] == pytest.approx([0.4, 0.4])


def test_joints_must_all_be_near_and_nobody_found_is_wrong():
    truth = np.zeros((4, 2, 2))
    found = truth.copy()
    found[1, 0] = (0, 26)  # Just too far: the torso is 100 long.
    found[2, 0] = (0, 300)  # Far, but not in the frame.
    found[3] = np.nan
    asked = np.ones((4, 2), dtype=bool)
    asked[2, 0] = False
    result = protocols.joint_places(
        found, truth, asked, list("abcd"), torso=np.full(4, 100.0), guess=truth + 1000
    )
    assert result.figures["found"].value == 0.75
    assert result.figures["placed"].value == 0.5
    rival = result.baselines["mean place in other products"]
    assert rival["placed"].value == 0


def _pictures(tmp_path, shift):
    """Ten products, one chest crop each, found `shift` of the width beside the truth."""
    rows, joints = [], []
    places = {"shoulder": (0.3, 0.1), "hip": (0.3, 0.9), "knee": (0.3, 1.5)}
    for number in range(10):
        uri = f"pictures/P{number}/1.jpg"
        body = np.zeros((33, 5), dtype=np.float32)
        for part, (x, y) in places.items():
            for side, across in (("left", x + 0.4), ("right", x)):
                joints.append((uri, 1, f"{side}_{part}", across, y, 1))
                row = BLAZEPOSE_33.index(f"{side}_{part}")
                body[row] = (across + shift, y, 0, 1, 1)
        rows.append(
            {"image_uri": f"{tmp_path}/{uri}", "product_id": f"P{number}", "label": "chest"}
            | {"framing": "chest", "status": "ok" if number else "no_person"}
            | {"width": 100, "height": 200, "landmarks": body.ravel().tolist() if number else None}
        )
    (tmp_path / "truth").mkdir(exist_ok=True)
    columns = ["image_uri", "person", "joint", "x", "y", "in_frame"]
    pd.DataFrame(joints, columns=columns).to_csv(tmp_path / "truth" / "joints.csv", index=False)
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("shift", "placed"), [(0.0, 0.9), (0.3, 0.9), (0.5, 0.0)])
def test_rendered_joints_are_held_against_the_truth_in_pixels(tmp_path, shift, placed):
    # The torso is 0.8 x 200 pixels long, so a quarter of it is 0.4 of the width.
    entries = people.rendered("data", _pictures(tmp_path, shift), tmp_path / "truth")
    by_name = {(entry.result.protocol, entry.group): entry.result for entry in entries}
    assert by_name["joint_places", "chest"].figures["placed"].value == pytest.approx(placed)
    assert by_name["false_persons", "chest"].figures["persons_found"].value == 0.9
    assert ("joint_places", "legs") not in by_name


def test_pictures_in_folders_are_counted_by_whether_they_show_people(tmp_path, monkeypatch):
    for name, shades in {"flatlay/hat": (0, 255), "coco-people": (255, 255, 0)}.items():
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for number, shade in enumerate(shades):
            Image.new("RGB", (32, 32), (shade,) * 3).save(folder / f"{number}.png")
    (tmp_path / "flatlay" / "broken.jpg").write_bytes(b"no picture")

    class Bright:
        """Takes what is bright for a person."""

        estimator_id = "bright"

        def estimate(self, pictures):
            body = np.zeros((33, 5), dtype=np.float32)
            return [
                PoseEstimate(body, 1.0, 1) if p.mean() > 100 else PoseEstimate(None, 0.0, 0)
                for p in pictures
            ]

        def close(self):
            pass

    monkeypatch.setattr("unposed_jobs.pose.estimators.create", lambda settings: Bright())
    entries = people.real(people.look(tmp_path, PoseSettings()))
    by_group = {entry.group: entry.result for entry in entries}
    assert set(by_group) == {"", "flatlay", "coco-people"}
    assert by_group["flatlay"].pictures == 2
    assert by_group["flatlay"].figures["false_persons"].value == 0.5
    assert by_group["coco-people"].figures["persons_found"].value == pytest.approx(2 / 3)
    assert people.real(people.look(tmp_path / "nothing", PoseSettings())) == []
