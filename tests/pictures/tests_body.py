"""A standing person's landmarks, by hand: 100 x 200 pixels, facing the camera."""

import numpy as np

from unposed_jobs.pictures import body
from unposed_jobs.pose.topology import BLAZEPOSE33, BLAZEPOSE33_INDEX

PLACES = {
    "nose": (50, 20), "mouth_left": (52, 25), "mouth_right": (48, 25), "left_eye": (53, 17),
    "right_eye": (47, 17), "left_shoulder": (65, 40), "right_shoulder": (35, 40),
    "left_elbow": (70, 65), "right_elbow": (30, 65), "left_wrist": (72, 88),
    "right_wrist": (28, 88), "left_hip": (60, 90), "right_hip": (40, 90), "left_knee": (60, 135),
    "right_knee": (40, 135), "left_ankle": (60, 180), "right_ankle": (40, 180),
    "left_heel": (60, 186), "right_heel": (40, 186), "left_foot_index": (64, 190),
    "right_foot_index": (36, 190),
}  # fmt: skip
HANDS = {"index": 6, "pinky": 5, "thumb": 4}


def landmarks(**moved: tuple[float, float]) -> np.ndarray:
    places = PLACES | moved
    table = np.zeros((33, 5), np.float32)
    for name in BLAZEPOSE33:
        side, _, part = name.partition("_")
        if name in places:
            place = places[name]
        elif part in HANDS:
            wrist = places[f"{side}_wrist"]
            place = (wrist[0], wrist[1] + HANDS[part])
        else:
            place = places["nose"]
        table[BLAZEPOSE33_INDEX[name]] = (place[0] / 100, place[1] / 200, 0, 1, 1)
    return table


def standing(**moved: tuple[float, float]) -> body.Body:
    return body.of_landmarks(landmarks(**moved), 100, 200)
