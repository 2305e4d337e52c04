import pyarrow as pa
import pytest

from unposed_jobs.config import TrainingSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.reference import selection

PRODUCTS = pa.table(
    {
        "product_id": ["a", "b", "c", "d", "e"],
        "average_rating": [4.0, 4.8, 4.8, 2.0, 5.0],
        "rating_count": pa.array([100, 100, 100, 100, 100], pa.int64()),
    }
)
COUNTS = pa.table({"product_id": ["e", "c", "b", "a", "d"], "pictures": [3, 12, 10, 11, 15]})


def test_the_most_popular_with_enough_pictures_come_first() -> None:
    chosen = selection.select(PRODUCTS, COUNTS, TrainingSettings(top_k=3))
    assert chosen["product_id"].to_pylist() == ["b", "c", "a"]
    assert chosen["pictures"].to_pylist() == [10, 12, 11]
    assert chosen["popularity"].to_pylist() == sorted(chosen["popularity"].to_pylist())[::-1]


def test_a_product_that_the_counts_leave_out_has_no_pictures() -> None:
    chosen = selection.select(PRODUCTS, COUNTS.slice(1), TrainingSettings())
    assert chosen["product_id"].to_pylist() == ["b", "c", "a", "d"]


def test_a_small_catalogue_is_told_which_setting_would_serve() -> None:
    with pytest.raises(UnposedError, match=r"min_pictures = 11 or lower") as error:
        selection.select(PRODUCTS, COUNTS, TrainingSettings(min_pictures=14))
    assert "\n" not in str(error.value)
    lower = TrainingSettings(min_pictures=11)
    assert selection.select(PRODUCTS, COUNTS, lower).num_rows == 3


def test_no_pictures_at_all_have_no_such_remedy() -> None:
    with pytest.raises(UnposedError, match="too few products with pictures"):
        selection.select(PRODUCTS, COUNTS.slice(0, 1), TrainingSettings())
