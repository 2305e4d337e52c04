"""The pages, built from a small day made by the audit, and read back as HTML."""

import dataclasses
import datetime
import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pytest
from PIL import Image
from report_tables import DAY, POSES, MemoryListing, Shot, draw, publish

from unposed_jobs.config import (
    AuditSettings,
    CatalogueSettings,
    GallerySettings,
    Settings,
    StorageSettings,
)
from unposed_jobs.errors import UnposedError
from unposed_jobs.pose import statistics
from unposed_jobs.report import build, facts, pages, search
from unposed_jobs.vocabulary import naming
from unposed_jobs.warehouse import tables

SETTINGS = Settings(storage=StorageSettings(roots=("/",)))


class Page(HTMLParser):
    """Elements with their attributes, and the text."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.words = [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def having(self, css_class):
        return [
            attributes
            for _, attributes in self.elements
            if css_class in (attributes.get("class") or "").split()
        ]

    def values(self, attribute):
        return [found[attribute] for _, found in self.elements if attribute in found]


@pytest.fixture
def day(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    front, back, other = (draw(pictures, f"{n}.jpg", (n * 60, 90, 60)) for n in range(3))
    broken = pictures / "broken.jpg"
    broken.write_text("no picture")
    products = {
        "A-1": ("Tops", "Polo", [Shot(1, uri=front), Shot(2, uri=back, people=2)]),
        "A-2": (
            "Tops",
            "Tee",
            [
                Shot(1, uri=other),
                Shot(3, uri=str(pictures / "copy.jpg"), copy_of=other),
                Shot(1, uri=draw(pictures, "again.jpg", (9, 9, 9))),
                Shot(2, 0.1, uri=draw(pictures, "unclear.jpg")),
                Shot(status="missing", error="no such file", uri=str(pictures / "gone.jpg")),
            ],
        ),
        "B-1": ("Legs", "Jeans", [Shot(status="unreadable", error="broken", uri=str(broken))]),
        "B-2": ("Legs", "Jeans", []),
    }
    rejects = [
        {"source": "products", "row_key": "C-1", "reason": "bad_number", "detail": "row 4: rating"}
    ]
    return publish(products, rejects=rejects, examples=[front, back])


def make(day, out, settings=SETTINGS, **options):
    return build.build(day[0], settings, DAY, out, catalogue=day[1], **options).parent


def test_every_link_and_picture_resolves(day, tmp_path):
    out = make(day, tmp_path / "out")
    for path in out.glob("*.html"):
        for address in Page(path).values("href") + Page(path).values("src"):
            parts = urlsplit(address)
            if parts.scheme == "file":  # A picture's original.
                assert Path(unquote(parts.path)).is_file()
                continue
            assert not parts.scheme, f"{address} leaves the gallery"
            assert not parts.netloc
            target = out / unquote(parts.path) if parts.path else path
            assert target.is_file(), f"{path.name} links to {address}"
            if parts.fragment and "=" not in parts.fragment:
                assert parts.fragment in Page(target).values("id"), address


def test_every_picture_has_a_text(day, tmp_path):
    for path in make(day, tmp_path / "out").glob("*.html"):
        for tag, attributes in Page(path).elements:
            if tag == "img":
                assert attributes["alt"]


def test_overview_shows_the_days_figures(day, tmp_path):
    page = Page(make(day, tmp_path / "out") / "index.html")
    # A-1 lacks side and chart, A-2 those two, B-2 all four.
    assert "5 photographs to take, 3 charts or texts to add" in page.text
    assert "3 of 4 products lack at least one picture" in page.text
    assert "Legs" in page.text
    assert "2 March 2026" in page.text
    assert "products.html#category=Legs&missing=8" in page.values("href")


def test_change_since_the_day_before(day, tmp_path):
    warehouse, catalogue = day
    earlier = DAY - datetime.timedelta(days=2)
    before = warehouse.query("SELECT * FROM product_audit WHERE product_id = 'A-1'").to_pylist()
    for name, rows in (
        ("product_audit", [row | {"run_date": earlier} for row in before]),
        ("runs", [row | {"run_date": earlier} for row in warehouse.rows["runs"].to_pylist()]),
    ):
        more = pa.Table.from_pylist(rows, tables.TABLES[name].schema)
        warehouse.rows[name] = pa.concat_tables([warehouse.rows[name], more])
    page = Page(make((warehouse, catalogue), tmp_path / "out") / "index.html")
    assert "change since 28 February 2026" in page.text
    assert "Has gaps 3 +2" in page.text


def test_cards_tell_each_picture_and_each_gap(day, tmp_path):
    page = Page(make(day, tmp_path / "out") / "products.html")
    assert len(page.having("product")) == 4
    assert len(page.having("repeat")) == 1
    assert len(page.having("unreadable")) == 2
    assert len(page.having("unclear")) == 1
    assert "upper body, back?" in page.text
    assert "File is missing" in page.text
    assert "Not a readable picture" in page.text
    assert "No picture yet." in page.text
    assert "2 people; the principal one counts" in page.values("title")
    assert "Make a chart or text: size chart (shot SIZE); see the examples" in page.text
    assert "no picture could be read: 1 not decodable" in page.text


def test_what_matters_most_comes_first(day, tmp_path):
    warehouse, catalogue = day
    # B-2 lacks most, A-2 is the most popular by far, B-1 could not be assessed.
    catalogue = dataclasses.replace(
        catalogue, ratings={"A-1": 2.0, "A-2": 9.0, "B-1": 8.0, "B-2": 1.0}
    )
    page = Page(make((warehouse, catalogue), tmp_path / "out") / "products.html")
    assert page.values("data-id") == ["a-2", "a-1", "b-2", "b-1"]


def test_pose_and_attention_pages(day, tmp_path):
    out = make(day, tmp_path / "out")
    poses = Page(out / "vocabulary.html")
    assert len(poses.having("pose")) == 4
    assert "FRNT" in poses.text
    assert not poses.having("new")  # All are, in a first model.
    attention = Page(out / "attention.html")
    assert "B-1" in attention.text
    assert "bad number" in attention.text
    assert "row 4: rating" in attention.text


FRONTS = [
    {"ask_id": 1, "ask_name": "front", "asked": True, "agreement": 0.9, "members": (1, 4)},
    {"ask_id": 2, "ask_name": "back", "asked": True, "agreement": 0.8, "members": (2,)},
    {"ask_id": 3, "ask_name": "side", "asked": False, "agreement": 0.2, "members": (3,)},
    {"ask_id": 8, "ask_name": "size chart", "asked": False, "agreement": None, "members": (8,)},
]
"""Two classes are one ask; two asks are never flagged."""
NEARER = (4, "person", "upper body, front", "FRNT")


def test_two_classes_of_one_ask_make_one_gap(tmp_path):
    poses = sorted([*POSES, NEARER])
    products = {
        "A": ("Tops", "Polo", [Shot(4, uri=draw(tmp_path, "a.jpg"))]),
        "B": ("Tops", "Polo", [Shot(2, uri=draw(tmp_path, "b.jpg"))]),
        "C": ("Tops", "Polo", []),
    }
    out = make(publish(products, poses=poses, asks=FRONTS), tmp_path / "out")
    cards = Page(out / "products.html")
    # A shows the front by its second class; nobody is asked for a side or a chart.
    missing = dict(zip(cards.values("data-id"), cards.values("data-missing"), strict=True))
    assert {key: value.split() for key, value in missing.items()} == {
        "a": ["2"],
        "b": ["1"],
        "c": ["1", "2"],
    }
    assert cards.values("data-ask").count("1") == 2
    assert "Usual here: full body, front" in cards.text
    options = [found for tag, found in cards.elements if tag == "option"]
    assert {"value": "1"} in options
    assert {"value": "4"} not in options
    overview = Page(out / "index.html")
    assert "4 photographs to take" in overview.text
    assert "charts" not in overview.text
    assert "products.html#category=Tops&missing=1" in overview.values("href")


def test_the_vocabulary_page_shows_each_ask_with_its_classes(tmp_path):
    poses = sorted([*POSES, NEARER])
    products = {"A": ("Tops", "Polo", [Shot(4, uri=draw(tmp_path, "a.jpg"))])}
    page = Page(
        make(publish(products, poses=poses, asks=FRONTS), tmp_path / "o") / "vocabulary.html"
    )
    assert "5 poses, 4 asks" in page.text
    assert {value for value in page.values("id") if value.startswith("ask-")} == {
        "ask-1",
        "ask-2",
        "ask-3",
        "ask-8",
    }
    assert len(page.having("many")) == 1
    assert "2 poses, any of them will do" in page.text
    assert "Found again 90" in page.text
    assert "Never asked for: too few of its pictures come out the same" in page.text
    assert "Never asked for: too few of the popular products show it" in page.text


def test_the_vocabulary_page_tells_new_and_retired_classes(day, tmp_path):
    warehouse, catalogue = day
    lineage = {1: "kept", 2: "new", 3: "kept", 8: "kept"}
    rows = [
        row | {"lineage": lineage[row["pose_id"]]}
        for row in warehouse.rows["vocabulary"].to_pylist()
    ]
    old = rows[0] | {"pose_id": 9, "name": "legs, back", "lineage": "retired", "ask_id": None}
    warehouse.rows["vocabulary"] = pa.Table.from_pylist([*rows, old], tables.VOCABULARY.schema)
    page = Page(make((warehouse, catalogue), tmp_path / "out") / "vocabulary.html")
    assert len(page.having("new")) == 1
    assert [found["id"] for found in page.having("pose") if "retired" in found["class"]] == [
        "pose-9"
    ]
    assert "legs, back" in page.text
    assert "ask-9" not in page.values("id")


def test_where_classes_are_flagged_each_is_an_ask_by_itself(tmp_path):
    settings = AuditSettings(min_cohort_share=0.15, flags="classes")
    day = publish(
        {"A": ("Tops", "Polo", [])}, poses=sorted([*POSES, NEARER]), asks=FRONTS, settings=settings
    )
    out = make(day, tmp_path / "out")
    page = Page(out / "vocabulary.html")
    assert "5 poses Poses are" in page.text
    assert "Each is asked for by itself." in page.text
    assert "Never asked for" not in page.text
    assert Page(out / "products.html").values("data-missing")[0].split() == list("12348")


def test_products_that_an_unclear_picture_leaves_open(tmp_path):
    shots = [Shot(pose, uri=draw(tmp_path, f"{pose}.jpg", (pose * 20, 9, 9))) for pose in (1, 3, 8)]
    unclear = Shot(2, 0.1, uri=draw(tmp_path, "unclear.jpg", (90, 90, 200)))
    out = make(
        publish({"A": ("Tops", "Polo", [*shots, unclear]), "B": ("Tops", "Polo", [])}),
        tmp_path / "out",
    )
    overview = Page(out / "index.html")
    assert "1 hangs on an unclear picture" in overview.text
    assert "0 complete, 1 with gaps, 1 unclear, 0 not assessable" in overview.values("aria-label")
    assert "products.html#status=unclear" in overview.values("href")
    cards = Page(out / "products.html")
    assert cards.values("data-status") == ["gaps", "unclear"]
    assert {"value": "unclear"} in [found for tag, found in cards.elements if tag == "option"]
    attention = Page(out / "attention.html")
    assert "Products left open 1" in attention.text
    assert "an unclear picture may show 1 expected view" in attention.text


def test_a_day_from_before_there_were_asks(day, tmp_path):
    warehouse, catalogue = day
    for name, columns in (
        ("pose_flags", ("ask_id", "ask_name", "members")),
        ("vocabulary", ("ask_id", "ask_name", "asked", "agreement")),
    ):
        rows = warehouse.rows[name].to_pylist()
        none = dict.fromkeys(columns)
        old = pa.Table.from_pylist([row | none for row in rows], tables.TABLES[name].schema)
        warehouse.rows[name] = old
    out = make((warehouse, catalogue), tmp_path / "out")
    assert "5 photographs to take, 3 charts or texts to add" in Page(out / "index.html").text
    assert "4 poses Poses are" in Page(out / "vocabulary.html").text


def test_the_charts_of_the_headline_are_what_generated_names_call_so():
    chart = dict.fromkeys(statistics.NAMES, 0.0) | {"text_transitions": 0.5, "white_share": 0.9}
    (named,) = naming.name_no_person([chart])
    assert named.name.startswith(naming.CHART)
    assert named.shot_code == facts.CHART_CODE


def test_hostile_names_stay_text(tmp_path):
    evil = '"><script>alert(1)</script>'
    picture = draw(tmp_path, "a.jpg")
    day = publish(
        {evil: (evil, evil, [Shot(1, uri=picture), Shot(status="missing", error=evil, uri=evil)])},
        poses=[(1, "person", evil, evil), (2, "person", "'" + evil, None)],
        rejects=[{"source": evil, "row_key": evil, "reason": evil, "detail": evil}],
        examples=[picture, "javascript:alert(1)"],
    )
    out = make(day, tmp_path / "out")
    for path in out.glob("*.html"):
        assert "<script>alert" not in path.read_text()
        page = Page(path)
        scripts = [attributes for tag, attributes in page.elements if tag == "script"]
        assert scripts == [{"src": "gallery.js", "defer": None}]
        for address in page.values("href") + page.values("src"):
            assert not address.lower().startswith(("javascript:", "data:"))
        handlers = {name for _, found in page.elements for name in found if name.startswith("on")}
        assert not handlers
    assert evil in Page(out / "products.html").text


CARRIED = Settings(
    catalogue=CatalogueSettings(carry=("title", "brand", "price")),
    gallery=GallerySettings(products=2),
)


def shop(folder, evil="Cap", count=5):
    picture = draw(folder, "a.jpg")
    products = {f"P{n}": ("Tops", "Polo", [Shot(1, uri=picture)]) for n in range(count)}
    carried = {
        "title": [evil, *(f"Tee {n}" for n in range(1, count))],
        "brand": ["Acme" if n % 2 else evil for n in range(count)],
        "price": [f"{n}.50" for n in range(count)],
    }
    ratings = {name: -place for place, name in enumerate(products)}
    return publish(products, carried=carried, ratings=ratings)


def searched(out):
    """The rows that the page's script would find."""
    found = []
    for number, path in enumerate(sorted(out.glob("search/*.js")), start=1):
        text = path.read_text()
        assert text.isascii()
        call = f"unposedProducts({number},"
        assert text.startswith(call)
        found += json.loads(text.removeprefix(call).removesuffix(");\n"))
    return found


