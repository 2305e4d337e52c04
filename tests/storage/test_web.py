"""Pictures over http and https from a real server on the loopback."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import web_server
from web_server import MODIFIED, after, coded, reply, reset, truncated

from unposed_jobs import storage
from unposed_jobs.config import StorageSettings
from unposed_jobs.errors import UnposedError
from unposed_jobs.storage import StorageError, hosts, pacing, retrying, web
from unposed_jobs.storage.process import Process

PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 40
SETTINGS = StorageSettings(
    http_hosts=("127.0.0.1", "localhost"), http_private_addresses=True, http_seconds=5.0
)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return web_server.certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def configured(monkeypatch):
    """Configure; nothing is allowed again afterwards, and pauses are short."""
    monkeypatch.setattr(retrying, "PAUSE", 0.01)

    def configure(**changes):
        storage.configure(dataclasses.replace(SETTINGS, **changes))

    yield configure
    storage.configure(storage.ANYWHERE)


@pytest.fixture
def server(configured):
    configured()
    made = web_server.WebServer()
    made.files["/a.jpg"] = PICTURE
    yield made
    made.stop()


@pytest.fixture
def secure(configured, chain):
    configured(http_ca_bundle=str(chain[0]))
    made = web_server.WebServer(chain[1])
    made.files["/a.jpg"] = PICTURE
    yield made
    made.stop()


def failure(uri: str, call=storage.read_bytes) -> StorageError:
    with pytest.raises(StorageError) as caught:
        call(uri)
    assert "\n" not in str(caught.value)
    return caught.value


def status_of(uri: str) -> str:
    return failure(uri).status


def test_read_and_stat_over_one_connection(server):
    uri = f"{server.base}/a.jpg"
    assert storage.read_bytes(uri) == PICTURE
    seen = storage.stat(uri)
    assert (seen.size, seen.last_modified.isoformat()) == (
        len(PICTURE),
        "2026-01-05T10:00:00+00:00",
    )
    assert storage.read_bytes(uri, len(PICTURE)) == PICTURE
    assert storage.exists(uri)
    assert not storage.exists(f"{server.base}/none.jpg")
    with storage.open_input(uri) as file:
        assert file.read(3) == b"\xff\xd8\xff"


def test_read_over_https(secure):
    assert storage.read_bytes(f"{secure.base}/a.jpg") == PICTURE
    assert storage.read_bytes(f"https://localhost:{secure.port}/a.jpg") == PICTURE
    assert storage.read_bytes(f"//localhost:{secure.port}/a.jpg?v=2#top") == PICTURE
    assert secure.headers["/a.jpg"]["Host"] == f"localhost:{secure.port}"


def test_connections_are_kept(server, monkeypatch):
    made = []
    monkeypatch.setattr(
        hosts, "_connect", lambda *a, real=hosts._connect: made.append(1) or real(*a)
    )
    seen = storage.pictures.fetch_if_changed(f"{server.base}/a.jpg", None).stat
    for _ in range(3):
        assert storage.read_bytes(f"{server.base}/a.jpg") == PICTURE
        assert storage.pictures.fetch_if_changed(f"{server.base}/a.jpg", seen) is None
        assert status_of(f"{server.base}/none.jpg") == "missing"
    assert len(made) == 1


def test_a_certificate_of_nobody_known_is_not_trusted(secure, configured, chain, monkeypatch):
    configured()
    told = failure(f"{secure.base}/a.jpg")
    assert told.status == "unreachable"
    assert "http_ca_bundle" in str(told)
    # The environment's word counts where the setting is silent, for new connections.
    monkeypatch.setenv("SSL_CERT_FILE", str(chain[0]))
    configured(http_contact="me@shop.com")
    assert storage.read_bytes(f"{secure.base}/a.jpg") == PICTURE
    with pytest.raises(UnposedError, match="http_ca_bundle"):
        configured(http_ca_bundle="/nowhere.pem")


def test_the_certificate_must_name_the_host(secure, monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1", *a, **k))
    storage.configure(dataclasses.replace(Process.settings, http_hosts=("*",)))
    assert status_of(f"https://elsewhere.example:{secure.port}/a.jpg") == "unreachable"


@pytest.mark.parametrize(
    ("pattern", "uri", "matches"),
    [
        ("cdn.shop.com", "https://CDN.shop.com/a", True),
        ("cdn.shop.com", "https://cdn.shop.com.evil.com/a", False),
        ("cdn.shop.com", "https://cdnxshop.com/a", False),
        ("cdn.shop.com", "https://cdn.shop.com.:8443/a", True),
        ("cdn.shop.com:443", "https://cdn.shop.com/a", True),
        ("cdn.shop.com:443", "https://cdn.shop.com:22/a", False),
        ("*.shop.com", "http://a.b.shop.com/a", True),
        ("*.shop.com", "http://shop.com/a", False),
        ("*", "http://anything/a", True),
        ("*", "//anything/a", True),
        ("::1", "http://[::1]:80/a", True),
        ("[::1]:81", "http://[::1]:80/a", False),
    ],
)
def test_host_patterns(pattern, uri, matches):
    settings = StorageSettings(http_hosts=(pattern,))
    if matches:
        assert hosts.allowed(uri, settings).host
    else:
        with pytest.raises(StorageError, match="http_hosts") as caught:
            hosts.allowed(uri, settings)
        assert caught.value.status == "refused"


def test_without_a_host_named_nothing_is_fetched(server, configured):
    configured(http_hosts=())
    told = failure(f"{server.base}/a.jpg")
    assert told.status == "refused"
    assert 'http_hosts = ["127.0.0.1"]' in str(told)
    assert not server.asked


def test_credentials_in_an_address_are_refused(server):
    told = failure(f"http://me:hunter2@127.0.0.1:{server.port}/a.jpg")
    assert told.status == "refused"
    assert "hunter2" not in str(told)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_private_addresses(address):
    assert not hosts.public(address)


def test_public_addresses():
    assert all(map(hosts.public, ("93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8")))


def test_a_name_with_a_private_address_is_refused_before_a_byte_is_sent(server, configured):
    configured(http_private_addresses=False)
    for host in ("127.0.0.1", "localhost"):
        told = failure(f"http://{host}:{server.port}/a.jpg")
        assert told.status == "refused"
        assert "http_private_addresses" in str(told)
    assert not server.asked


def test_the_connection_is_made_to_the_address_that_was_checked(server, configured, monkeypatch):
    # A name that is public when it is looked up, and private ever after.
    real, answers = socket.getaddrinfo, iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    connected = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **k: real(next(answers), *a, **k))

    def connect(self, address):
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(hosts._Socket, "connect", connect)
    configured(http_private_addresses=False, http_hosts=("*",), http_attempts=1)
    assert status_of(f"http://rebound.example:{server.port}/a.jpg") == "unreachable"
    assert connected == ["93.184.216.34"]
    assert status_of(f"http://rebound.example:{server.port}/a.jpg") == "refused"
    assert connected == ["93.184.216.34"]


def test_redirects_are_followed_to_allowed_hosts_only(server, configured):
    for code in (301, 302, 303, 307, 308):
        server.answers[f"/{code}.jpg"] = coded(code, {"Location": "/a.jpg"}, b"elsewhere")
        assert storage.read_bytes(f"{server.base}/{code}.jpg") == PICTURE
    server.answers["/out.jpg"] = coded(302, {"Location": "http://169.254.169.254/latest?key=1"})
    server.answers["/file.jpg"] = coded(302, {"Location": "file:///etc/passwd"})
    server.answers["/loop.jpg"] = coded(302, {"Location": "/loop.jpg"})
    told = failure(f"{server.base}/out.jpg")
    assert told.status == "refused"
    assert "redirects to http://169.254.169.254/latest" in str(told)
    assert "key=1" not in str(told)
    assert status_of(f"{server.base}/file.jpg") == "refused"
    assert status_of(f"{server.base}/loop.jpg") == "unreachable"
    assert server.asked["/loop.jpg"] == web.REDIRECTS + 1


def test_a_redirect_from_https_to_http_is_refused(server, secure):
    secure.answers["/down.jpg"] = coded(302, {"Location": f"{server.base}/a.jpg"})
    assert status_of(f"{secure.base}/down.jpg") == "refused"
    assert not server.asked


@pytest.mark.parametrize(
    ("code", "status", "asked"),
    [
        (404, "missing", 1),
        (410, "gone", 1),
        (401, "forbidden", 1),
        (403, "forbidden", 1),
        (451, "forbidden", 1),
        (429, "rate_limited", 3),
        (500, "server_error", 3),
        (503, "server_error", 3),
        (304, "unreachable", 1),
        (204, "unreachable", 1),
    ],
)
def test_each_refusal_has_its_own_status(server, configured, code, status, asked):
    configured(http_attempts=3)
    server.answers["/x.jpg"] = coded(code, data=b"" if code in (204, 304) else b"no")
    told = failure(f"{server.base}/x.jpg?signature=hunter2")
    assert told.status == status
    assert "hunter2" not in str(told)
    assert server.asked["/x.jpg"] == asked


def test_a_host_that_is_busy_is_asked_again_when_it_says(server):
    server.answers["/busy.jpg"] = after(
        1, coded(429, {"Retry-After": "1"}), coded(200, None, PICTURE)
    )
    assert storage.read_bytes(f"{server.base}/busy.jpg") == PICTURE
    assert server.times[1] - server.times[0] >= 1.0


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves; [seconds]."""
    now = [1_000_000.0]
    monkeypatch.setattr(pacing.time, "time", lambda: now[0])
    monkeypatch.setattr(pacing.time, "sleep", lambda wait: now.__setitem__(0, now[0] + wait))
    return now


