"""What does not suit a call is a strata.Error that names the argument and the value."""

import math

import numpy as np
import pytest

import strata

REFUSED = [
    ("k is a whole number, 0 or more, not -1", lambda db: db.memory.recall("a", k=-1)),
    ("hops is a whole number, 0 or more, not -1", lambda db: db.memory.recall("a", hops=-1)),
    ("text is text in Unicode.*ud800", lambda db: db.memory.remember("\ud800")),
    ("the weight of tag 'ci' is a number, not 'heavy'", lambda db: db.memory.remember("a", tags={"ci": "heavy"})),
    ("a tag is .* not 5", lambda db: db.memory.remember("a", tags=[5])),
    ("a link is .* not 5", lambda db: db.memory.remember("a", links=[5])),
    ("valid_from|a moment is", lambda db: db.memory.remember("a", valid_from=1.5)),
    ("metadata is a dict, not 'x'", lambda db: db.memory.remember("a", metadata="x")),
    ("the version of a migration is a whole number, 0 or more, not -1",
     lambda db: db.metadata.migrate("app", {-1: "create table t(a)"})),
    ("parameters is a list, not 'x'", lambda db: db.metadata.query("select ?", "x")),
    ("row is a dict, not 5", lambda db: db.metadata.put_row("t", 5)),
    ("not nan", lambda db: db.cache.set("a", b"b", ttl=float("nan"))),
    ("not inf", lambda db: db.cache.set("a", b"b", ttl=float("inf"))),
    (r"not 1e\+30", lambda db: db.cache.set("a", b"b", ttl=1e30)),
    (r"not \[1\]", lambda db: db.cache.set("a", b"b", ttl=[1])),
    ("key is text, not 5", lambda db: db.cache.get(5)),
    ("k is a whole number, 0 or more, not -1", lambda db: db.vector("v").search([1, 0], k=-1)),
    ("ef is a whole number, 0 or more, not -1", lambda db: db.vector("v").search([1, 0], ef=-1)),
    ("min_score is a number, not 'x'", lambda db: db.vector("v").search([1, 0], min_score="x")),
    ("min_score is a finite number, not nan", lambda db: db.vector("v").search([1, 0], min_score=float("nan"))),
    ("expected 2 axes", lambda db: db.vector("v").search_many([1, 0])),
    ("filter is a dict, not 'x'", lambda db: db.vector("v").search([1, 0], filter="x")),
    ("filter is a dict, not 'x'", lambda db: db.memory.recall("a", filter="x")),
    ("dimension is a whole number, 0 or more, not -1", lambda db: db.vector("w", dimension=-1)),
    ("dimension is a whole number that is not that large, not 1000000", lambda db: db.vector("w", dimension=10**20)),
    ("dimension is a whole number, not '4'", lambda db: db.vector("w", dimension="4")),
    (r"ids\[0\] is text, not 5", lambda db: db.vector("v").upsert(5, [1, 0])),
    (r"ids\[0\] is text in Unicode", lambda db: db.vector("v").upsert("\ud800", [1, 0])),
    (r"ids\[1\] is text, not 5", lambda db: db.vector("v").upsert_many(["a", 5], np.eye(2))),
    ("limit is a whole number, 0 or more, not -1", lambda db: db.graph.find_nodes(limit=-1)),
    ("id is a whole number, 0 or more, not -1", lambda db: db.graph.remove_edge(-1)),
    ("id is text, not 5", lambda db: db.graph.put_node(5)),
    ("properties is a dict, not 'x'", lambda db: db.graph.put_node("a", properties="x")),
    (r"row_shape\[0\] is a whole number, 0 or more, not -1", lambda db: db.array("b", dtype="int8", row_shape=(-1,))),
    ("chunk_rows is a whole number, 0 or more, not -1", lambda db: db.array("b", dtype="int8", chunk_rows=-1)),
    ("dtype is a type of numpy's, not 'foo'", lambda db: db.array("b", dtype="foo")),
    ("rows are numbers of type float32", lambda db: db.array("a").append(["a", "b", "c", "d"])),
    ("rows are numbers of type float32", lambda db: db.array("a").append(["1", "2", "3", "4"])),
    (r"rows are numbers of type int8, not \[1.5\]", lambda db: db.array("i", dtype="int8").append([1.5])),
    (r"rows are numbers of type int8, not \[nan\]", lambda db: db.array("i", dtype="int8").append([math.nan])),
    ("real numbers, but of complex128", lambda db: db.vector("v").upsert("a", np.ones(2, complex))),
    ("real numbers, but of <U1", lambda db: db.vector("v").upsert("a", ["1", "2"])),
    (r"real numbers, but of datetime64\[s\]", lambda db: db.vector("v").search(np.ones(2, "datetime64[s]"))),
    ("finite numbers; \"a\" has infinity at position 0", lambda db: db.vector("v").upsert("a", [1e300, 0])),
    ("a row is named by a whole number or a slice, not 'a'", lambda db: db.array("a")["a"]),
    ("columns is a dict, not 'x'", lambda db: db.analytics.create_table("m", "x")),
    ("the type of a column is text, not 5", lambda db: db.analytics.create_table("m", {"a": 5})),
    ("owner is text, not 5", lambda db: db.object.put(b"a", owner=5)),
    ("lsn is a whole number, 0 or more, not -1", lambda db: db.set_tag("t", -1)),
]


@pytest.fixture
def filled(db):
    db.vector("v", dimension=2)
    db.array("a", dtype="float32", row_shape=(4,))
    return db


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_does_not_suit_names_argument_and_value(filled, number):
    words, call = REFUSED[number]
    with pytest.raises(strata.InvalidArgument, match=words) as refused:
        call(filled)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("options", [{"cache_bytes": -1}, {"create": "yes"}, {"history": -1}, {"durability": 5}])
def test_options_name_the_value(path, options):
    with pytest.raises(strata.InvalidArgument, match=rf"not {next(iter(options.values()))!r}"):
        strata.open(path, **options)


@pytest.mark.parametrize("call", [lambda db, path: strata.open(path), lambda db, path: db.backup(path),
                                  lambda db, path: strata.restore(path, "x"),
                                  lambda db, path: strata.rebuild(path, "graph")])
def test_a_path_with_a_nul_byte_is_refused(db, tmp_path, call):
    with pytest.raises(strata.InvalidArgument, match="NUL byte"):
        call(db, f"{tmp_path}/x\0y")
    assert not (tmp_path / "x").exists()


def test_analytics_takes_parameters_in_order(db):
    with pytest.raises(strata.InvalidArgument, match="parameters is a list for ?"):
        db.analytics.query("select $a", {"a": 1})


def test_a_history_of_nothing_is_allowed(path):
    with strata.open(path, history=0) as db:
        db.graph.put_node("a")


def test_numbers_of_numpy_are_numbers(filled):
    filled.vector("v").upsert("a", [1, 0])
    assert [hit.id for hit in filled.vector("v").search([1, 0], k=np.int64(3))] == ["a"]