def test_titles_head_the_cards_and_columns_are_shown_and_offered(tmp_path):
    page = Page(make(shop(tmp_path), tmp_path / "out", CARRIED) / "products.html")
    assert "Cap P0 · Tops / Polo" in page.text
    assert "brand Acme price 1.50" in page.text
    assert page.values("data-search") == ["p0 cap cap 0.50", "p1 tee 1 acme 1.50"]
    assert [json.loads(text) for text in page.values("data-carried")] == [
        {"brand": "Cap", "price": "0.50"},
        {"brand": "Acme", "price": "1.50"},
    ]
    assert page.values("data-column") == ["brand", "price"]
    options = [found["value"] for tag, found in page.elements if tag == "option"]
    assert "Acme" in options


def test_the_limit_is_a_setting_and_search_finds_every_product(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "ROWS", 2)
    out = make(shop(tmp_path), tmp_path / "out", CARRIED)
    page = Page(out / "products.html")
    assert page.values("data-id") == ["p0", "p1"]
    assert page.values("data-parts") == ["3"]
    rows = searched(out)
    assert [row[0] for row in rows] == ["P0", "P1", "P2", "P3", "P4"]
    assert [row[-1] for row in rows] == [
        "products.html#product-1",
        "products.html#product-2",
        *[""] * 3,
    ]
    assert rows[2][1:9] == [
        *("Tops", "Polo", "gaps", 3, 1, 0.25, ["Tee 2", "Cap", "2.50"]),
        [2, 3, 8],
    ]