def test_whoever_comes_next_waits_as_well(clock, tmp_path):
    start = clock[0]
    pacing.Lane(str(tmp_path), 2, 1000.0).hold(5.0)
    with pacing.Lane(str(tmp_path), 2, 1000.0).place():
        assert clock[0] == pytest.approx(start + 5.0)
    pacing.Lane(str(tmp_path), 2, 1000.0).hold(10**6)
    with pacing.Lane(str(tmp_path), 2, 1000.0).place():
        assert clock[0] == pytest.approx(start + 5.0 + pacing.LONGEST_PAUSE)


def test_a_clock_that_was_set_back_stops_nobody_for_long(clock, tmp_path):
    lane = pacing.Lane(str(tmp_path), 2, 1000.0)
    lane.hold(30.0)
    clock[0] -= 10**6
    start = clock[0]
    with lane.place():
        assert clock[0] <= start + pacing.LONGEST_PAUSE


def test_the_rate_is_kept(clock, tmp_path):
    lane, start = pacing.Lane(str(tmp_path), 4, 50.0), clock[0]
    for _ in range(16):
        with lane.place():
            pass
    assert clock[0] - start == pytest.approx(15 / 50)


def test_a_host_that_asks_for_an_hour_is_given_up(server):
    server.answers["/x.jpg"] = coded(429, {"Retry-After": "3600"})
    assert status_of(f"{server.base}/x.jpg") == "rate_limited"
    assert server.asked["/x.jpg"] == 1


