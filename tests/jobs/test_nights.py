"""The whole way on real tables: two nights of a small catalogue, re-runs, faults.

One catalogue is rendered and audited once; each test has the warehouse as those nights left it.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import re
import shutil
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from kept_folders import kept, link
from pyspark.sql import functions as F

from unposed_jobs import config
from unposed_jobs.decisions import Decision, Store
from unposed_jobs.distributed import chunks, ingest
from unposed_jobs.errors import CheckFailedError, ErrorBudgetExceededError, UnposedError
from unposed_jobs.jobs import audit, extract, facts, promote, train
from unposed_jobs.jobs.context import Context
from unposed_jobs.jobs.entry import Run
from unposed_jobs.lab.sample.writer import SampleSettings, write_sample
from unposed_jobs.reference import registry
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import Warehouse, bucket_of, day_checks
from unposed_jobs.warehouse.tables import DAY_TABLES, VOCABULARY

FIRST, SECOND = date(2026, 1, 5), date(2026, 1, 6)
BROKEN = ("truncated.jpg", "notes.jpg", "copy.jpg", "bomb.png")


def quiet(day: date, **rest) -> Run:
    return Run(day, progress=lambda line: None, **rest)


def settings_for(home: Path, catalogue: Path, **rest) -> config.Settings:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNPOSED_HOME", str(home))
        return config.load(
            catalogue__products=str(catalogue / "products.csv"),
            catalogue__images=str(catalogue / "images.csv"),
            # A small catalogue has few products: bad rows weigh more.
            catalogue__error_budget=0.2,
            catalogue__carry=["department"],
            warehouse__buckets=2,
            training__clusters=6,
            training__epochs=30,
            **rest,
        )


def add_bad_pictures(catalogue: Path) -> None:
    """A truncated JPEG, a text, the same bytes at another address, a bomb, and no file at all."""
    from PIL import Image

    pictures = sorted(catalogue.glob("pictures/*/*.jpg"))
    good = max(pictures, key=lambda path: path.stat().st_size)
    folder = catalogue / "pictures" / "extra"
    folder.mkdir()
    (folder / "truncated.jpg").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (folder / "notes.jpg").write_text("this is a list of notes")
    shutil.copy(good, folder / "copy.jpg")
    # A valid PNG that claims 30,000 x 30,000 pixels.
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png", optimize=True)
    with (catalogue / "images.csv").open() as source:
        rows = list(csv.DictReader(source))
    product = rows[0]["product_id"]
    with (catalogue / "images.csv").open("a", newline="") as target:
        writer = csv.DictWriter(target, rows[0].keys())
        for index, name in enumerate((*BROKEN, "nowhere.jpg")):
            row = dict.fromkeys(rows[0], "") | {
                "product_id": product,
                "image_uri": f"pictures/extra/{name}",
                "position": str(90 + index),
            }
            writer.writerow(row)


@pytest.fixture(scope="module")
def audited(spark, tmp_path_factory, pose_weights):
    """A trained model and two audited nights: their folder, settings, the extractions' figures."""
    home, catalogue = tmp_path_factory.mktemp("nights"), tmp_path_factory.mktemp("catalogue")
    write_sample(catalogue, SampleSettings(12, 11, 400, FIRST), 1, progress=False)
    add_bad_pictures(catalogue)
    settings = settings_for(home, catalogue)
    figures = {}
    extract.run(spark, settings, quiet(FIRST, scope="reference"))
    train.run(spark, settings, quiet(FIRST))
    promote.run(spark, settings, quiet(FIRST))
    for day in (FIRST, SECOND):
        figures[day] = extract.run(spark, settings, quiet(day))
        audit.run(spark, settings, quiet(day))
    return home, settings, figures


@pytest.fixture
def nights(audited):
    """(settings, warehouse, figures of the extractions), to be written to."""
    home, settings, figures = audited
    with kept(home, link):
        yield settings, Warehouse.open(settings.warehouse), figures


def rows_of(warehouse: Warehouse, day: date) -> dict[str, list[dict]]:
    """Every column of every row of the day tables, in a fixed order."""
    return {
        table.name: sorted(
            warehouse.read(table.name, row_filter={"run_date": day}).to_pylist(), key=repr
        )
        for table in DAY_TABLES
    }


