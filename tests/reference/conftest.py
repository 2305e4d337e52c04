import pyarrow as pa
import pytest
from reference_tables import reference, train

from unposed_jobs.reference.bundle import Bundle


@pytest.fixture(scope="session")
def pictures() -> pa.Table:
    return reference()


@pytest.fixture(scope="session")
def bundle(pictures: pa.Table) -> Bundle:
    return train(pictures)
