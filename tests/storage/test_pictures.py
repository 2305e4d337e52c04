"""Addresses that a catalogue may name and must not be opened."""

from __future__ import annotations

import contextlib
import os
import sys

import pytest
from hostile_addresses import make_shop, of_elsewhere, of_machine

from unposed_jobs import config, storage
from unposed_jobs.catalogue import places
from unposed_jobs.storage import StorageError, pictures


class _Watch:
    """What the process opens while it is on; an audit hook stays for the process's life."""

    seen: list[str] | None = None
    hooked = False


def _listen(event, arguments):
    if arguments and isinstance(arguments[0], int):
        return  # What was opened before.
    if _Watch.seen is not None and event in ("open", "os.listdir", "os.scandir", "socket.connect"):
        _Watch.seen.append(f"{event} {arguments[0]!s} {arguments[1:]!s}")


@contextlib.contextmanager
def watched():
    """What is opened, listed and connected to within."""
    if not _Watch.hooked:
        sys.addaudithook(_listen)
        _Watch.hooked = True
    _Watch.seen = seen = []
    try:
        yield seen
    finally:
        _Watch.seen = None


@pytest.fixture
def shop(tmp_path):
    """A catalogue with one picture, and beside it what is none of its business."""
    folder = make_shop(tmp_path)
    for name in ("products.csv", "images.csv"):
        (folder / name).write_text("product_id\n")
    yield folder
    storage.configure(storage.ANYWHERE)


def configure(folder, **more):
    settings = config.load(
        catalogue__products=str(folder / "products.csv"),
        catalogue__images=str(folder / "images.csv"),
        **more,
    )
    storage.configure(places.allowed(settings))


def test_nothing_outside_of_its_places_is_opened(shop):
    configure(shop)
    addresses = [*of_machine(shop), *of_elsewhere(shop)]
    assert len(addresses) >= 30
    with watched() as seen:
        found = {uri: _status(uri) for uri in addresses}
        assert pictures.read_bytes(f"{shop}/a.jpg") == b"a picture"
    assert found == dict.fromkeys(addresses, "refused")
    assert [line for line in seen if f"{shop}/a.jpg" not in line] == []
    assert [line for line in seen if line.startswith("open")] != []


def _status(uri):
    known = storage.ObjectStat(1, "tag", None)
    statuses = set()
    for call, rest in ((pictures.stat, ()), (pictures.read_bytes, (100,))):
        with pytest.raises(StorageError) as caught:
            call(uri, *rest)
        statuses.add(caught.value.status)
        assert "\n" not in str(caught.value)
    with pytest.raises(StorageError) as caught:
        pictures.stat_if_changed(uri, known)
    assert statuses == {caught.value.status}
    return caught.value.status


def test_a_link_within_its_folder_is_followed(shop):
    configure(shop)
    assert pictures.read_bytes(f"{shop}/b.jpg") == b"a picture"
    assert pictures.stat(f"{shop}/b.jpg").size == 9


def test_the_message_says_what_would_allow_it_and_it_does(shop):
    configure(shop)
    outside = shop.parent / "outside"
    with pytest.raises(StorageError) as caught:
        pictures.read_bytes(f"{shop}/link.jpg")
    assert f'[storage] roots = ["{outside}"]' in str(caught.value)
    configure(shop, storage__roots=[str(outside)])
    assert pictures.read_bytes(f"{shop}/link.jpg") == b"secret"
    configure(shop, storage__roots=["/"])
    with pytest.raises(StorageError, match="the system's"):
        pictures.read_bytes(f"{shop}/self.jpg")


def test_the_image_root_and_the_folder_above_where_lists_may_leave_it(shop):
    outside = shop.parent / "outside"
    configure(shop, catalogue__image_root=str(outside))
    assert pictures.read_bytes(f"{outside}/secret") == b"secret"
    configure(shop, catalogue__allow_parent_paths=True)
    assert pictures.read_bytes(f"{shop}/../outside/secret") == b"secret"


def test_a_picture_that_is_swapped_for_a_link_while_it_is_opened(shop, monkeypatch):
    configure(shop)
    real = os.open

    def swapped(path, *rest, **named):
        if str(path) == f"{shop}/a.jpg":
            (shop / "a.jpg").unlink()
            (shop / "a.jpg").symlink_to("/etc/passwd")
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(StorageError):
        pictures.read_bytes(f"{shop}/a.jpg")


def test_buckets_of_the_sources_and_those_that_are_added():
    loaded = config.load(
        catalogue__products="iceberg:shop.products",
        catalogue__images="iceberg:shop.images",
        catalogue__image_root="s3://media/shop",
        storage__buckets=["more/pictures/"],
    )
    assert places.allowed(loaded).buckets == ("media", "more/pictures/")
    storage.configure(places.allowed(loaded))
    try:
        for uri in ("s3://media/x.jpg", "s3://more/pictures/a.jpg"):
            pictures._check_bucket(uri)
        for uri in ("s3://more/a.jpg", "s3://media2/a.jpg"):
            with pytest.raises(StorageError, match=r"\[storage\] buckets"):
                pictures.read_bytes(uri)
        with pytest.raises(StorageError, match=r"\[storage\] roots"):
            pictures.read_bytes("/etc/hostname")
    finally:
        storage.configure(storage.ANYWHERE)