def test_every_product_has_one_audit_row_and_a_flag_for_every_ask(nights):
    settings, warehouse, _ = nights
    rows = rows_of(warehouse, FIRST)
    with open(settings.catalogue.products) as source:
        listed = {row["product_id"] for row in csv.DictReader(source)} - {""}
    audited = [row["product_id"] for row in rows["product_audit"]]
    rejected = {row["row_key"] for row in rows["catalogue_rejects"] if row["source"] == "products"}
    assert len(audited) == len(set(audited))
    assert set(audited) | rejected >= listed
    flagged = {(row["product_id"], row["ask_id"]) for row in rows["pose_flags"]}
    asks = {ask_id: set() for _, ask_id in flagged}
    assert len(rows["pose_flags"]) == len(flagged) == len(audited) * len(asks)
    vocabulary = warehouse.read("vocabulary", row_filter={"lineage": "new"}).to_pylist()
    for row in vocabulary:
        asks[row["ask_id"]].add(row["pose_id"])
    assert all(set(row["members"]) == asks[row["ask_id"]] for row in rows["pose_flags"])
    assert all(row["pose_id"] in row["members"] for row in rows["pose_flags"])
    ranked = [row for row in rows["pose_flags"] if row["state"] == "missing"]
    assert ranked
    assert all(row["rank"] >= 1 and row["remedy"] for row in ranked)
    assert any(row["example_images"] for row in ranked)


def test_every_picture_of_a_day_has_a_row_that_says_what_became_of_it(nights):
    settings, warehouse, _ = nights
    rows = rows_of(warehouse, SECOND)
    listed = {row["product_id"]: row["pictures"] for row in rows["product_audit"]}
    found = Counter(row["product_id"] for row in rows["product_images"])
    assert {name: count for name, count in listed.items() if count} == dict(found)
    by_name = {Path(row["image_uri"]).name: row for row in rows["product_images"]}
    told = {name: by_name[name]["status"] for name in (*BROKEN, "nowhere.jpg")}
    assert told.pop("truncated.jpg") in ("unreadable", "shown", "unclear", "repeat")
    assert told == {
        "notes.jpg": "unreadable",
        "copy.jpg": told["copy.jpg"],
        "bomb.png": "unreadable",
        "nowhere.jpg": "missing",
    }
    assert all(by_name[name]["reason"] for name in ("notes.jpg", "bomb.png", "nowhere.jpg"))
    shown = [row for row in rows["product_images"] if row["status"] == "shown"]
    assert all(row["pose_name"] and row["confidence"] >= 0.5 for row in shown)
    evidence = {row["evidence_image"] for row in rows["pose_flags"]} - {None}
    assert evidence <= {row["image_uri"] for row in shown}
    # What [catalogue] carry names, as the source has it.
    with open(settings.catalogue.products) as source:
        listed = {row["product_id"]: row for row in csv.DictReader(source)}
    said = {name: row["department"] for name, row in listed.items()}
    carried = {row["product_id"]: dict(row["carried"]) for row in rows["product_audit"]}
    assert {name: values["department"] for name, values in carried.items()} == {
        name: said[name] or None for name in carried
    }
    # The day's ratings: the history of what pictures are worth.
    for row in rows["product_audit"]:
        source_row = listed[row["product_id"]]
        assert row["rating_count"] == int(source_row["rating_count"] or 0)
        assert row["average_rating"] == (float(source_row["average_rating"] or 0) or None)


def test_running_a_day_again_gives_exactly_the_same_rows(nights, spark):
    settings, warehouse, _ = nights
    before = {day: rows_of(warehouse, day) for day in (FIRST, SECOND)}
    extract.run(spark, settings, quiet(FIRST))
    audit.run(spark, settings, quiet(FIRST))
    assert {day: rows_of(warehouse, day) for day in (FIRST, SECOND)} == before
    run = warehouse.latest_published("audit", FIRST)
    assert run is not None
    assert run.attempts == 2


def exported(settings, folder: Path, keep) -> config.Settings:
    """The settings with an export that has the products for whose number `keep` is true."""
    sources, numbers = {}, {}
    for name in ("products", "images"):
        with open(getattr(settings.catalogue, name)) as source:
            reader = csv.DictReader(source)
            rows = list(reader)
        sources[name] = str(folder / f"{name}.csv")
        with open(sources[name], "w", newline="") as target:
            writer = csv.DictWriter(target, reader.fieldnames)
            writer.writeheader()
            for row in rows:
                if keep(numbers.setdefault(row["product_id"], len(numbers))):
                    writer.writerow(row)
    catalogue = dataclasses.replace(
        settings.catalogue, **sources, image_root=str(Path(settings.catalogue.images).parent)
    )
    checks = config.CheckSettings(least_products=5)
    return dataclasses.replace(settings, catalogue=catalogue, checks=checks)


