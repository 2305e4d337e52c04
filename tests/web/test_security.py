"""Who may read and write, and what does not run."""

import csv
import dataclasses
import io

import pytest
from fastapi.routing import APIRoute
from python_calamine import CalamineWorkbook
from web_day import TITLE
from web_people import Served, csrf

from unposed_jobs import config
from unposed_jobs.errors import UnposedError
from unposed_jobs.web import exports, security, webhook
from unposed_jobs.web.app import create
from unposed_jobs.web.doors import role_of
from unposed_jobs.web.rendering import local

OPEN = {"/login", "/static", "/gallery-style"}
ITEM = '["A-2", 3]'


def routes(served, method):
    def every(found):
        for route in found:
            if isinstance(route, APIRoute):
                yield route
            elif hasattr(route, "original_router"):
                yield from every(route.original_router.routes)

    return {
        route.path
        for route in every(served.app.routes)
        if method in route.methods and route.path not in OPEN
    }


def test_a_stranger_reads_nothing(served):
    paths = routes(served, "GET")
    assert len(paths) > 15
    for path in paths:
        asked = path.replace("{slug}", "x").replace("{size}/{signature}", "small/x")
        answer = served.stranger().get(
            asked, params={"u": "/etc/passwd", "product": "A-1", "id": "A"}
        )
        if path.startswith("/api/"):
            assert answer.status_code == 401, path
        else:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login?back="), path
        assert "A-1" not in answer.text


def test_a_stranger_and_a_reader_write_nothing(served):
    reader = served.as_("Reader", "reader")
    for path in routes(served, "POST") - {"/logout", "/language"}:
        for client, codes in ((served.stranger(), (401,)), (reader, (403,))):
            body = {"csrf": csrf(reader, "/log"), "kind": "done", "item": ITEM}
            answer = client.post(path, data=body)
            assert answer.status_code in codes, (path, answer.text)
    assert served.program("P", "reader").delete("/api/v1/decisions/1").status_code == 403
    assert served.store.standing() == []
    assert "Decide" not in reader.get("/product?id=A-2").text


def test_an_editor_is_no_owner(served):
    editor = served.as_("Ed", "editor")
    assert editor.get("/people").status_code == 403
    form = {"csrf": csrf(editor), "name": "Ed", "role": "owner"}
    assert editor.post("/people", data=form).status_code == 403


def test_a_form_without_or_with_anothers_secret_does_nothing(served):
    editor, other = served.as_("Ed", "editor"), served.as_("Kim", "editor")
    form = {"kind": "done", "item": ITEM}
    for more in ({}, {"csrf": ""}, {"csrf": csrf(other)}):
        assert editor.post("/decide/gaps", data=form | more).status_code == 403
    foreign = {"sec-fetch-site": "cross-site"}
    whole = form | {"csrf": csrf(editor)}
    assert editor.post("/decide/gaps", data=whole, headers=foreign).status_code == 403
    assert served.store.standing() == []
    assert editor.post("/decide/gaps", data=whole).status_code == 303
    assert len(served.store.standing()) == 1


def test_a_login_ends_with_logging_out_being_blocked_and_time(served):
    client = served.as_("Ed", "editor")
    assert client.post("/logout", data={"csrf": csrf(client)}).status_code == 303
    assert client.get("/work").status_code == 303
    client, owner = served.as_("Ed", "editor"), served.as_("Own", "owner")
    form = {"csrf": csrf(owner), "name": "Ed", "role": "blocked"}
    assert owner.post("/people", data=form).status_code == 200
    assert client.get("/work").status_code == 303
    assert client.post("/login", data={"token": "nobody"}).status_code == 403


def test_tokens_and_sessions_are_not_kept_as_they_are(served, tmp_path):
    token = served.token("Ed", "editor")
    client = served.stranger()
    client.post("/login", data={"token": token})
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("decisions.db*"))
    assert token.encode() not in kept
    assert client.cookies["unposed_session"].encode() not in kept