def test_one_page_with_every_card_needs_no_lists(day, tmp_path):
    out = make(day, tmp_path / "out")
    assert not (out / "search").exists()
    assert "elsewhere" not in Page(out / "products.html").values("id")


def test_columns_that_are_not_carried_are_told(tmp_path):
    settings = dataclasses.replace(CARRIED, gallery=GallerySettings(columns=("seller",)))
    with pytest.raises(UnposedError, match=r"seller is not carried; .* title, brand, price"):
        make(shop(tmp_path), tmp_path / "out", settings)
    some = dataclasses.replace(CARRIED, gallery=GallerySettings(columns=("brand",)))
    page = Page(make(shop(tmp_path), tmp_path / "out", some) / "products.html")
    assert page.values("data-search")[0] == "p0 cap cap"


def test_a_hostile_title_stays_text_in_every_file(tmp_path):
    evil = '"><script>document.title="taken"</script></script><img src=x onerror=alert(1)>'
    out = make(shop(tmp_path, evil), tmp_path / "out", CARRIED)
    page = Page(out / "products.html")
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"src": "gallery.js", "defer": None}]
    assert not {name for _, found in page.elements for name in found if name.startswith("on")}
    assert json.loads(page.values("data-carried")[0])["brand"] == evil
    assert searched(out)[0][7][0] == evil
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not here")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    target = f"{(out / 'products.html').as_uri()}#q=p4"
    command = ["chromium", *flags, f"--user-data-dir={tmp_path}/profile"]
    command += ["--virtual-time-budget=8000", "--dump-dom", target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    shown = done.stdout
    (tmp_path / "shown.html").write_text(shown)
    seen = Page(tmp_path / "shown.html")
    # The script ran, found the product that has no card, and nothing else did run.
    assert "Other products 1 product Tee 4 P4 · Tops / Polo" in seen.text
    assert "taken" not in shown.split("</title>")[0]
    assert not [found for tag, found in seen.elements if tag == "img" and found.get("src") == "x"]


WEB = "https://cdn.shop.example/a b/1.jpg?v=2&w=9"


def on_the_web(tmp_path, how):
    shots = [
        Shot(1, uri=WEB),
        Shot(2, uri="http://me:secret@cdn.shop.example/2.jpg"),
        Shot(3, uri="s3://shop/3.jpg"),
        Shot(8, uri="https://x.example;script-src */8.jpg"),
    ]
    settings = Settings(gallery=GallerySettings(web_pictures=how))
    out = make(publish({"A": ("Tops", "Polo", shots)}), tmp_path / "out", settings)
    page = Page(out / "products.html")
    (policy,) = [
        found["content"]
        for _, found in page.elements
        if found.get("http-equiv") == "Content-Security-Policy"
    ]
    return page, policy


def test_pictures_on_the_web_are_linked_where_the_settings_say_so(tmp_path):
    page, policy = on_the_web(tmp_path, "link")
    address = "https://cdn.shop.example/a%20b/1.jpg?v=2&w=9"
    assert page.values("src") == ["gallery.js", address]
    assert [link["href"] for link in page.having("frame") if "href" in link] == [address]
    # Of an address that is none, or that holds a secret, nothing leaves as a link.
    assert "img-src 'self' file: https://cdn.shop.example;" in policy
    assert "script-src 'self' file:;" in policy


def test_pictures_on_the_web_are_fetched_by_the_rules_of_storage(tmp_path):
    page, _ = on_the_web(tmp_path, "fetch")
    assert page.values("src") == ["gallery.js"]
    assert "Address not allowed" in page.text
    # The original can be opened all the same.
    assert [link["data-address"] for link in page.having("frame") if "href" in link] == [WEB]


def test_pictures_that_are_gone_have_a_tile_with_the_reason(day, tmp_path):
    warehouse, catalogue = day
    for path in (tmp_path / "pictures").iterdir():
        path.unlink()
    page = Page(make((warehouse, catalogue), tmp_path / "out") / "products.html")
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert "File is missing" in page.text


def test_pagination_and_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "PER_FILE", 6)
    monkeypatch.setattr(pages, "PER_PAGE", 4)
    day = publish({f"P{number:02}": ("Tops", "Polo", []) for number in range(11)})
    out = make(day, tmp_path / "out", limit=10)
    first, second = Page(out / "products.html"), Page(out / "products-2.html")
    assert not (out / "products-3.html").exists()
    assert first.values("data-id") == [f"p{number:02}" for number in range(6)]
    assert second.values("data-id") == [f"p{number:02}" for number in range(6, 10)]
    ids = [value for value in first.values("id") if value.startswith("product-")]
    assert ids == [f"product-{number}" for number in range(1, 7)]
    assert "product-7" in second.values("id")
    assert [v for v in first.values("id") if v.startswith("page-")] == ["page-1", "page-2"]
    assert "The 10 products that matter most, of 11" in first.text
    assert "Products 7–10" in second.text


