import numpy as np
import pyarrow as pa
import pytest

from unposed_jobs.config import TrainingSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.ranking import popularity

SETTINGS = TrainingSettings()


def products(rating: list, count: list, **more: list) -> pa.Table:
    return pa.table(
        {
            "average_rating": pa.array(rating, pa.float64()),
            "rating_count": pa.array(count, pa.int64()),
            **more,
        }
    )


def test_five_stars_of_one_review_do_not_beat_four_and_a_half_of_a_thousand() -> None:
    table = products([5.0, 4.5, 3.0, 4.0], [1, 1000, 1000, 50])
    assert np.argmax(popularity.score(table, SETTINGS)) == 1


def test_few_reviews_are_shrunk_towards_the_catalogues_mean() -> None:
    same_count = popularity.score(products([5.0, 3.8, 1.0], [2, 2, 2]), SETTINGS)
    many = popularity.score(products([5.0, 3.8, 1.0], [500, 500, 500]), SETTINGS)
    assert np.ptp(same_count) > 0
    mixed = popularity.score(products([5.0, 1.0, 3.8, 3.8], [2, 2, 900, 900]), SETTINGS)
    assert abs(mixed[0] - mixed[1]) < 0.1 * abs(many[0] - many[2])


def test_scores_are_bounded_finite_and_unrated_products_come_after_average_ones() -> None:
    scores = popularity.score(products([4.0, None, 4.0, None], [100, 10, 0, None]), SETTINGS)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.argmax(scores) == 0
    assert (popularity.score(products([None], [None]), SETTINGS) == 0).all()


def test_a_named_column_is_taken_as_it_is() -> None:
    by_sales = TrainingSettings(popularity="sales")
    table = products([5, 5, 5], [9, 9, 9], sales=pa.array([3.0, None, -7.0]))
    assert popularity.score(table, by_sales).tolist() == [3.0, -7.0, -7.0]


def test_a_signal_is_found_in_the_map_of_signals() -> None:
    signals = pa.array([[("sales", 3.0)], [], None], pa.map_(pa.string(), pa.float64()))
    table = products([5, 5, 5], [9, 9, 9], signals=signals)
    assert popularity.score(table, TrainingSettings(popularity="sales")).tolist() == [3, 3, 3]


@pytest.mark.parametrize("more", [{}, {"sales": pa.array(["high"])}])
def test_a_column_that_is_not_there_or_no_number_is_the_users_mistake(more: dict) -> None:
    with pytest.raises(UnposedError, match="sales"):
        popularity.score(products([5], [1], **more), TrainingSettings(popularity="sales"))