def test_an_empty_or_shrunken_export_is_refused_and_leaves_the_day(nights, spark, tmp_path):
    settings, warehouse, _ = nights
    before = {day: rows_of(warehouse, day) for day in (FIRST, SECOND)}
    empty = exported(settings, tmp_path, lambda number: False)
    with pytest.raises(CheckFailedError, match=r"empty: 0 products; .*clear-day") as caught:
        audit.run(spark, empty, quiet(SECOND, accept_changes="me: because"))
    assert caught.value.exit_code == 4
    half = exported(settings, tmp_path, lambda number: number % 2)
    with pytest.raises(CheckFailedError, match=r"products_lost: .* are gone"):
        audit.run(spark, half, quiet(SECOND))
    assert {day: rows_of(warehouse, day) for day in (FIRST, SECOND)} == before
    refused = [run for run in warehouse.runs() if run.state == "refused"]
    assert len(refused) == 2
    found = statements.query(
        warehouse,
        "SELECT rule FROM check_results WHERE run_id = ? AND outcome = 'failed'",
        [refused[-1].run_id],
    )
    assert "products_lost" in found["rule"].to_pylist()
    # Its staged rows are there for whoever looks into it.
    data = Path(warehouse.table("product_audit").location().removeprefix("file://")) / "data"
    assert list(data.rglob(f"run={refused[-1].run_id}/*.parquet"))
    audit.run(spark, half, quiet(SECOND, accept_changes="me: half of it is sold"))
    left = len(rows_of(warehouse, SECOND)["product_audit"])
    assert 0 < left < len(before[SECOND]["product_audit"])
    assert rows_of(warehouse, FIRST) == before[FIRST]


def test_a_cleared_day_is_published_again_by_its_audit(nights, spark):
    settings, warehouse, _ = nights
    before = {day: rows_of(warehouse, day) for day in (FIRST, SECOND)}
    warehouse.clear_day(SECOND, "me: a test")
    assert rows_of(warehouse, SECOND) == {table.name: [] for table in DAY_TABLES}
    assert rows_of(warehouse, FIRST) == before[FIRST]
    audit.run(spark, settings, quiet(SECOND))
    assert {day: rows_of(warehouse, day) for day in (FIRST, SECOND)} == before


def test_the_second_night_extracts_only_what_is_new(nights):
    settings, _, figures = nights
    with open(settings.catalogue.images) as source:
        added = sum(row["added_at"] == SECOND.isoformat() for row in csv.DictReader(source))
    second = figures[SECOND]
    assert added > 0
    assert second["new"] == added
    assert second["extracted"] <= added
    assert second["changed"] == 0
    assert second["unchanged"] == second["pictures"] - added - second["failed"]


def test_every_bad_picture_has_a_status_and_a_reason(nights):
    _, warehouse, _ = nights
    images = {
        Path(row["image_uri"]).name: row
        for row in warehouse.read("images").to_pylist()
        if "/extra/" in row["image_uri"]
    }
    landmarks = {row["content_sha256"]: row for row in warehouse.read("landmarks").to_pylist()}
    assert images["nowhere.jpg"]["status"] == "missing"
    assert images["nowhere.jpg"]["error"]
    for name, word in (
        ("truncated.jpg", "truncated"),
        ("notes.jpg", "not_a_picture"),
        ("bomb.png", "too_many_pixels"),
    ):
        assert images[name]["status"] == "ok"
        found = landmarks[images[name]["content_sha256"]]
        assert found["status"] == "unreadable"
        assert found["error"].startswith(word)
    unreadable = statements.query(
        warehouse,
        "SELECT sum(unreadable) AS n FROM product_audit WHERE run_date = $day",
        {"day": FIRST},
    )
    assert unreadable["n"].to_pylist()[0] >= 4