@pytest.mark.parametrize("fault", [reset, coded(502), truncated(PICTURE[:500], len(PICTURE))])
def test_what_passes_is_tried_again(server, fault):
    server.answers["/a.jpg"] = after(2, fault, lambda handler: server.serve(handler, "/a.jpg"))
    assert storage.read_bytes(f"{server.base}/a.jpg") == PICTURE
    assert server.asked["/a.jpg"] == 3


def test_an_answer_that_is_always_cut_off_is_no_picture(server):
    server.answers["/a.jpg"] = truncated(PICTURE[:500], len(PICTURE))
    assert status_of(f"{server.base}/a.jpg") == "unreachable"
    assert server.asked["/a.jpg"] == SETTINGS.http_attempts


def test_chunks_that_are_cut_off_are_no_picture(server):
    def chunked(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"100\r\n" + bytes(256) + b"\r\n")
        handler.close_connection = True

    server.answers["/a.jpg"] = chunked
    assert status_of(f"{server.base}/a.jpg") == "unreachable"


@pytest.mark.parametrize("where", ["header", "body"])
def test_slow_drips_end_when_the_time_is_over(server, configured, where):
    configured(http_seconds=0.5)

    def drip(handler):
        if where == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
        for _ in range(60):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.1)

    server.answers["/slow.jpg"] = drip
    assert status_of(f"{server.base}/slow.jpg") == "timeout"
    assert server.asked["/slow.jpg"] == retrying.SILENT_ATTEMPTS


