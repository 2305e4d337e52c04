import numpy as np
import pytest
from PIL import Image, ImageDraw

from unposed_jobs.pose.statistics import NAMES, describe


def figures(picture: np.ndarray | Image.Image) -> dict[str, float]:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    before = image.tobytes()
    values = describe(image)
    # Whoever asks may want to look at it again.
    assert image.tobytes() == before
    assert values.shape == (len(NAMES),)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    return dict(zip(NAMES, values.tolist(), strict=True))


@pytest.fixture(scope="module")
def flat_lay() -> dict[str, float]:
    image = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((180, 150, 420, 700), fill=(150, 40, 60))
    draw.polygon([(180, 150), (60, 330), (120, 370), (180, 280)], fill=(150, 40, 60))
    draw.polygon([(420, 150), (540, 330), (480, 370), (420, 280)], fill=(150, 40, 60))
    return figures(image)


@pytest.fixture(scope="module")
def fabric() -> dict[str, float]:
    y, x = np.mgrid[:800, :600]
    weave = 120 + 60 * np.sin(x * 2 * np.pi / 30) * np.sin(y * 2 * np.pi / 30)
    noise = np.random.default_rng(0).normal(0, 6, weave.shape)
    return figures(np.clip(np.dstack([weave + noise] * 3), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def size_chart() -> dict[str, float]:
    image = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(image)
    for row in range(40, 780, 60):
        draw.line((30, row, 570, row), fill="black", width=4)
        for column in range(50, 560, 130):
            draw.text((column, row + 12), "XL 98-104", fill="black", font_size=26)
    return figures(image)


@pytest.fixture(scope="module")
def detail() -> dict[str, float]:
    coarse = np.random.default_rng(5).integers(30, 220, (5, 4, 3), dtype=np.uint8)
    return figures(Image.fromarray(coarse).resize((600, 800), Image.Resampling.BICUBIC))


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_a_size_chart_has_text_lines_and_white(size_chart, flat_lay, fabric, detail) -> None:
    for other in (flat_lay, fabric, detail):
        assert size_chart["text_transitions"] > 2 * other["text_transitions"]
    for other in (fabric, detail):
        assert size_chart["horizontal_lines"] > 1.5 * other["horizontal_lines"]
    assert size_chart["white_share"] > 0.6
    assert size_chart["saturation_mean"] < 0.05


def test_a_flat_lay_is_one_symmetric_thing_before_a_plain_border(flat_lay, fabric, detail) -> None:
    assert flat_lay["border_uniformity"] > 0.98
    assert flat_lay["border_white_share"] > 0.98
    assert flat_lay["foreground_symmetry"] > 0.95
    assert 0.2 < flat_lay["foreground_share"] < 0.5
    assert flat_lay["foreground_fill"] > 0.4
    assert flat_lay["centre_border_contrast"] > 0.3
    for other in (fabric, detail):
        assert other["border_uniformity"] < 0.9
        assert other["foreground_symmetry"] < flat_lay["foreground_symmetry"]


def test_a_fabric_repeats_and_fills_the_frame_evenly(fabric, flat_lay, detail) -> None:
    assert fabric["texture_evenness"] > flat_lay["texture_evenness"] + 0.1
    for other in (flat_lay, detail):
        assert fabric["periodicity"] > other["periodicity"] + 0.2
    assert fabric["smoothness"] < detail["smoothness"]


def test_the_scale_of_the_file_hardly_matters() -> None:
    small = Image.fromarray(np.random.default_rng(5).integers(0, 255, (8, 6, 3), dtype=np.uint8))
    large = describe(small.resize((1200, 1600), Image.Resampling.BICUBIC))
    medium = describe(small.resize((450, 600), Image.Resampling.BICUBIC))
    assert np.abs(large - medium).max() < 0.05


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 2), (2, 1), (3, 3), (1, 4000), (4000, 1), (15, 300), (17, 19)]
)
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
def test_any_picture_has_finite_bounded_figures(shape, fill) -> None:
    picture = {
        "black": np.zeros((*shape, 3), np.uint8),
        "white": np.full((*shape, 3), 255, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8),
    }[fill]
    found = figures(picture)
    assert found["aspect"] == pytest.approx(shape[1] / sum(shape))


def test_equal_pictures_have_equal_figures() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    one, other = (describe(Image.fromarray(pixels)) for pixels in (noise, noise.copy()))
    assert np.array_equal(one, other)
