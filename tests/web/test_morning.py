"""An editor's morning in a real browser, and what the next audit makes of it."""

from __future__ import annotations

import csv
import re
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
import web_day
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from unposed_jobs.decisions import Store
from unposed_jobs.sql import statements
from unposed_jobs.warehouse import Warehouse
from unposed_jobs.web import app
from unposed_jobs.web.people import People

# A machine under load is slow, not wrong.
expect.set_options(timeout=30_000)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = ("/work", "/work?state=all", "/work/print", "/products", "/product?id=A-2", "/changes")
FURTHER = (
    *("/product?id=A-1", "/poses", "/models", "/model?version=model-2", "/log", "/people"),
    "/nothing",
)


@pytest.fixture(scope="module")
def browser():
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium; as root, docker/system-packages.sh installs it")
    with sync_playwright() as playwright:
        # As root, as in a container, Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Server:
    """The application at an address of this machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = web_day.settings(home)
        web_day.audit(self.settings, home)
        store = Store.open(self.settings.decisions.store)
        self.store, self.people = store, People(store)
        self.app = app.create(self.settings, store)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_level="warning"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def rows(self, sql: str) -> list[dict]:
        return statements.query(Warehouse.open(self.settings.warehouse), sql).to_pylist()


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """A server that nothing is decided at."""
    made = Server(tmp_path_factory.mktemp("looked at"))
    web_day.audit(made.settings, made.home, web_day.NEXT)
    web_day.candidate(made.settings)
    made.app.state.days.renew()
    yield made
    made.stop()


def log_in(server: Server, browser: Browser, name: str, role: str, **look) -> Page:
    page = browser.new_context(base_url=server.address, accept_downloads=True, **look).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"/login#{server.people.add(name, role, 'test')}")
    page.wait_for_url("**/work")
    return page


def test_an_editors_morning_is_in_the_next_audits_tables(server, browser, tmp_path):
    page = log_in(server, browser, "M. Rossi", "editor")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Security" in line.text else None)

    # She opens the day, filters to her category and looks at products large, by keys alone.
    page.get_by_label("Category").select_option("Legs")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**category=Legs**")
    expect(page.locator("h1")).to_contain_text("to take")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/product?id=**")
    seen = set()
    for _ in range(10):
        seen.add(page.locator("h1").inner_text())
        with page.expect_navigation():
            page.keyboard.press("n")
    assert len(seen) == 10

    # Two gaps are waived until a day, in one go.
    page.goto("/work?category=Legs")
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("#chosen")).to_have_text("2 chosen")
    page.keyboard.press("w")
    page.get_by_label("Until").fill("2026-12-31")
    page.get_by_label("Why").fill("sold without")
    page.locator("#waive-dialog").get_by_role("button", name="Waive").click()
    expect(page.get_by_role("status").first).to_contain_text("2 gaps waived")

    # A pose is renamed, and a picture shows one after all.
    page.goto("/poses")
    card = page.locator("#ask-3")
    card.get_by_text("Change ask").click()
    card.get_by_label("Name").last.fill("profile, as we say")
    card.get_by_role("button", name="Rename").last.click()
    expect(page.get_by_role("status").first).to_contain_text("1 pose renamed")
    page.goto("/product?id=A-3")
    shows = page.locator("#picture-2")
    shows.get_by_label("This picture does show").select_option(label="profile, as we say")
    shows.get_by_role("button", name="It shows it").click()
    expect(page.get_by_role("status").first).to_contain_text("marked as shown")
    page.get_by_role("button", name="Landmarks").click()
    expect(page.locator("#picture-1 svg.points circle")).to_have_count(33)
    page.goto("/product?id=A-1")
    page.keyboard.press("m")
    page.keyboard.press("c")
    expect(page.locator("#picture-1 img.over")).to_have_count(1)
    expect(page.locator("#picture-1 rect.crop")).to_have_count(2)

    # Five gaps go to Friday, the list goes out, and the view is kept.
    page.goto("/work?category=Tops")
    for tick in page.locator("input[name=item]").all()[:5]:
        tick.check()
    page.keyboard.press("a")
    page.get_by_label("To", exact=True).fill("Kim")
    page.locator("#assign-dialog").get_by_label("Studio day").fill("2026-03-06")
    page.locator("#assign-dialog").get_by_role("button", name="Assign").click()
    expect(page.get_by_role("status").first).to_contain_text("5 gaps assigned")
    page.goto("/work?due=2026-03-06")
    page.get_by_role("button", name="Save this view").click()
    page.get_by_label("Name").fill("Friday")
    page.locator("#save-dialog").get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Friday").click()
    expect(page.locator(".gap")).to_have_count(5)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "friday.csv")
    with (tmp_path / "friday.csv").open(encoding="utf-8-sig") as file:
        exported = list(csv.DictReader(file))
    assert {(row["assigned_to"], row["studio_day"]) for row in exported} == {("Kim", "2026-03-06")}

    # A second editor undoes one, by the log that tells who.
    other = log_in(server, browser, "Kim", "editor")
    other.goto("/log?action=waive")
    assert other.locator("tbody tr").count() == 2
    expect(other.locator("tbody tr").first).to_contain_text("M. Rossi")
    undone = other.locator("tbody tr").first.locator("[data-label=What]").inner_text()
    other.get_by_role("button", name="Undo").first.click()
    expect(other.locator("tbody tr").first).to_contain_text("undone")

    web_day.audit(server.settings, server.home, web_day.NEXT)
    waived = server.rows(
        "SELECT product_id, waived_by, waived_reason, CAST(waived_until AS VARCHAR) AS until "
        "FROM pose_flags_current WHERE state = 'waived'"
    )
    assert [row["waived_by"] for row in waived] == ["M. Rossi"]
    assert (waived[0]["until"], waived[0]["waived_reason"]) == ("2026-12-31", "sold without")
    assert f"of {waived[0]['product_id']} " not in undone
    names = server.rows("SELECT DISTINCT ask_name FROM pose_flags_current WHERE ask_id = 3")
    assert names == [{"ask_name": "profile, as we say"}]
    (shown,) = server.rows("SELECT * FROM pose_flags_current WHERE shown_by IS NOT NULL")
    assert (shown["product_id"], shown["ask_id"], shown["state"]) == ("A-3", 3, "present")
    kinds = server.rows("SELECT kind FROM decisions_current ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["rename", "shows", "waive"]

    server.app.state.days.renew()
    page.goto("/changes")
    # Waived and shown; and the picture that might have shown a back does not.
    expect(page.locator("h1")).to_contain_text("2 closed, 1 opened")
    assert problems == []


# Colours do not hang on the width, nor does the width on colours; German words are the longer.
@pytest.mark.parametrize(
    ("scheme", "width", "locale"), [("light", 1280, "en-GB"), ("dark", 390, "de-DE")]
)
def test_pages_are_accessible_and_do_not_run_over(looked_at, browser, scheme, width, locale):
    server = looked_at
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "locale": locale}
    page = log_in(server, browser, "M. Rossi", "owner", **look)
    stranger = browser.new_context(base_url=server.address, **look).new_page()
    for who, addresses in ((stranger, ("/login",)), (page, (*PAGES, *FURTHER))):
        for address in addresses:
            who.goto(address)
            for summary in who.locator("details.act summary").all()[:2]:
                summary.click()
            if address == "/work":
                who.locator("input[name=item]").first.check()
                who.locator("#bar [data-opens=assign-dialog]").click()
            # What has just been scrolled below the head of the page is no target.
            who.evaluate("scrollTo(0, 0)")
            found = Axe().run(who, options={"runOnly": RULES})
            said = [
                (one["id"], node["html"][:150], node["failureSummary"][:200])
                for one in found.response["violations"]
                for node in one["nodes"]
            ]
            assert said == [], address
            over = who.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, address


def test_nothing_moves_while_a_page_loads(looked_at, browser):
    server = looked_at
    page = log_in(server, browser, "M. Rossi", "editor")
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach("
        "e => { if (!e.hadRecentInput) window.moved += e.value }))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    for address in ("/work", "/products", "/product?id=A-1", "/poses", "/changes", "/models"):
        page.goto(address, wait_until="networkidle")
        assert page.evaluate("window.moved") < 0.01, address
    # On a slow machine a page is drawn before it has arrived whole.
    slow = page.context.new_cdp_session(page)
    for rate in (6, 8, 10, 20):
        slow.send("Emulation.setCPUThrottlingRate", {"rate": rate})
        page.goto("/work", wait_until="networkidle")
        assert page.evaluate("window.moved") < 0.01, rate


def test_without_script_everything_is_there(server, browser):
    context = browser.new_context(base_url=server.address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Token").fill(server.people.add("Plain", "editor", "test"))
    page.get_by_role("button", name="Log in").click()
    page.locator("input[name=item]").first.check()
    page.get_by_role("button", name="Done").click()
    assert "1 gap marked as done" in re.sub(
        r"\s+", " ", page.get_by_role("status").first.inner_text()
    )
    assert [one.decision.kind for one in server.store.standing()] == ["done"]
