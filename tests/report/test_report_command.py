"""The command, on a real warehouse and a catalogue of CSV files."""

import csv

import pytest
from report_tables import DAY, MODEL, Shot, draw, publish

from unposed_jobs import cli, config
from unposed_jobs.report import listing
from unposed_jobs.warehouse import RunRecord, Warehouse, tables


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNPOSED_HOME", str(tmp_path / "var"))
    monkeypatch.delenv("UNPOSED_CONFIG", raising=False)
    return tmp_path


def store(memory):
    """Publish the rows of `memory` in the warehouse of the default settings."""
    warehouse = Warehouse.open(config.load().warehouse)
    for name, rows in memory.rows.items():
        if name == "runs" or not len(rows):
            continue
        (run_id,) = set(rows["run_id"].to_pylist())
        if not tables.TABLES[name].partition:
            warehouse.rewrite(name, lambda known, rows=rows: rows, run_id)
            continue
        own = [column for column in rows.column_names if column not in ("run_id", "bucket")]
        staged = warehouse.stage(name, run_id).write(rows.select(own))
        if tables.TABLES[name] in tables.DAY_TABLES:
            warehouse.write_day(name, DAY, staged, run_id)
        else:
            warehouse.append(name, staged, run_id, 1)
    (run,) = memory.rows["runs"].to_pylist()
    kept = ("run_id", "job", "run_date", "state", "started_at", "finished_at", "model_version")
    warehouse.record_run(RunRecord(**{name: run[name] for name in kept}))
    return warehouse


def write_csv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def test_the_gallery_of_a_real_warehouse(home, capsys):
    (home / "var/catalogue").mkdir(parents=True, exist_ok=True)
    front = draw(home / "var/catalogue", "front.jpg")
    back = draw(home / "var/catalogue", "back.jpg", (10, 80, 90))
    memory, _ = publish(
        {
            "A": ("Tops", "Polo", [Shot(1, uri=front), Shot(2, uri=back)]),
            "B": ("Tops", "Polo", []),
        },
        models=[MODEL],
    )
    store(memory)
    write_csv(
        home / "var/catalogue/products.csv",
        ("product_id", "category", "subcategory", "average_rating", "rating_count"),
        [("A", "Tops", "Polo", "4.8", "1204"), ("B", "Tops", "Polo", "", "")],
    )
    assert cli.main(["report", "--date", str(DAY)]) == 0
    page = home / "var" / "gallery" / "products.html"
    assert capsys.readouterr().out.strip() == str(page.with_name("index.html"))
    text = page.read_text()
    assert "★ 4.8" in text
    assert "(1,204)" in text
    assert text.index("full body, front</span>") < text.index("upper body, back</span>")
    assert len(list((home / "var" / "gallery" / "thumbs").rglob("*.webp"))) == 2


def test_no_published_day_is_one_clear_line(home, capsys):
    Warehouse.open(config.load().warehouse)
    assert cli.main(["report"]) == 2
    assert capsys.readouterr().err == "unposed: no audit is published yet; run: unposed audit\n"


def test_a_bad_date_is_refused(home, capsys):
    with pytest.raises(SystemExit):
        cli.main(["report", "--date", "yesterday"])
    assert "is not a day like" in capsys.readouterr().err


def test_popularity_comes_once_for_each_product(home):
    write_csv(
        home / "products.csv",
        ("product_id", "category", "average_rating", "rating_count"),
        [("A", "Tops", "4.5", "10"), ("B", "Tops", "five", "1"), ("A", "Tops", "1", "1")],
    )
    settings = config.load(catalogue__products=str(home / "products.csv"))
    rows = listing.from_settings(settings).popularity().to_pylist()
    assert [row["product_id"] for row in rows] == ["A"]
    assert rows[0]["average_rating"] == 4.5
