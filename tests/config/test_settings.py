"""Settings: what is refused, where values come from, and the generated pages."""

import dataclasses
import pickle
import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from unposed_jobs import cli, config
from unposed_jobs.config import reference
from unposed_jobs.config.settings import SECTIONS
from unposed_jobs.errors import UnposedError
from unposed_jobs.jobs.identity import run_identity

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("UNPOSED_CONFIG", "UNPOSED_HOME", "UNPOSED_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[pose]\nheadles = 'off'", "unknown setting in [pose]: headles; did you mean headless?"),
        ("[audit]\nzzz = 1", "unknown setting in [audit]: zzz; known: target_pictures, flags, "),
        ("[audits]", "unknown section: audits; did you mean audit?"),
        ("audit = 3", "[audit] must be a section, not 3"),
        ("[audit]\nflags = 'ask'", "[audit] flags must be asks or classes, not 'ask'"),
        ("[pose]\nheadless = 'no'", "must be one of movenet-thunder, movenet-lightning, off, not"),
        ("[pose]\nsecond_look = 'no'", "[pose] second_look must be true or false, not 'no'"),
        ("[pose]\nmax_people = true", "[pose] max_people must be a whole number, not True"),
        ("[pose]\nmax_people = 1.5", "[pose] max_people must be a whole number, not 1.5"),
        ("[audit]\nmin_confidence = 1.5", "[audit] min_confidence must be from 0 to 1, not 1.5"),
        ("[audit]\nmin_confidence = nan", "[audit] min_confidence must be from 0 to 1, not nan"),
        ("[training]\ntop_k = 2", "[training] top_k must be 3 or more, not 2"),
        (
            "[training]\ncluster_range = [9, 3]",
            "[training] cluster_range must be two whole numbers",
        ),
        ("[training]\ncluster_range = 9", "[training] cluster_range must be two whole numbers"),
        ("[catalogue]\ncarry = 'title'", "[catalogue] carry must be a list of texts, not 'title'"),
        ("[catalogue]\ncarry = [1]", "[catalogue] carry must be a list of texts, not 1"),
        ("[catalogue]\nonly_rows = 'x'", "[catalogue] only_rows must be a table of texts, not 'x'"),
        ("[catalogue]\nlandmarks_coordinates = '%'", "must be relative or pixels, not '%'"),
        (
            "[catalogue]\nlandmarks_values = ['x', 'x']",
            "landmarks_values must be x, y and any",
        ),
        (
            "[checks]\nwarn = ['product_lost']",
            "unknown rule in [checks] warn: product_lost; did",
        ),
        (
            "[extraction]\nnight_seconds = -1",
            "night_seconds must be 0 or more, not -1",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place(place, text, message):
    (place / "unposed.toml").write_text(text)
    with pytest.raises(UnposedError) as error:
        config.load()
    assert str(error.value).startswith("unposed.toml: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_and_lists_of_toml_are_taken():
    Path("unposed.toml").write_text(
        "[storage]\npicture_seconds = 5\n[training]\ncluster_range = [3, 4]\n"
        "[warehouse]\nproperties = { n = 3 }\n[pose]\nonnx_mean = [0, 1.5, 2]\n"
    )
    found = config.load(training__top_k=7, training__epochs=None)
    assert (found.storage.picture_seconds, found.training.cluster_range) == (5.0, (3, 4))
    assert found.warehouse.properties == {"n": "3"}
    assert found.pose.onnx_mean == (0.0, 1.5, 2.0)
    assert (found.training.top_k, found.training.epochs) == (7, 200)


def test_settings_are_always_valid():
    with pytest.raises(UnposedError, match=r"^\[training\] top_k must be 3 or more, not 1$"):
        config.TrainingSettings(top_k=1)
    with pytest.raises(UnposedError, match=r"^unknown setting in \[audit\]: flag; did you mean"):
        dataclasses.replace(config.AuditSettings(), flag="asks")
    whole = config.Settings(audit=config.AuditSettings(flags="classes"))
    assert pickle.loads(pickle.dumps(whole)) == whole


@pytest.mark.parametrize("name", SECTIONS)
def test_a_run_id_is_of_the_plain_values(name):
    """Another digest of the same values would have every day of a warehouse written anew."""
    settings, day = getattr(config.load(), name), date(2026, 1, 5)
    plain = {item.name: getattr(settings, item.name) for item in dataclasses.fields(settings)}
    assert run_identity(name, day, settings) == run_identity(name, day, plain)


def test_an_old_error_budget_fills_the_bounds(caplog):
    Path("unposed.toml").write_text("[pose]\nerror_budget = 0.5\n[extraction]\nmax_lost = 0.1\n")
    found = config.explain()
    bounds = found.settings.extraction
    assert (bounds.max_missing, bounds.max_lost, bounds.night_seconds) == (0.5, 0.1, 27_000)
    assert found.origins["extraction", "max_missing"] == "[pose] error_budget of unposed.toml"
    assert "is now the bounds [extraction]" in caplog.text


def test_each_value_tells_its_origin(place, monkeypatch):
    monkeypatch.setenv("UNPOSED_HOME", str(place / "home"))
    monkeypatch.setenv("UNPOSED_CONFIG", "mine.toml")
    Path("mine.toml").write_text(
        '[catalogue]\nlayout = "shopify"\nproducts = "export.csv"\n'
        '[catalogue.product_columns]\nsubcategory = "Vendor"\n[audit]\nflags = "classes"\n'
    )
    origins = config.explain(catalogue__encoding="cp1250").origins
    assert origins["audit", "flags"] == "mine.toml"
    assert origins["audit", "profile"] == "default"
    assert origins["catalogue", "encoding"] == "flag"
    assert origins["catalogue", "images"] == "[catalogue] products"
    assert origins["catalogue", "image_columns"] == "layout shopify"
    assert origins["catalogue", "product_columns"] == "mine.toml and layout shopify"
    assert origins["warehouse", "location"] == "default, {home} from UNPOSED_HOME"
    assert origins["pose", "weights"] == "default"


def test_the_command_prints_the_values_in_effect(place, capsys):
    (place / "mine.toml").write_text(
        '[warehouse]\nuri = "postgresql+psycopg2://me:hidden@host/db"\n'
        '[warehouse.properties]\n"s3.secret-access-key" = "hidden"\n"s3.region" = "x"\n'
        '[catalogue.only_rows]\n"Item \\"Type\\"" = "Product"\n'
    )
    assert cli.main(["config", "--effective", "--config", "mine.toml"]) == 0
    text = capsys.readouterr().out
    values = tomllib.loads(text)
    assert "hidden" not in text
    assert values["warehouse"]["properties"] == {"s3.secret-access-key": "***", "s3.region": "x"}
    assert values["catalogue"]["only_rows"] == {'Item "Type"': "Product"}
    assert values["training"]["cluster_range"] == [8, 16]
    assert set(values) == set(SECTIONS)
    assert 'flags = "asks"  # default\n' in text
    assert "# mine.toml\n" in text


def test_the_file_of_defaults_is_the_defaults(capsys):
    assert cli.main(["config"]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text) == {name: {} for name in SECTIONS}
    given = re.sub(r"^#(\w+ = .*(?<!  # for example))$", r"\1", text, flags=re.MULTILINE)
    Path("all.toml").write_text(given)
    assert config.load("all.toml") == config.load()
    for name, kind in SECTIONS.items():
        assert set(tomllib.loads(given)[name]) == {item.name for item in dataclasses.fields(kind)}


def test_every_setting_is_described_and_its_examples_hold():
    for name, kind in SECTIONS.items():
        for key, item in config.fields.fields_of(kind).items():
            assert item.description, f"[{name}] {key}"
            for example in item.examples or ():
                kind(**{key: example})


@pytest.mark.parametrize(
    ("page", "text"),
    [("unposed.example.toml", reference.as_toml), ("docs/configuration.md", reference.as_markdown)],
)
def test_the_pages_are_of_this_code(page, text):
    assert (ROOT / page).read_text() == text(), "run: make reference"