def test_a_day_without_products(tmp_path):
    out = make(publish({}), tmp_path / "out")
    assert "No products" in Page(out / "index.html").text
    assert "No product is here" in Page(out / "products.html").text


def test_a_day_that_is_not_published_is_told(day, tmp_path):
    other = DAY + datetime.timedelta(days=1)
    with pytest.raises(UnposedError, match=r"no audit is published for 2026-03-03.*2026-03-02"):
        build.build(day[0], SETTINGS, other, tmp_path / "out", catalogue=day[1])
    assert not (tmp_path / "out").exists()


def test_a_catalogue_that_is_gone_leaves_the_order_to_what_is_missing(day, tmp_path):
    class Gone:
        def popularity(self):
            raise UnposedError("products.csv is not there")

    out = make((day[0], Gone()), tmp_path / "out")
    assert (
        "ordered by what is missing alone: products.csv is not there"
        in Page(out / "index.html").text
    )
    assert len(Page(out / "products.html").having("tile")) == 8


def test_a_day_from_before_each_picture_had_a_row_shows_the_evidence(day, tmp_path):
    none = tables.PRODUCT_IMAGES.schema.empty_table()
    day[0].rows["product_images"] = none
    out = make(day, tmp_path / "out")
    page = Page(out / "products.html")
    assert len(page.having("tile")) == 3  # Two of A-1, one of A-2: the evidence.
    assert "Its pictures are not listed here." in page.text


