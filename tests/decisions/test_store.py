"""The store: what stands, what ended, and the log that tells who."""

import datetime
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from unposed_jobs.decisions import Decision, Store
from unposed_jobs.decisions.schema import VERSION
from unposed_jobs.decisions.store import MOST_AT_ONCE
from unposed_jobs.errors import MachineError, UnposedError

UNTIL = datetime.date(2026, 12, 31)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """A store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new folder/decisions.db"
    server = request.getfixturevalue("postgresql")
    name = f"test_{uuid.uuid4().hex}"
    own = server.replace("postgresql", "postgresql+psycopg2", 1)
    engine = sa.create_engine(f"{own}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture
def store(address):
    return Store.open(address)


def waive(product="A", ask=7, **more):
    return Decision("waive", product_id=product, ask_id=ask, **more)


def test_a_store_that_is_not_there_says_nothing_until_it_is_made(address):
    assert Store.existing(address) is None
    Store.open(address)
    assert Store.existing(address).standing() == []


def test_those_who_make_the_store_at_once_all_have_it(address):
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store.open(address), range(8)))
    assert {store.information("version") for store in stores} == {str(VERSION)}


def test_a_decision_is_kept_as_it_was_made(store, address):
    made = [
        waive(until=UNTIL, reason="sold without"),
        Decision("merge", ask_ids=(3, 12), name="side"),
        Decision("rename", pose_id=7, name="from behind, “seen”"),
        Decision("shows", product_id="A", ask_id=1, image_uri="s3://b/ü.jpg", content_sha256="ab"),
        Decision("not_applicable", ask_id=2, category="Tops", subcategory="Polo"),
        Decision("assign", product_id="A", ask_id=7, assignee="Kim", due=UNTIL),
    ]
    store.decide(made, "Rossi")
    again = Store.existing(address).standing()
    assert [one.decision for one in again] == made
    assert {one.by for one in again} == {"Rossi"}
    assert all(one.at.tzinfo for one in again)


def test_of_two_about_the_same_thing_the_later_stands_and_undone_the_earlier_again(store):
    (first,) = store.decide([waive(until=UNTIL)], "Rossi")
    (second,) = store.decide([waive(reason="for good")], "Kim")
    assert [one.id for one in store.standing()] == [second.id]
    assert store.find(first.id).ended_for == second.id
    assert store.undo(second.id, "Rossi").id == second.id
    assert [one.id for one in store.standing()] == [first.id]
    store.undo(first.id, "Rossi")
    assert store.standing() == []
    with pytest.raises(UnposedError, match="does not stand"):
        store.undo(first.id, "Rossi")
    with pytest.raises(UnposedError, match="no decision 99"):
        store.undo(99, "Rossi")


def test_a_pose_or_ask_is_corrected_once_whatever_the_correction(store):
    store.decide([Decision("rename", ask_id=3, name="left"), Decision("hide", ask_id=12)], "R")
    (merge,) = store.decide([Decision("merge", ask_ids=(12, 3))], "R")
    assert [one.id for one in store.standing()] == [merge.id]
    store.undo(merge.id, "R")
    assert [one.decision.kind for one in store.standing()] == ["rename", "hide"]


def test_undoing_lets_nothing_stand_whose_place_is_taken(store):
    store.decide([Decision("rename", ask_id=3, name="left")], "R")
    (merge,) = store.decide([Decision("merge", ask_ids=(3, 12))], "R")
    (other,) = store.decide([Decision("hide", ask_id=3)], "R")
    assert not store.find(merge.id).stands
    store.undo(other.id, "R")
    assert [one.decision.kind for one in store.standing()] == ["merge"]


def test_every_write_leaves_a_line_that_tells_who(store):
    store.decide([waive(), waive("B")], "Rossi", address="10.0.0.1")
    store.undo(1, "Kim")
    store.log("Kim", "login", "logged in")
    lines = store.entries()
    assert [(line.who, line.action) for line in lines] == [
        ("Kim", "login"),
        ("Kim", "undo"),
        ("Rossi", "waive"),
        ("Rossi", "waive"),
    ]
    assert lines[1].summary == "undone: waive ask 7 of A"
    assert lines[3].address == "10.0.0.1"
    assert [line.id for line in store.entries(before=lines[1].id, limit=1)] == [lines[2].id]
    assert len(store.entries(who="Kim")) == 2


def test_all_decisions_of_a_bulk_action_or_none(store):
    with pytest.raises(UnposedError, match="at most"):
        store.decide([waive(str(number)) for number in range(MOST_AT_ONCE + 1)], "R")
    assert store.standing() == []
    made = store.decide([waive(str(number)) for number in range(1200)], "R")
    assert len({one.id for one in made}) == 1200
    assert [one.decision.product_id for one in made[:2]] == ["0", "1"]
    last, changed = store.changed_since(0)
    assert len(changed) == 1200
    assert store.changed_since(last) == (last, [])


def test_what_changed_has_what_ended_and_what_stands_again(store):
    (first,) = store.decide([waive()], "R")
    (second,) = store.decide([waive(reason="x")], "R")
    last, _ = store.changed_since(0)
    store.undo(second.id, "R")
    _, changed = store.changed_since(last)
    assert {one.id: one.stands for one in changed} == {first.id: True, second.id: False}


def test_two_people_at_once_leave_one_decision_and_two_lines(store, address):
    problems = []

    def decide(name):
        try:
            for _ in range(5):
                Store.open(address).decide([waive(reason=name)], name)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=decide, args=(name,)) for name in ("Rossi", "Kim")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(store.standing()) == 1
    assert len(store.entries()) == 10


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"kind": "delete"}, "no decision is called delete"),
        ({"kind": "rename", "pose_id": 1}, "needs a name"),
        ({"kind": "rename", "pose_id": 1, "ask_id": 2, "name": "x"}, "either a pose or an ask"),
        ({"kind": "merge", "ask_ids": (3, 3)}, "two asks"),
        ({"kind": "waive", "ask_id": 3}, "needs a product"),
        ({"kind": "waive", "product_id": "A"}, "needs an ask"),
        ({"kind": "waive", "product_id": "A", "ask_id": -1}, "no pose or ask has the id -1"),
        ({"kind": "waive", "product_id": "A\x00B", "ask_id": 1}, "control characters"),
        ({"kind": "not_applicable", "ask_id": 1}, "a category"),
        ({"kind": "shows", "product_id": "A", "ask_id": 1}, "a picture"),
        ({"kind": "assign", "product_id": "A", "ask_id": 1}, "a person or a day"),
        ({"kind": "hide", "pose_id": 1, "reason": "x" * 501}, "longer than 500"),
    ],
)
def test_what_is_incomplete_is_refused_in_one_line(values, problem):
    with pytest.raises(UnposedError, match=problem) as found:
        Decision(**values)
    assert "\n" not in str(found.value)


def test_a_reason_is_one_line():
    assert waive(reason=" two\nlines\x1b[31m ").reason == "twolines[31m"


def test_a_wrong_or_later_store_is_refused(store, address, tmp_path):
    with pytest.raises(UnposedError, match="no address"):
        Store.open("not an address")
    with pytest.raises(UnposedError, match="mysql is not supported"):
        Store.open("mysql://localhost/x")
    with store.writing.begin() as connection:
        connection.execute(sa.text("UPDATE store_information SET value = '9'"))
    with pytest.raises(UnposedError, match="of version 9"):
        Store.open(address)
    (tmp_path / "broken.db").write_text("no database" * 100)
    with pytest.raises(MachineError, match="store of decisions"):
        Store.existing(f"sqlite:///{tmp_path}/broken.db")
