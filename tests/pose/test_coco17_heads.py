"""Decoding against peaks whose place is known to a fraction of a cell."""

import numpy as np
import pytest

from unposed_jobs.pose.coco17 import heads

ROWS, COLUMNS = 64, 48
RNG = np.random.default_rng(5)
CELLS = RNG.uniform([6, 6], [COLUMNS - 7, ROWS - 7], (3, 17, 2))
HEIGHTS = RNG.uniform(0.3, 0.9, (3, 17))


def bells(cells: np.ndarray, heights: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    """Heat maps (P, 17, 64, 48) with a Gaussian at each (P, 17, 2) place, in cells."""
    x = np.arange(COLUMNS) - cells[..., :1]
    y = np.arange(ROWS) - cells[..., 1:]
    squares = (y**2)[..., :, None] + (x**2)[..., None, :]
    return (heights[..., None, None] * np.exp(-squares / (2 * sigma**2))).astype(np.float32)


def in_cells(found: np.ndarray, codec: str = "msra") -> np.ndarray:
    less = 1 if codec == "udp" else 0
    return found[..., :2] * [COLUMNS - less, ROWS - less]


@pytest.mark.parametrize(("codec", "tolerance"), [("msra", 0.26), ("dark", 0.03), ("udp", 0.03)])
def test_heat_maps_are_read_between_their_cells(codec, tolerance) -> None:
    found = heads.decode_heat_maps(bells(CELLS, HEIGHTS), codec)
    assert found.shape == (3, 17, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(in_cells(found, codec), CELLS, atol=tolerance)
    np.testing.assert_allclose(found[..., 2], HEIGHTS, atol=0.06)


@pytest.mark.parametrize("codec", ["dark", "udp"])
def test_the_peak_is_found_in_a_noisy_map(codec) -> None:
    noisy = bells(CELLS, HEIGHTS) + RNG.normal(0, 0.01, (3, 17, ROWS, COLUMNS)).astype(np.float32)
    error = np.abs(in_cells(heads.decode_heat_maps(noisy, codec), codec) - CELLS)
    assert error.mean() < 0.15
    assert error.max() < 1


def test_udp_counts_the_last_cell_as_the_edge() -> None:
    corner = np.full((1, 17, 2), [COLUMNS - 1, ROWS - 1], float)
    maps = bells(corner, np.ones((1, 17)))
    np.testing.assert_allclose(heads.decode_heat_maps(maps, "udp")[..., :2], 1, atol=0.02)
    plain = heads.decode_heat_maps(maps, "msra")[0, 0, :2]
    np.testing.assert_allclose(plain, [1 - 1 / COLUMNS, 1 - 1 / ROWS], atol=1e-6)


@pytest.mark.parametrize("codec", heads.CODECS)
def test_maps_without_a_peak_have_no_score(codec) -> None:
    for value in (0.0, -3.0):
        found = heads.decode_heat_maps(np.full((2, 17, ROWS, COLUMNS), value, np.float32), codec)
        assert np.isfinite(found).all()
        assert (found[..., 2] == 0).all()


@pytest.mark.parametrize("codec", heads.CODECS)
@pytest.mark.parametrize("cell", [(0, 0), (COLUMNS - 1, 0), (0, ROWS - 1), (1, 1)])
def test_a_peak_at_the_edge_stays_in_the_picture(codec, cell) -> None:
    maps = bells(np.full((1, 17, 2), cell, float), np.full((1, 17), 2.0))
    found = heads.decode_heat_maps(maps, codec)
    np.testing.assert_allclose(in_cells(found, codec), np.full((1, 17, 2), cell), atol=1.0)
    assert found[..., 2].max() == 1  # Cut to a probability.


def test_a_map_is_read_alone() -> None:
    maps = bells(CELLS, HEIGHTS)
    for codec in heads.CODECS:
        together = heads.decode_heat_maps(maps, codec)
        alone = np.concatenate([heads.decode_heat_maps(one[None], codec) for one in maps])
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("ratio", [2, 3])
def test_simcc_is_read_at_any_split_ratio(ratio) -> None:
    width, height = 192, 256
    place = RNG.uniform([4, 4], [width - 4, height - 4], (3, 17, 2))

    def line(at: np.ndarray, side: int, peak: float) -> np.ndarray:
        bins = np.arange(side * ratio) / ratio
        return (peak * np.exp(-((bins - at[..., None]) ** 2) / 30)).astype(np.float32)

    found = heads.decode_simcc(line(place[..., 0], width, 0.7), line(place[..., 1], height, 0.9))
    np.testing.assert_allclose(found[..., :2] * [width, height], place, atol=0.5 / ratio + 1e-3)
    # The worse of the two: a point is no surer than its less sure coordinate.
    np.testing.assert_allclose(found[..., 2], 0.7, atol=0.02)


def test_simcc_scores_are_cut_to_a_probability() -> None:
    x, y = np.full((1, 17, 8), -1.0, np.float32), np.full((1, 17, 8), 4.0, np.float32)
    assert (heads.decode_simcc(x, y)[..., 2] == 0).all()
    assert (heads.decode_simcc(y, y)[..., 2] == 1).all()