def test_slow_drips_over_https(secure):
    storage.configure(dataclasses.replace(Process.settings, http_seconds=0.5))

    def drip(handler):
        for _ in range(60):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.1)

    secure.answers["/slow.jpg"] = drip
    assert status_of(f"{secure.base}/slow.jpg") == "timeout"


def test_a_host_that_never_answers_is_left_alone_for_a_while(configured, monkeypatch):
    configured(http_attempts=1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # It does not listen.
        uri = f"http://127.0.0.1:{nobody.getsockname()[1]}/a.jpg"
        for _ in range(pacing.SILENT):
            assert "no connection" in str(failure(uri))
        assert "not answered for a while" in str(failure(uri))
        monkeypatch.setattr(pacing, "REST", 0.0)
        assert "no connection" in str(failure(uri))


@pytest.mark.parametrize("told", [True, False])
def test_large_answers_are_not_read(server, told):
    def large(handler):
        handler.send_response(200)
        if told:
            handler.send_header("Content-Length", str(10**9))
        else:
            handler.close_connection = True
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(bytes(65536))

    server.answers["/large.jpg"] = large
    with pytest.raises(StorageError) as caught:
        storage.read_bytes(f"{server.base}/large.jpg", 100_000)
    assert caught.value.status == "too_large"


def test_a_body_that_unpacks_to_more_is_limited_by_what_it_unpacks_to(server):
    import gzip

    packed = gzip.compress(bytes(10_000_000))
    server.answers["/x.jpg"] = coded(200, {"Content-Encoding": "gzip"}, packed)
    with pytest.raises(StorageError) as caught:
        storage.read_bytes(f"{server.base}/x.jpg", 100_000)
    assert caught.value.status == "too_large"
    assert len(storage.read_bytes(f"{server.base}/x.jpg", 10_000_000)) == 10_000_000


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("text/html; charset=utf-8", b"<p>Not found</p>", "not_a_picture"),
        ("image/jpeg", b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "not_a_picture"),
        ("application/json", b'{"error": "none"}', "not_a_picture"),
        ("text/html", PICTURE, None),
        ("application/octet-stream", PICTURE, None),
        ("text/plain", b"\x89PNG\r\n\x1a\n\0\0", None),
    ],
)
def test_a_page_in_a_pictures_place(server, kind, data, status):
    server.answers["/x.jpg"] = coded(200, {"Content-Type": kind}, data)
    if status is None:
        assert storage.read_bytes(f"{server.base}/x.jpg") == data
    else:
        assert status_of(f"{server.base}/x.jpg") == status


def test_an_unchanged_picture_is_not_read(server):
    uri = f"{server.base}/a.jpg"
    first = storage.pictures.fetch_if_changed(uri, None)
    assert first.data == PICTURE
    assert storage.pictures.fetch_if_changed(uri, first.stat) is None
    assert server.bodies["/a.jpg"] == 1
    server.files["/a.jpg"] = PICTURE + b"1"
    assert storage.pictures.fetch_if_changed(uri, first.stat).data == PICTURE + b"1"


@pytest.mark.parametrize("validator", [{"ETag": 'W/"1"'}, {"Last-Modified": MODIFIED}])
@pytest.mark.parametrize("conditions", [True, False])
def test_either_validator_is_enough_whether_or_not_the_server_knows_conditions(
    server, validator, conditions
):
    bodies = []

    def answer(handler):
        asked = (handler.headers.get("If-None-Match"), handler.headers.get("If-Modified-Since"))
        if conditions and set(asked) & set(validator.values()):
            return reply(handler, 304, validator)
        bodies.append(1)
        return reply(handler, 200, validator, PICTURE)

    server.answers["/x.jpg"] = answer
    seen = storage.pictures.fetch_if_changed(f"{server.base}/x.jpg", None).stat
    assert storage.pictures.fetch_if_changed(f"{server.base}/x.jpg", seen) is None
    assert len(bodies) == (1 if conditions else 2)


