"""The benchmark's Spark ratios, tiny and in this process: both sides do the work they claim."""

from __future__ import annotations

import contextlib
import functools

import pytest

from unposed_jobs.lab.bench import fanout, made, memory, nights, pictures, stages, tables
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample


class InProcess:
    """Stands in for a child: the tests share one session."""

    def __init__(self, make, *arguments, cores=None, threads=None):
        self._made = make(*arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not hasattr(self._made, "_spark"):
            self._made.close()

    def call(self, method, *arguments):
        return getattr(self._made, method)(*arguments)


@pytest.fixture(autouse=True)
def here(monkeypatch, spark):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for module in (fanout, nights, stages, memory):
        monkeypatch.setattr(module, "Child", InProcess)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures, each of its own content."""
    out = tmp_path_factory.mktemp("pictures")
    write_sample(out / "sample", SampleSettings(products=1, size=200), 1, progress=False)
    source = next((out / "sample").rglob("*.jpg")).read_bytes()
    (out / "many").mkdir()
    for turn in range(8):
        (out / "many" / f"{turn}.jpg").write_bytes(pictures.varied(source, turn))
    return out / "many"


def test_spark_and_the_pool_store_the_same_pictures(folder, pose_weights):
    (found,) = fanout.overhead(folder, 4, pose_weights, 1, 1)
    assert found.figures["stored"] == {"spark": 4, "pool": 4}
    assert found.ratios == [found.ours.values[0] / found.reference.values[0]]
    assert set(found.figures["job"]["stage_seconds"]) >= {"read", "decode", "infer", "write"}


def test_a_second_night_reads_only_what_changed(folder, pose_weights):
    found = nights.measure(folder, (8, 24), pose_weights, 2, 1, repeats=1, warming=0)
    unchanged, _, changed, _ = found
    told = unchanged.figures["nights"]
    assert told["cold"]["extracted"] == 8
    assert (told["unchanged"]["unchanged"], told["unchanged"]["extracted"]) == (8, 0)
    assert (told["changed"]["changed"], told["changed"]["extracted"]) == (1, 1)
    assert told["few_changed"]["extracted"] == 1
    assert "read 0 and extracted 0" in unchanged.notes[0]
    assert changed.ours.name == "changed night"
    # The same pictures at more addresses.
    assert (told["listing"]["pictures"], told["listing"]["extracted"]) == (24, 0)
    assert told["many_unchanged"]["unchanged"] == 24
    assert (told["many_changed"]["changed"], told["many_changed"]["extracted"]) == (1, 1)


@pytest.fixture(scope="module")
def catalogues(spark, tmp_path_factory, pose_weights):
    """Catalogues of 40 and 80 products: (folder, their maker, what they weigh)."""
    root = tmp_path_factory.mktemp("made")
    maker = tables.MadeCatalogues(str(root), pose_weights, 2)
    return root, maker, {products: maker.make(products) for products in (40, 80)}


def test_the_table_stages_see_every_product_at_every_size(catalogues, pose_weights, monkeypatch):
    _, maker, weights = catalogues

    class Made:
        """Each audit is run once, and taken for the session's first and for the timed one."""

        _spark = None

        def __init__(self, *_):
            self.make = weights.__getitem__
            self.audit = functools.cache(maker.audit)

    monkeypatch.setattr(stages.tables, "MadeCatalogues", Made)
    found, carried = stages.measure([40, 80], 40, pose_weights, 2, 1)
    assert set(found.figures["seconds"]) == {"40", "80"}
    assert found.figures["figures"]["products"] == 80
    assert found.figures["figures"]["pictures"] == 80 * made.PICTURES
    assert found.figures["tables"]["80"]["landmarks"]["rows"] == 80 * made.PICTURES
    assert len(found.ratios) == len(found.figures["exponent_as_timed"]) == 1
    assert len(carried.ratios) == 1


def test_the_driver_is_watched_through_a_night(catalogues, pose_weights):
    root, _, _ = catalogues
    found = memory.Driver(str(root), pose_weights, "local", 2).night(80, 9, True)
    assert (found["pictures"], found["unchanged"], found["products"]) == (320, 320, 80)
    assert found["looks"] >= 1
    assert min(found["heap_mib"], found["python_mib"]) > 1


def test_each_size_has_a_driver_of_its_own(pose_weights, monkeypatch):
    held = {"python_mib": 1.0, "heap_mib": 2.0, "pictures": 160}
    asked: list[list[tuple]] = []

    class Asked:
        _spark = None

        def __init__(self, *_):
            asked.append([])

        def make(self, products):
            asked[-1].append((products,))

        def night(self, *told):
            asked[-1].append(told)
            return held

    monkeypatch.setattr(memory, "Driver", Asked)
    monkeypatch.setattr(memory.tables, "MadeCatalogues", Asked)
    monkeypatch.setattr(
        memory.cluster, "standalone", lambda workers: contextlib.nullcontext("local")
    )
    found, carried = memory.measure((40, 160), pose_weights, 2, 1)
    # With carried columns the large catalogue's nights go on where those before ended.
    assert asked == [[(10,), (40,)], [(10, 0, False)], [(40, 0, False)], [(40, 1, True)]]
    assert found.ratios == carried.ratios == [1.0]
