"""A made skeleton as the second look sees it."""

import numpy as np

from unposed_jobs.pose.second_look.looking import INNER, POINTS, Sightings


def standing(count: int = 1) -> Sightings:
    """An upright skeleton in squares of 400 pixels, the same in all."""
    points = np.full((count, POINTS, 2), 200.0, np.float32)
    for rows, y, apart in (([11, 12], 120, 40), ([23, 24], 200, 30), ([25, 26], 280, 30)):
        points[:, rows, 1] = y
        points[:, rows[0], 0], points[:, rows[1], 0] = 200 + apart, 200 - apart
    points[:, 27:33, 1] = 360
    points[:, 33], points[:, 34] = (200, 200), (200, 40)
    sure = np.full((count, POINTS), 0.9, np.float32)
    regions = np.tile(np.array([200, 200, 400, 0], np.float32), (count, 1))
    depth = np.zeros((count, POINTS), np.float32)
    scores = np.linspace(0.9, 0.5, count, dtype=np.float32)
    inside = np.zeros((count, 2 * INNER), np.float32)
    return Sightings(regions, points, depth, sure, sure.copy(), sure.copy(), scores, inside)
