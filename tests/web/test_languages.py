"""The pages in other languages: no text of theirs is left out, and none is taken for data."""

from __future__ import annotations

import datetime
import gettext
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import web_day
from babel.messages import pofile
from babel.messages.extract import extract_from_dir
from web_people import Served, csrf

from unposed_jobs.decisions import Decision, Store
from unposed_jobs.web import languages, rendering
from unposed_jobs.web.app import create

ROOM = Path(rendering.__file__).parent
PAGES = (
    *("/work", "/work?state=all", "/work?q=nothing+like+it", "/work/print", "/products"),
    *("/product?id=A-2", "/product?id=A-3", "/product?id=A-4", "/changes", "/poses"),
    *("/models", "/model?version=model-2", "/model?version=model-1", "/log", "/people"),
)
TOLD = ("aria-label", "title", "placeholder", "alt", "data-none", "data-some", "data-label")
PLAIN = ("Unposed", "CSV", "XLSX", "English", "Deutsch", "UTC", "Enter")
"""The same in every language."""


class Marked(gettext.NullTranslations):
    """Every text that went through gettext is in brackets."""

    def gettext(self, message):
        return f"⟦{message}⟧"

    def ngettext(self, one, many, count):
        return f"⟦{one if count == 1 else many}⟧"


class Texts(HTMLParser):
    """What of a page is read: its text, and each attribute that is."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.attributes, self._skipped = "", [], 0

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.attributes += [values[name] for name in TOLD if values.get(name)]
        # What is said to be English on every page is what the audit or somebody wrote.
        if self._skipped:
            self._skipped += tag not in ("br", "img", "input", "option")
        elif values.get("lang") == "en" and tag != "html":
            self._skipped = 1

    def handle_endtag(self, tag):
        if self._skipped:
            self._skipped -= tag != "option"
        self.text += " "

    def handle_data(self, data):
        self.text += " " if self._skipped else data


def strange(text: str, data: list[str]) -> str:
    """What is neither in brackets nor data."""
    while (left := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = left
    for known in data:
        text = text.replace(known, " ")
    return " ".join(re.findall(r"[^\W\d_]{2,}", text))


@pytest.fixture
def busy(tmp_path):
    """Two days, decisions of each kind, a candidate that waits."""
    settings = web_day.settings(tmp_path)
    web_day.audit(settings, tmp_path)
    store = Store.open(settings.decisions.store)
    day = datetime.date(2999, 1, 1)
    gaps = [("waive", {"until": day}), ("assign", {"assignee": "Kim", "due": day}), ("done", {})]
    made = [
        Decision(kind, product_id="A-2", ask_id=ask, **more)
        for (kind, more), ask in zip(gaps, (3, 8, 8), strict=True)
    ]
    store.decide(made, "Kim")
    store.decide([Decision("not_applicable", ask_id=3, category="Legs")], "Kim")
    web_day.audit(settings, tmp_path, web_day.NEXT)
    web_day.candidate(settings)
    store.decide([Decision("hide", ask_id=2, reason="Kim")], "Kim")
    return settings, store


def test_no_text_of_the_pages_goes_past_the_catalogue(busy, monkeypatch):
    settings, store = busy
    monkeypatch.setattr(languages, "catalogue", lambda _: Marked())
    served = Served(settings, store, create(settings, store))
    day = served.app.state.days.latest()
    owner = served.as_("Rossi", "owner")
    known = {"Rossi", "Kim", "test", web_day.TITLE, day.about.run_id, "model", *PLAIN}
    known |= {str(row[name] or "") for row in day.rows("SELECT * FROM products") for name in row}
    known |= {row[0] for row in day.choices()["brand"]} | set(day.about.columns)
    known |= {ask["ask_name"] for ask in day.asks.values()} | {"full body, front"}
    known |= {ask["shot_code"] or "" for ask in day.asks.values()}
    listed = day.from_views("SELECT image_uri FROM product_images_current")
    known |= {row["image_uri"] for row in listed}
    known |= {"amazon", "zalando", "white_ground", "white ground", "views"}
    months = {f"{datetime.date(2000, month, 1):%B}" for month in range(1, 13)}
    data = sorted((known | months) - {""}, key=len, reverse=True)
    for address in PAGES:
        page = owner.get(address)
        assert page.status_code == 200, address
        texts = Texts()
        texts.feed(page.text)
        assert "⟦" in texts.text
        for text in (texts.text, *texts.attributes):
            assert strange(text, data) == "", (address, text[-300:])
    stranger = served.stranger().get("/login").text
    texts = Texts()
    texts.feed(stranger)
    assert strange(texts.text, list(PLAIN)) == ""


@pytest.mark.parametrize("language", sorted(set(languages.LANGUAGES) - {"en"}))
def test_a_catalogue_has_every_text_and_no_other(language):
    found = extract_from_dir(
        str(ROOM),
        [("**.py", "python"), ("templates/**.html", "jinja2")],
        {"templates/**.html": {"trimmed": "true"}},
    )
    wanted = {message for _, _, message, _, _ in found}
    file = languages.FOLDER / language / "LC_MESSAGES/pages.po"
    with file.open("rb") as opened:
        known = pofile.read_po(opened, locale=language)
    assert {message.id for message in known if message.id} == wanted, "run: make texts"
    for message in known:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), f"{message.id} has no translation"
        assert not message.fuzzy, message.id
    assert [(message.id, errors) for message, errors in known.check()] == []


@pytest.mark.parametrize(
    ("chosen", "accepted", "usual", "expected"),
    [
        (None, "", "en", "en"),
        (None, "", "de", "de"),
        (None, "de-AT,de;q=0.9,en;q=0.5", "en", "de"),
        (None, "fr,en;q=0.4,de;q=0.3", "de", "en"),
        (None, "fr;q=x,;q=,*", "en", "en"),
        ("de", "en", "en", "de"),
        ("../../etc", "de", "en", "de"),
    ],
)
def test_whoever_asks_reads_the_language_that_they_read(chosen, accepted, usual, expected):
    assert languages.choose(chosen, accepted, usual) == expected


def test_a_chosen_language_is_kept(served):
    client = served.as_("Ed", "reader")
    assert '<html lang="en">' in client.get("/work").text
    german = client.get("/work", headers={"accept-language": "de"}).text
    assert '<html lang="de">' in german
    assert "2. März 2026" in german
    assert "Bilder aufzunehmen oder zu ergänzen" in german
    form = {"csrf": csrf(client), "language": "de", "back": "/products"}
    assert client.post("/language", data=form).headers["location"] == "/products"
    assert "16 Produkte" in client.get("/products").text
    client.post("/language", data=form | {"language": "xx", "back": "//evil.example"})
    assert '<html lang="de">' in client.get("/products").text