def test_thumbnails_are_small_upright_and_taken_over(tmp_path):
    picture = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # Shown turned by 90 degrees.
    Image.new("RGB", (900, 600), (200, 30, 30)).save(picture, exif=exif)
    day = publish({"A": ("Tops", "Polo", [Shot(1, uri=str(picture))])})
    out = make(day, tmp_path / "out")
    (thumbnail,) = (out / "thumbs").rglob("*.webp")
    with Image.open(thumbnail) as image:
        assert image.size == (213, 320)
    before = thumbnail.stat().st_ino
    out = make(day, tmp_path / "out")
    (thumbnail,) = (out / "thumbs").rglob("*.webp")
    assert thumbnail.stat().st_ino == before


def test_a_failure_leaves_the_gallery_that_was_there(day, tmp_path, monkeypatch):
    out = make(day, tmp_path / "out")
    before = (out / "index.html").read_bytes()

    def fail(*arguments):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(pages, "write", fail)
    with pytest.raises(RuntimeError):
        make(day, tmp_path / "out")
    assert (out / "index.html").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pictures"]


def test_a_folder_that_is_no_gallery_is_not_touched(day, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UnposedError, match="no gallery"):
        make(day, tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    with pytest.raises(UnposedError, match="is a file"):
        make(day, tmp_path / "mine" / "letter.txt")


def test_progress_reaches_the_end(day, tmp_path):
    told = {}
    make(day, tmp_path / "out", progress=lambda what, done, of: told.update({what: (done, of)}))
    assert set(told) == {"figures", "thumbnails", "pages"}
    assert all(done == of for done, of in told.values())


def test_a_limit_below_one_is_told(day, tmp_path):
    with pytest.raises(UnposedError, match="--limit"):
        make(day, tmp_path / "out", limit=0)


def test_an_unknown_product_in_the_catalogue_is_left_out(day, tmp_path):
    warehouse, catalogue = day
    listed = MemoryListing(catalogue.ratings | {"Z": 99.0})
    page = Page(make((warehouse, listed), tmp_path / "out") / "products.html")
    assert "z" not in page.values("data-id")


def test_a_card_shows_a_products_video_with_its_coverage_and_frames(day, tmp_path):
    memory, listing = day
    audit = memory.rows["product_audit"].to_pylist()
    video = "https://shop.example/turn.mp4"
    audit[0]["videos"] = [video, "https://shop.example/broken.mp4"]
    content, broken = "ab" * 32, "cd" * 32
    read = {"reader_id": "videos-1", "bucket": 0, "run_id": "r"}
    rows = {
        "product_audit": audit,
        "images": [
            {"image_uri": video, "content_sha256": content, "status": "ok"},
            {"image_uri": audit[0]["videos"][1], "content_sha256": broken, "status": "ok"},
        ],
        "video_coverage": [
            read | {"content_sha256": content, "status": "ok", "seconds": 8.0,
                    "coverage": [1.0] * 36 + [0.0] * 36},
            read | {"content_sha256": broken, "status": "unreadable", "error": "unreadable: no"},
        ],
        "video_frames": [
            read | {"content_sha256": content, "reason": "angle", "value": "back_left",
                    "second": 2.0, "certainty": 0.9, "angle": -140.0, "preview": b"\xff\xd8jpeg"},
            read | {"content_sha256": content, "reason": "sleeve", "value": "long",
                    "second": 3.0, "certainty": 0.9, "angle": 0.0, "preview": b"\xff\xd8other"},
        ],
    }  # fmt: skip
    for name, of in rows.items():
        memory.rows[name] = pa.Table.from_pylist(of, schema=tables.TABLES[name].schema)
    out = tmp_path / "gallery"
    build.build(memory, SETTINGS, DAY, out, catalogue=listing)
    page = Page(out / "products.html")
    assert len(page.having("coverage")) == 1
    (shown,) = [image for image in page.values("src") if image.startswith("frames/")]
    assert (out / shown).read_bytes() == b"\xff\xd8jpeg"
    assert "back left" in page.text
    assert "unreadable: no" in page.text