def test_equal_bytes_at_two_addresses_are_one_content(nights):
    _, warehouse, _ = nights
    contents = warehouse.read("landmarks")["content_sha256"].to_pylist()
    assert len(contents) == len(set(contents))
    copies = statements.query(
        warehouse, "SELECT count(*) AS n FROM images GROUP BY content_sha256 HAVING count(*) > 1"
    )
    assert copies.num_rows >= 1


def test_a_training_is_told_all_that_its_trust_and_examples_hang_on(nights, spark):
    settings, warehouse, _ = nights
    catalogue = ingest.read_catalogue(spark, settings, FIRST)
    found = train.pictures_with_landmarks(
        Context(spark, settings, quiet(FIRST), warehouse),
        catalogue.images,
        catalogue.products.withColumn("popularity", F.lit(0.5)),
        registry.champion(warehouse).estimator_id,
    )
    people = found.filter(pc.equal(found["status"], "ok"))
    assert people.num_rows > 10
    for name in ("pose_score", "person_count", "person_confidence", "perceptual_hash"):
        assert people[name].null_count == 0, name


def test_the_audit_is_told_what_repeats_are_found_by(nights, spark):
    settings, warehouse, _ = nights
    images = ingest.read_catalogue(spark, settings, FIRST).images
    context = Context(spark, settings, quiet(FIRST), warehouse)
    seen = audit.pictures_of_day(context, images, registry.champion(warehouse)).toArrow()
    seen = seen.filter(pc.equal(seen["landmark_status"], "ok"))
    assert seen.num_rows > 10
    for name in ("content_sha256", "perceptual_hash"):
        assert seen[name].null_count == 0, name


def test_an_unchanged_night_decodes_nothing_and_writes_only_its_run(nights, spark):
    settings, warehouse, _ = nights
    before = warehouse.snapshot_id("landmarks"), warehouse.snapshot_id("images")
    figures = extract.run(spark, settings, quiet(SECOND + timedelta(days=1)))
    assert figures["extracted"] == figures["new"] == figures["changed"] == 0
    assert (warehouse.snapshot_id("landmarks"), warehouse.snapshot_id("images")) == before


def test_a_touched_picture_is_hashed_but_not_extracted_and_a_changed_one_is(nights, spark):
    settings, warehouse, _ = nights
    pictures = sorted(Path(settings.catalogue.images).parent.glob("pictures/P*/*.jpg"))
    buckets = bucket_of(map(str, pictures), settings.warehouse.buckets).to_pylist()
    touched, changed = [path for path, n in zip(pictures, buckets, strict=True) if n == 0][:2]
    files, count = warehouse.planned_files("images", {"bucket": 1}), len(uris_of(warehouse))
    original = changed.read_bytes()
    stamps = {path: path.stat() for path in (touched, changed)}
    os.utime(touched, (1_000_000, 1_000_000))
    # A comment segment after the start marker: the same picture in other bytes.
    changed.write_bytes(original[:2] + b"\xff\xfe\x00\x04hi" + original[2:])
    figures = extract.run(spark, settings, quiet(SECOND))
    assert (figures["touched"], figures["changed"], figures["extracted"]) == (1, 1, 1)
    # As they were, for the tests after this one, too.
    changed.write_bytes(original)
    for path, stamp in stamps.items():
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    back = extract.run(spark, settings, quiet(SECOND))
    assert back["changed"] == 1
    assert back["extracted"] == 0
    # The bucket in which nothing changed is not written, the other loses and doubles nothing.
    assert warehouse.planned_files("images", {"bucket": 1}) == files
    assert len(uris_of(warehouse)) == len(set(uris_of(warehouse))) == count


def uris_of(warehouse):
    return warehouse.read("images", ["image_uri"])["image_uri"].to_pylist()


def test_training_the_same_day_again_gives_the_same_model(nights, spark):
    settings, _, _ = nights
    first = train.run(spark, settings, quiet(FIRST))
    again = promote.run(spark, settings, quiet(FIRST))
    assert first.status == "champion"
    assert again.model_version == first.model_version


def test_a_later_model_keeps_ids_and_the_old_champion_retires(nights, spark):
    settings, warehouse, _ = nights
    candidate = train.run(spark, settings, quiet(SECOND))
    decided = promote.run(spark, settings, quiet(SECOND))
    assert decided.model_version == candidate.model_version
    states = dict(
        zip(
            *(warehouse.read("models")[c].to_pylist() for c in ("model_version", "status")),
            strict=True,
        )
    )
    assert list(states.values()).count("champion") == 1
    assert decided.status in {"champion", "rejected"}
    assert decided.reason
    same = statements.query(
        warehouse,
        "SELECT count(*) AS n FROM vocabulary WHERE model_version = $v AND lineage = 'kept'",
        {"v": candidate.model_version},
    )
    assert same["n"].to_pylist()[0] > 0