def test_user_agent_and_contact(server, configured):
    configured(http_contact="pictures@shop.com")
    storage.read_bytes(f"{server.base}/a.jpg")
    sent = server.headers["/a.jpg"]
    assert sent["User-Agent"].startswith("unposed/")
    assert sent["User-Agent"].endswith("(+pictures@shop.com)")
    assert "Authorization" not in sent


def test_tokens_go_to_their_host_over_https_only(secure, server, monkeypatch, chain):
    tokens = {"127.0.0.1": "SHOP_TOKEN"}
    storage.configure(
        dataclasses.replace(SETTINGS, http_ca_bundle=str(chain[0]), http_tokens=tokens)
    )
    told = failure(f"{secure.base}/a.jpg")
    assert (told.status, "SHOP_TOKEN" in str(told)) == ("forbidden", True)
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    storage.read_bytes(f"{secure.base}/a.jpg")
    assert secure.headers["/a.jpg"]["Authorization"] == "Bearer hunter2"
    monkeypatch.setenv("SHOP_TOKEN", "X-Api-Key: hunter2")
    storage.read_bytes(f"{secure.base}/a.jpg")
    assert secure.headers["/a.jpg"]["X-Api-Key"] == "hunter2"
    secure.answers["/on.jpg"] = coded(302, {"Location": f"https://localhost:{secure.port}/a.jpg"})
    storage.read_bytes(f"{secure.base}/on.jpg")
    assert secure.headers["/on.jpg"]["X-Api-Key"] == "hunter2"
    assert "X-Api-Key" not in secure.headers["/a.jpg"]
    storage.read_bytes(f"{server.base}/a.jpg")
    assert "X-Api-Key" not in server.headers["/a.jpg"]
    monkeypatch.setenv("SHOP_TOKEN", "hunter2\nX-Evil: 1")
    assert "hunter2" not in str(failure(f"{secure.base}/a.jpg"))


def test_no_host_sees_more_at_once_than_its_bound(configured):
    configured(http_requests=3)
    server = web_server.WebServer(delay=0.02)
    server.files["/a.jpg"] = PICTURE
    try:
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(storage.read_bytes, [f"{server.base}/a.jpg"] * 40))
    finally:
        server.stop()
    assert server.most_at_once <= 3


def test_processes_share_a_hosts_bounds(tmp_path):
    # Locks of one process's threads and of processes are the same: each opens the file anew.
    lane = pacing.Lane(f"{tmp_path}", 1, 1000.0)
    import subprocess
    import sys

    code = (
        "import sys; from unposed_jobs.storage import pacing\n"
        f"with pacing.Lane({str(tmp_path)!r}, 1, 1000.0).place():\n"
        "    print('in', flush=True)\n"
    )
    with lane.place():
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=1.5)
    assert other.communicate(timeout=30)[0] == "in\n"


def test_a_picture_of_each_thread(server):
    wanted = {f"/{number}.jpg": PICTURE + bytes([number]) for number in range(60)}
    server.files |= wanted
    uris = [server.base + path for path in wanted]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(storage.read_bytes, uris)) == list(wanted.values())


def test_nothing_is_written_or_listed(server):
    uri = f"{server.base}/a.jpg"
    with pytest.raises(StorageError) as caught:
        storage.write_bytes(uri, b"")
    assert caught.value.status == "refused"
    assert storage.list_files(uri) == [uri]
    assert not storage.is_folder(uri)
    assert storage.join(f"{server.base}/x", "../a b.jpg") == f"{server.base}/x/../a%20b.jpg"


def test_configuring_again_in_other_threads_is_safe(server):
    stop = threading.Event()

    def configure():
        while not stop.is_set():
            storage.configure(SETTINGS)

    thread = threading.Thread(target=configure)
    thread.start()
    try:
        for _ in range(20):
            assert storage.read_bytes(f"{server.base}/a.jpg") == PICTURE
    finally:
        stop.set()
        thread.join()
