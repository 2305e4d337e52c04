"""Ratios, their verdicts, and the page that is made of them."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from unposed_jobs.config import Settings
from unposed_jobs.errors import UnposedError
from unposed_jobs.lab.bench import __main__ as bench
from unposed_jobs.lab.bench import (
    card,
    decoding,
    fanout,
    gpu,
    memory,
    nights,
    pages_report,
    rounds,
    stages,
)
from unposed_jobs.lab.bench.results import Measured, Result, Target, not_measured, number

PAGE = Path(__file__).parents[3] / "docs" / "performance.md"
MACHINE = {
    "date": "2026-01-05",
    "cpu": "A processor",
    "cores": 2,
    "memory_gib": 23.5,
    "gpu": None,
    "load_before": 0.1,
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
}
PARITY = {
    "sets": [
        {"name": "rendered", "pictures": 9, "people": 8, "visible": 200, "share": 0.9975},
    ],
    "flags": {"text": "999 of 1000 flags (99.90 %) of 90 products have the same state"},
    "passed": True,
}


def result(named, ours, reference, **more) -> Result:
    sides = Measured("ours", "s", ours), Measured("reference", "s", reference)
    ratios = [a / b for a, b in zip(ours, reference, strict=True)]
    return Result(*named, *sides, ratios, **more)


def report(*results: Result, **more) -> dict:
    made = {"machine": MACHINE, "parity": PARITY, "results": [item.as_json() for item in results]}
    return json.loads(json.dumps(made | more))


@pytest.fixture
def whole() -> dict:
    weights = {"rows": 40_000, "bytes": 40_000_000, "files": 16}
    grown = {
        "seconds": {"100": [5.0], "1000": [6.0], "10000": [15.0]},
        "fixed_seconds": 5.0,
        "tables": {"10000": {"landmarks": weights, "images": weights}},
        "pictures_a_product": 4,
    }
    told = {"images_per_second": 80.5, "no_person_share": 0.25, "errors": {"truncated": 2}}
    job = {"job": told | {"stage_seconds": {"read": 1.0, "infer": 3.0}}}
    return report(
        *not_measured(gpu.RATIOS, "no CUDA device"),
        result(decoding.DECODE, [300.0], [100.0]),
        result(fanout.OVERHEAD, [10.2, 10.4], [10.0, 10.0], figures=job),
        result(nights.RATIOS[0], [1.0], [100.0], figures={"pictures": 2000}),
        result(nights.RATIOS[1], [0.05], [49.5]),
        result(fanout.CORES, [96.0], [50.0]),
        result(stages.EXPONENT, [15.0], [6.0], figures=grown),
        result(memory.MEMORY, [420.0], [400.0], figures={"sizes": [10_000, 100_000]}),
    )


def test_a_verdict_is_of_the_median_and_knows_what_cannot_be_claimed():
    least = Target("at_least", 2.5)
    good = result(("4", "decoding", least), [300.0, 200.0, 280.0], [100.0, 100.0, 100.0])
    assert (good.median, good.verdict) == (2.8, "met")
    assert dataclasses.replace(good, target=Target("at_least", 2.9)).verdict == "not met"
    assert dataclasses.replace(good, target=Target("at_most", 2.9)).verdict == "met"
    assert bench._gated(good, passed=False).verdict == "invalid"
    assert bench._gated(good, passed=True) == good
    absent = not_measured([("2", "GPU", least)], "no CUDA device")[0]
    assert (absent.verdict, absent.spread_text) == ("not measured", "–")
    assert Result.from_json(json.loads(json.dumps(good.as_json()))) == good
    assert [number(x) for x in (0, 0.0123, 1.234, 45.67, 234.5, 12345)] == [
        *("0", "0.012", "1.23", "45.7", "234", "12,345"),
    ]


def test_sides_take_turns_and_another_one_is_first_each_round():
    seen: list[str] = []
    sides = {name: (lambda name=name: seen.append(name)) for name in "abc"}
    rounds.turns(sides, 3)
    assert "".join(seen) == "abcbcacab"


def test_the_exponent_is_that_of_the_part_that_grows():
    sizes = [1_000, 10_000, 100_000]
    assert stages.slope(sizes, [0.01 * size**1.1 for size in sizes]) == pytest.approx(1.1)
    seconds = [7 + 0.001 * size for size in sizes]
    assert stages.slope(sizes, seconds) < 0.6
    above = stages._above(sizes, seconds, 200, 7 + 0.001 * 200)
    assert stages.slope(sizes, above) == pytest.approx(1.0)


def test_the_page_says_what_the_results_say(whole):
    page = card.render([whole], Settings(), 0.04)
    assert page.startswith(card.MARKER)
    for row in whole["results"]:
        told = Result.from_json(row)
        line = next(line for line in page.splitlines() if line.startswith(f"| {told.number} |"))
        for cell in (told.title, told.spread_text, str(told.target), card.verdict(told)):
            assert f"| {cell} |" in line
    assert "not measured: no CUDA device" in page
    assert "99.75 %" in page
    assert "infer 75 %. 80.5 images/s, 25 % of the pictures without a person" in page
    assert "errors: truncated 2." in page
    assert "2026-01-05: A processor, 2 cores" in page


def test_the_plan_is_computed_from_the_figures(whole):
    page = card.render([whole], Settings(), 0.5)
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines()}
    # 50 images/s a core: 10^8 pictures are 556 core-hours, 278 $ at 0.5.
    assert "| 560 core-hours |" in rows["first night, CPU"]
    assert "| 280 $ |" in rows["its cost at $0.5 a core-hour"]
    # 1,000 bytes a row.
    assert "| 93 GiB |" in rows["`landmarks`"]
    # 10 s above the fixed cost for 10,000 products on two cores, four pictures each.
    assert "| 14 core-hours |" in rows["audit (4 pictures a product)"]
    assert page != card.render([whole], Settings(), 0.6)


def test_a_run_elsewhere_lies_beside(whole):
    found = result(gpu.FED, [950.0], [1000.0])
    other = report(found) | {"machine": MACHINE | {"gpu": "A GPU", "cores": 16}}
    merged = card.merged([whole, other])
    assert merged["2"] == (found, 1)
    assert merged["3"][0].absent == "no CUDA device"
    assert merged["4"][1] == 0
    assert "Run 2 on" in card.render([whole, other], Settings(), 0.04)


def test_the_page_is_written_from_results_alone(whole, tmp_path):
    held = tmp_path / "held.json"
    held.write_text(json.dumps(whole))
    page = tmp_path / "page.md"
    assert bench.main(["--no-run", "--merge", str(held), "--card", str(page)]) == 0
    assert page.read_text() == card.render([whole], Settings(), 0.04)
    # What another command measured stays.
    pages = f"{pages_report.MARKER}\n\n## The pages\n"
    page.write_text(f"# Before\n\n{pages}")
    assert bench.main(["--no-run", "--merge", str(held), "--card", str(page)]) == 0
    assert page.read_text() == f"{card.render([whole], Settings(), 0.04)}\n{pages}"


def test_mistakes_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("unposed_jobs.lab.bench.machine.gpu", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for cuda, remedy in ((None, "built without CUDA; install torch"), ("13.0", "as CUDA 13.0")):
        monkeypatch.setattr("torch.version.cuda", cuda)
        for flags in (["--gpu"], ["--device", "cuda"]):
            with pytest.raises(UnposedError, match=remedy):
                bench.main(flags)
    with pytest.raises(UnposedError, match="--merge"):
        bench.main(["--no-run"])
    with pytest.raises(UnposedError, match="cannot read"):
        bench.main(["--no-run", "--merge", str(tmp_path / "none.json")])
    with pytest.raises(UnposedError, match="two numbers"):
        bench.main(["--only", "7", "--products", "100"])


@pytest.mark.skipif(not PAGE.is_file(), reason="make bench has not been run yet")
def test_the_page_in_docs_is_generated():
    assert PAGE.read_text().startswith(card.MARKER)


def test_a_night_tells_from_which_size_on_its_fixed_cost_no_longer_matters():
    # 2 s fixed; 0.05 ms a picture against 0.5 % of 40 ms: 0.15 ms gained on each.
    assert nights._enough(0.005, 2.0, [0.05], [40.0]).startswith("from 13,000 pictures on")
    assert nights._enough(0.005, 2.0, [0.3], [40.0]) == (
        "no catalogue is large enough for the target"
    )


def test_ratios_of_the_cores_start_processes_that_see_no_gpu(monkeypatch):
    for before in (None, "1"):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if before:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before)
        with bench._gpu_for(("7",)):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == before
        with bench._gpu_for(("2", "3")):
            assert os.environ.get("CUDA_VISIBLE_DEVICES") == before


@pytest.mark.parametrize(("cold", "verdict"), [(42.0, "met"), (1.5, "not measured")])
def test_a_first_night_within_the_fixed_cost_tells_nothing_of_a_picture(cold, verdict):
    seconds = {"cold": [[cold]], "many_unchanged": [[1.1]]}
    for kind in ("unchanged", "changed"):
        seconds |= {f"few_{kind}": [[2.0]], f"many_few_{kind}": [[2.0]]}
    figures = {
        "pictures": 8,
        "listed": 24,
        "nights": {
            "many_unchanged": {"pictures": 24, "unchanged": 24, "failed": 0, "extracted": 0}
        },
    }
    assert nights._net(nights.RATIOS[1], "unchanged", seconds, figures).verdict == verdict