def vocabulary_of(warehouse):
    version = registry.champion(warehouse).model_version
    rows = warehouse.read("vocabulary", row_filter={"model_version": version})
    return {row["pose_id"]: row for row in rows.to_pylist()}


def corrected(settings, flags, folder):
    """Settings with a profile: (them, the ask that it renames, the ask that it hides)."""
    missing = next(row["ask_id"] for row in flags if row["state"] == "missing")
    hidden = min({row["ask_id"] for row in flags} - {missing})
    profile = folder / "shots.toml"
    profile.write_text(
        f'[[rename]]\nask = {missing}\nname = "our shot"\nreason = "our word"\n'
        f'[[hide]]\nask = {hidden}\nreason = "props"\n'
    )
    changed = dataclasses.replace(settings.audit, profile=str(profile))
    return dataclasses.replace(settings, audit=changed), missing, hidden


def test_a_dry_run_changes_no_table_but_runs(nights, spark, tmp_path):
    settings, warehouse, _ = nights
    names = [table.name for table in (*DAY_TABLES, VOCABULARY)]
    before = {name: warehouse.snapshot_id(name) for name in names}
    other, _, _ = corrected(settings, rows_of(warehouse, SECOND)["pose_flags"], tmp_path)
    figures = audit.run(spark, other, quiet(SECOND, dry_run=True, accept_changes="me: a trial"))
    assert set(figures["would_change"]) == set(day_checks.CHANGES)
    assert {name: warehouse.snapshot_id(name) for name in names} == before
    run = warehouse.latest_published("audit", SECOND)
    assert run is not None  # A dry run takes nothing back.


def test_corrections_hold_from_the_next_audit_on_and_withdrawing_restores(nights, spark, tmp_path):
    settings, warehouse, _ = nights
    before, flags = vocabulary_of(warehouse), rows_of(warehouse, SECOND)["pose_flags"]
    other, renamed, hidden = corrected(settings, flags, tmp_path)
    on_purpose = "me: an ask is hidden"
    audit.run(spark, other, quiet(SECOND, accept_changes=on_purpose))
    after = rows_of(warehouse, SECOND)["pose_flags"]
    assert {row["ask_name"] for row in after if row["ask_id"] == renamed} == {"our shot"}
    assert "missing" not in {row["state"] for row in after if row["ask_id"] == hidden}
    assert any(row["advice"] and "our shot" in row["advice"] for row in after)
    rows = vocabulary_of(warehouse)
    told = {row["ask_id"]: row["correction"] for row in rows.values() if row["correction"]}
    assert set(told) == {renamed, hidden}
    assert told[hidden] == "ask hidden: props"
    assert {row["lineage"] for row in rows.values()} == {row["lineage"] for row in before.values()}
    written = warehouse.snapshot_id("vocabulary")
    audit.run(spark, other, quiet(SECOND, accept_changes=on_purpose))
    assert warehouse.snapshot_id("vocabulary") == written
    audit.run(spark, settings, quiet(SECOND))
    assert vocabulary_of(warehouse) == before
    assert rows_of(warehouse, SECOND)["pose_flags"] == flags