def test_guessing_tokens_and_asking_without_end_are_stopped(served):
    client = served.stranger()
    codes = [
        client.post("/login", data={"token": str(n)}).status_code
        for n in range(security.LOGINS_A_MINUTE + 1)
    ]
    assert codes[-1] == 429
    few = dataclasses.replace(served.settings.serve, requests_a_minute=3)
    settings = dataclasses.replace(served.settings, serve=few)
    busy = Served(settings, served.store, create(settings, served.store)).as_("Kim", "reader")
    assert [busy.get("/log").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_script_in_a_title_is_text_on_every_page(served):
    client = served.as_("Ed", "owner")
    for page in ("/work", "/work/print", "/products", "/product?id=A-2", "/log"):
        text = client.get(page).text
        assert TITLE not in text, page
        if page != "/log":
            assert "&lt;script&gt;alert(1)" in text, page
    bad = '"><script>alert(2)</script>'
    form = {"csrf": csrf(client), "kind": "waive", "item": ITEM, "reason": bad, "back": "/work"}
    client.post("/decide/gaps", data=form)
    client.post("/views", data={"csrf": csrf(client), "name": bad, "page": "work"})
    client.post(
        "/decide/pose", data={"csrf": csrf(client), "kind": "rename", "ask": 3, "name": bad}
    )
    pages = (
        "/work?state=all",
        "/product?id=A-2",
        "/log",
        "/poses",
        f"/work?q={bad}",
        "/work/print",
    )
    for page in pages:
        answer = client.get(page)
        assert "<script>alert" not in answer.text, page
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_every_answer_has_the_headers(served):
    client = served.as_("Ed", "reader")
    for page in ("/work", "/login", "/nothing", "/static/serve.js", "/api/v1/day"):
        headers = client.get(page).headers
        assert headers["x-content-type-options"] == "nosniff", page
        assert "frame-ancestors 'none'" in headers["content-security-policy"], page
    assert client.get("/work").headers["cache-control"] == "no-store"
    cookie = served.stranger().post("/login", data={"token": served.token("A", "reader")})
    set_cookie = cookie.headers["set-cookie"].lower()
    assert "httponly" in set_cookie
    assert "samesite=lax" in set_cookie


def test_other_hosts_are_refused(served):
    client = served.as_("Ed", "reader")
    assert client.get("/work", headers={"host": "evil.example.com"}).status_code == 400


def test_an_open_host_needs_https_and_names(served):
    for serve, problem in (
        (config.ServeSettings(host="0.0.0.0"), "https"),
        (config.ServeSettings(host="0.0.0.0", https=True), "names"),
    ):
        with pytest.raises(UnposedError, match=problem):
            security.check_exposure(serve)
    security.check_exposure(config.ServeSettings())
    security.check_exposure(
        config.ServeSettings(host="0.0.0.0", https=True, names=("unposed.example.com",))
    )


def test_a_spreadsheet_computes_nothing(served):
    client = served.as_("Ed", "reader")
    text = client.get("/work/export?as=csv&state=all&marketplace=amazon").content.decode(
        "utf-8-sig"
    )
    rows = list(csv.DictReader(io.StringIO(text)))
    assert "'=1+2" in {row["product_id"] for row in rows}
    assert {row["brand"] for row in rows} == {"'=B", "Ö"}
    assert not any(cell.startswith(("=", "+", "@", "-")) for row in rows for cell in row.values())
    assert {row["amazon_code"] for row in rows if row["ask"] == "upper body, back"} == {"BACK"}
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(client.get("/work/export?as=xlsx&state=all").content)
    )
    cells = book.get_sheet_by_index(0).to_python()
    assert "=1+2" in {row[0] for row in cells}
    assert len(cells) == len(rows) + 1
    assert [exports.safe(v) for v in ("-1", -1, None, "a", "\t=x", "@x")] == [
        *("'-1", -1, "", "a", "'\t=x", "'@x"),
    ]


def test_pictures_are_those_that_a_page_has_shown(served, tmp_path):
    client = served.as_("Ed", "reader")
    pictures = served.app.state.pictures
    page = client.get("/product?id=A-1").text
    shown = page.partition('src="/picture/')[2].partition('"')[0].replace("&amp;", "&")
    answer = client.get(f"/picture/{shown}")
    assert answer.headers["content-type"] == "image/webp"
    secret = tmp_path.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    for path in (
        "/picture/small/x?u=/etc/passwd",
        f"/picture/small/{shown.split('/')[1].partition('?')[0]}?u=/etc/passwd",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/gallery-style/..%2f..%2f__init__.py",
        # Signed, and all the same outside of what the storage's settings allow.
        pictures.path("/etc/passwd"),
        pictures.path("http://169.254.169.254/latest"),
        pictures.path(str(secret)),
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert b"root:" not in answer.content
        assert b"secret" not in answer.content


INJECTED = (
    "'; DROP TABLE gaps; --",
    "' OR 1=1 --",
    '" OR ""="',
    "x') UNION SELECT 1 --",
    "%",
    "\x00",
    "$today",
)


@pytest.mark.parametrize("text", INJECTED)
def test_sql_in_a_filter_is_a_value(served, text):
    client = served.as_("Ed", "reader")
    for name in ("q", "category", "subcategory", "assignee", "col.brand", "product_type"):
        answer = client.get("/work", params={name: text})
        assert answer.status_code == 200, name
        assert "Nothing" in answer.text or text in ("\x00",), name
    for name in ("sort", "state", "size", "ask", "due", "remedy", "status"):
        assert client.get("/work", params={name: text}).status_code == 200, name
        assert client.get("/products", params={name: text}).status_code == 200, name
    for params in ({"why": text}, {"category": text}, {"since": "2026-03-01"}):
        assert client.get("/changes", params=params).status_code == 200
    assert client.get("/product", params={"id": text}).status_code == 404
    assert client.get("/work", params={"after": text}).status_code in (200, 422)
    assert "to take" in client.get("/work").text


def test_one_goes_back_to_pages_of_this_server_only():
    assert local("/work?q=a") == "/work?q=a"
    for back in ("//evil.com", "https://evil.com", "/\\evil.com", "javascript:x", "", "/a\r\nb: c"):
        assert local(back) == "/work"


def test_a_webhook_is_signed_and_goes_by_https(monkeypatch):
    monkeypatch.delenv(webhook.SECRET, raising=False)
    for address, problem in (
        ("http://x.example.com", "https"),
        ("https://x.example.com", "SECRET"),
    ):
        with pytest.raises(UnposedError, match=problem):
            webhook.check(config.ServeSettings(webhook=address))


def test_groups_give_the_highest_role():
    settings = config.ServeSettings(owners=("a",), editors=("b",), readers=("c",))
    assert role_of(["c", "b"], settings) == "editor"
    assert role_of(["a", "c"], settings) == "owner"
    assert role_of(["x"], settings) is None
    assert role_of([], config.ServeSettings()) == "reader"


def test_a_large_request_is_refused_before_it_is_read(served):
    editor = served.as_("Ed", "editor")
    answer = editor.post("/decide/gaps", content=b"x" * (security.LONGEST_BODY + 1))
    assert answer.status_code == 413