def test_decisions_hold_from_the_next_audit_on_beside_the_profile(nights, spark, tmp_path):
    settings, warehouse, _ = nights
    flags = rows_of(warehouse, SECOND)["pose_flags"]
    first, second = [row for row in flags if row["state"] == "missing"][:2]
    waived, renamed = (first["product_id"], first["ask_id"]), second["ask_id"]
    profile = tmp_path / "shots.toml"
    profile.write_text(f'[[rename]]\nask = {renamed}\nname = "file"\nreason = "before"\n')
    address = f"sqlite:///{tmp_path}/decisions.db"
    decided = dataclasses.replace(
        settings,
        audit=dataclasses.replace(settings.audit, profile=str(profile)),
        decisions=config.DecisionSettings(store=address),
    )
    store = Store.open(address)
    store.decide(
        [
            Decision("waive", product_id=waived[0], ask_id=waived[1], reason="sold without"),
            Decision("rename", ask_id=renamed, name="our shot", reason="our word"),
        ],
        "M. Rossi",
    )
    figures = audit.run(spark, decided, quiet(SECOND, accept_changes="me: a name"))
    assert figures["decisions"] == {"waive": 1, "rename": 1, "latest": 2}
    after = rows_of(warehouse, SECOND)["pose_flags"]
    (flag,) = [row for row in after if (row["product_id"], row["ask_id"]) == waived]
    assert (flag["state"], flag["waived_by"]) == ("waived", "M. Rossi")
    assert {row["ask_name"] for row in after if row["ask_id"] == renamed} == {"our shot"}
    read = statements.query(warehouse, "SELECT kind, decided_by FROM decisions_current").to_pylist()
    assert [row["kind"] for row in read] == ["waive", "rename"]
    why = [row["correction"] for row in vocabulary_of(warehouse).values() if row["correction"]]
    assert "our word (M. Rossi, " in why[0]


def test_every_readable_picture_has_its_facts_from_the_pass_that_read_it(nights, spark):
    settings, warehouse, figures = nights
    stored = warehouse.read("picture_facts").to_pylist()
    contents = [row["content_sha256"] for row in stored]
    landmarks = warehouse.read("landmarks", ["content_sha256", "status"]).to_pylist()
    readable = {row["content_sha256"] for row in landmarks if row["status"] != "unreadable"}
    assert len(contents) == len(set(contents))
    assert set(contents) == readable
    assert {row["error"] for row in stored} == {None}
    assert {row["file_format"] for row in stored} == {"JPEG"}
    assert all(row["mask"] for row in stored if row["mask_source"] != "none")
    assert figures[FIRST]["stage_seconds"]["facts"] > 0
    crops = warehouse.read("picture_crops").to_pylist()
    assert {row["content_sha256"] for row in crops} <= readable
    assert all(0 <= edge <= 1 for row in crops for edge in row["box"])
    assert {row["crop"] for row in warehouse.read("crop_poses").to_pylist()} <= {
        "upper_body", "chest", "legs",
    }  # fmt: skip
    # Nothing is left for the task after it.
    assert facts.run(spark, settings, quiet(SECOND))["to_make"] == 0


def test_another_facts_version_makes_facts_again_and_leaves_landmarks(nights, spark, tmp_path):
    settings, warehouse, _ = nights
    other = dataclasses.replace(settings, facts=dataclasses.replace(settings.facts, text="off"))
    other = exported(other, tmp_path, lambda number: number in {0, 1})
    before = warehouse.snapshot_id("landmarks")
    figures = facts.run(spark, other, quiet(SECOND))
    rows = warehouse.read("picture_facts", row_filter={"facts_version": figures["facts_version"]})
    assert warehouse.snapshot_id("landmarks") == before
    assert rows.num_rows == figures["to_make"] > 0
    assert set(rows["text_boxes"].to_pylist()) == {None}
    by_content = {row["content_sha256"]: row for row in rows.to_pylist()}
    for row in warehouse.read("picture_facts").to_pylist():
        again = by_content.get(row["content_sha256"])
        if again is not None:
            assert (again["kind"], again["image_class"]) == (row["kind"], row["image_class"])
            assert again["fill"] == pytest.approx(row["fill"], abs=0.15)


def test_a_days_products_have_colours_and_a_marketplaces_word(nights):
    _, warehouse, _ = nights
    rows = rows_of(warehouse, FIRST)
    audited = {row["product_id"] for row in rows["product_audit"]}
    assert {row["product_id"] for row in rows["product_colours"]} == audited
    assert len(rows["product_colours"]) == len(audited)
    told = {(row["product_id"], row["marketplace"]) for row in rows["ready_for"]}
    assert told == {(one, "catalogue") for one in audited}
    for row in rows["ready_for"]:
        lists = [row[name] for name in ("rules", "levels", "images", "found", "remedies")]
        assert len({len(one) for one in lists}) == 1
        assert row["ready"] == (row["judged"] > 0 and "must" not in row["levels"])
    failing = statements.query(warehouse, "SELECT count(*) AS n FROM failing_rules").to_pylist()
    second = rows_of(warehouse, SECOND)["ready_for"]
    assert failing[0]["n"] == sum(len(row["rules"]) for row in second)


class _LostError(Exception):
    """Stands for a driver that dies in the middle."""


def test_a_lost_night_goes_on_with_what_is_left(nights, spark, tmp_path):
    settings, _, _ = nights
    home = tmp_path / "home"
    fresh = settings_for(
        home,
        Path(settings.catalogue.images).parent,
        pose__chunk_size=1,
        pose__commit_chunks=1,
        facts__nightly=False,
    )

    def die(line: str) -> None:
        if line.startswith("committed group 1"):
            raise _LostError

    with pytest.raises(_LostError):
        extract.run(spark, fresh, Run(FIRST, progress=die, limit=24))
    warehouse = Warehouse.open(fresh.warehouse)
    committed = warehouse.read("landmarks").num_rows
    assert 0 < committed < 24
    figures = extract.run(spark, fresh, quiet(FIRST, limit=24))
    assert figures["new"] == 0
    contents = warehouse.read("landmarks")["content_sha256"].to_pylist()
    assert figures["extracted"] + committed == len(contents) == len(set(contents))


@pytest.mark.parametrize(
    ("fault", "told"), [("doubled", "2 rows have the key"), ("no status", "rows have no status")]
)
def test_rows_that_are_wrong_are_refused_whoever_made_them(
    nights, spark, tmp_path, monkeypatch, fault, told
):
    schema = chunks.EXTRACTED

    def faulty(batches, pose, estimator_id):
        status = None if fault == "no status" else "unreadable"
        rows = [
            {"estimator_id": estimator_id, "content_sha256": content, "status": status}
            for batch in batches
            for content in batch.column("content_sha256").to_pylist()
        ]
        yield pa.RecordBatch.from_pylist(rows * (2 if fault == "doubled" else 1), schema=schema)

    # No module: what stands in for it travels to the executors.
    stand_in = SimpleNamespace(
        **{name: getattr(chunks, name) for name in ("EXTRACTED", "PARTS", "commits", "cut")},
        extract_chunks=faulty,
    )
    monkeypatch.setattr(extract, "chunks", stand_in)
    catalogue = Path(nights[0].catalogue.images).parent
    fresh = settings_for(tmp_path / "home", catalogue, facts__nightly=False)
    with pytest.raises(CheckFailedError, match=told):
        extract.run(spark, fresh, quiet(FIRST, limit=4))
    warehouse = Warehouse.open(fresh.warehouse)
    assert warehouse.snapshot_id("landmarks") is None
    (refused,) = warehouse.runs()
    assert (refused.job, refused.state, refused.rows) == ("extract", "refused", {})
    assert re.search(told, refused.error)
    assert refused.figures["rejected"]["images"]["rows"] > 0


def test_a_storage_that_is_down_is_one_refusal_and_leaves_the_tables(nights, spark, tmp_path):
    settings, warehouse, _ = nights
    before = warehouse.snapshot_id("images")
    elsewhere = dataclasses.replace(
        settings, catalogue=dataclasses.replace(settings.catalogue, image_root=str(tmp_path))
    )
    with pytest.raises(ErrorBudgetExceededError, match="cannot be read"):
        extract.run(spark, elsewhere, quiet(SECOND))
    assert warehouse.snapshot_id("images") == before


def test_a_bundle_that_is_gone_is_one_line_and_leaves_the_days(nights, spark, record_property):
    settings, warehouse, _ = nights
    before = {day: rows_of(warehouse, day) for day in (FIRST, SECOND)}
    folder = Path(registry.champion(warehouse).artefact_uri)
    folder.rename(folder.with_name("away"))
    try:
        with pytest.raises(UnposedError, match=re.escape(str(folder))) as told:
            audit.run(spark, settings, quiet(SECOND))
    finally:
        folder.with_name("away").rename(folder)
    assert "\n" not in str(told.value)
    assert {day: rows_of(warehouse, day) for day in (FIRST, SECOND)} == before
    assert warehouse.latest_published("audit", SECOND) is not None
    record_property("tried", f"missing bundle: {str(told.value)[:90]}...; lost: 0")


def test_without_a_model_the_audit_says_what_to_run(nights, spark, tmp_path):
    settings, _, _ = nights
    fresh = settings_for(tmp_path / "home", Path(settings.catalogue.images).parent)
    with pytest.raises(UnposedError, match="run: unposed train"):
        audit.run(spark, fresh, quiet(FIRST))
