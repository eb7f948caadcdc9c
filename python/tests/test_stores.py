"""Each store from Python: what goes in comes out, what is wrong is named."""

import io
import math
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

import strata
from strata import _strata


# ---- vector

def test_points_are_found_by_nearness_filter_and_words(db):
    notes = db.vector("notes", dimension=2, words=True)
    notes.upsert_many(["a", "b", "c"], np.eye(3, 2, dtype=np.float32) + 0.5,
                      [{"lang": "en"}, {"lang": "de"}, None], texts=["red fox", "blue fish", "red fish"])
    assert [hit.id for hit in notes.search([1, 0], k=2)] == ["a", "c"]
    assert [hit.id for hit in notes.search([1, 0], filter={"lang": "de"})] == ["b"]
    assert [hit.id for hit in notes.search_words("fish")][0] in {"b", "c"}
    assert notes.count() == len(notes) == 3
    assert notes.count({"lang": {"any": ["en", "de"]}}) == 2
    [hit] = notes.search([1, 0], k=1, with_vector=True)
    assert hit.vector.dtype == np.float32 and hit.vector.tolist() == [1.5, 0.5]
    assert notes.get("a").payload == {"lang": "en"}
    assert notes.get("nobody") is None
    assert [point.id for point in notes.scroll(page=2)] == ["a", "b", "c"]
    assert notes.delete(["a", "nobody"]) == 1
    assert "a" not in notes and "b" in notes
    [info] = db.vector.collections()
    assert info[:9] == ("notes", 2, "cosine", True, 2, "f32", "hnsw", 32, 128)


def test_a_collection_is_made_once(db):
    db.vector("notes", dimension=2)
    db.vector("notes", dimension=2)
    with pytest.raises(strata.AlreadyExists, match="notes"):
        db.vector("notes", dimension=3)
    with pytest.raises(strata.NotFound, match="nowhere"):
        db.vector("nowhere").count()


def test_a_float32_matrix_is_read_where_it_is():
    matrix = np.ones((4, 8), dtype=np.float32)
    from strata.vector import as_float32
    assert _strata.address_seen(as_float32(matrix, 2)) == matrix.ctypes.data
    frozen = matrix[1:]
    frozen.flags.writeable = False
    assert _strata.address_seen(as_float32(frozen, 2)) == frozen.ctypes.data
    assert _strata.address_seen(as_float32(matrix.T, 2)) != matrix.ctypes.data


def test_many_queries_at_once_and_a_least_score(db):
    notes = db.vector("notes", dimension=2, words=True)
    notes.upsert_many(["a", "b", "c"], [[1, 0], [0.6, 0.8], [0, 1]], texts=["red fox", "red bear", "red"])
    queries = np.array([[1, 0], [0, 1]], np.float32)
    assert [[hit.id for hit in hits] for hits in notes.search_many(queries, k=2)] == [["a", "b"], ["c", "b"]]
    assert notes.search_many(np.empty((0, 2))) == []
    assert notes.search_many(queries, k=1, with_vector=True)[1][0].vector.tolist() == [0, 1]
    with pytest.raises(strata.InvalidArgument, match="query 0 has 3"):
        notes.search_many(np.ones((1, 3)))
    assert [hit.id for hit in notes.search([1, 0], min_score=0.5)] == ["a", "b"]
    assert [len(hits) for hits in notes.search_many(queries, min_score=0.7)] == [1, 2]
    best = notes.search_words("bear")[0].score
    assert [hit.id for hit in notes.search_words("red bear", min_score=best)] == ["b"]


def test_a_query_has_sides_examples_and_diversity(db):
    notes = db.vector("notes", dimension=2, words=True)
    notes.upsert_many(["a", "b", "c", "d"], [[1, 0], [0.9, 0.1], [0, 1], [-1, 0]],
                      [{"lang": "en"}, {"lang": "en"}, {"lang": "de"}, None], texts=["fox", "bear", "fox", "bear fox"])
    hits = notes.query([1, 0], "bear")
    assert [hit.id for hit in hits][:2] == ["b", "d"] and len(hits) == 4
    id, score, payload = hits[0]
    assert (id, payload) == ("b", {"lang": "en"}) and score == pytest.approx(1 / 62 + 1 / 61)
    assert hits[0].by_vector.rank == 2 and hits[0].by_words == (1, notes.search_words("bear")[0].score)
    assert hits[2].by_words is None and hits[2].by_vector.rank == 1
    assert [hit.id for hit in notes.query([1, 0], "bear", weights=(1, 0), fusion="weighted")] == ["a", "b", "c", "d"]
    assert [hit.id for hit in notes.query(like=["a"])] == ["b", "c", "d"]
    assert [hit.id for hit in notes.query(like=[[1, 0]], unlike=["d"], recommend="best_score", k=1)] == ["a"]
    assert [hit.id for hit in notes.query([1, 0], diversity=0.8, k=2)] == ["a", "d"]
    assert notes.query(words="bear", k=1, with_vector=True)[0].vector.shape == (2,)
    for wrong, words in [({}, "needs a vector"), ({"vector": [1, 0], "like": ["a"]}, "not by both"),
                         ({"like": "a"}, "like is a list"), ({"vector": [1, 0], "fusion": "best"}, "not a fusion"),
                         ({"vector": [1, 0], "weights": (1,)}, "two numbers"), ({"words": 5}, "words is text, not 5"),
                         ({"like": ["a"], "recommend": "luck"}, "not a way to recommend"),
                         ({"vector": [1, 0], "diversity": "x"}, "diversity is a number, not 'x'"),
                         ({"vector": [1, 0], "candidates": -1}, "candidates is a whole number, 0 or more, not -1")]:
        with pytest.raises(strata.InvalidArgument, match=words):
            notes.query(**wrong)
    with pytest.raises(strata.NotFound, match="nobody"):
        notes.query(like=["nobody"])


def test_groups_facets_and_the_order_of_a_field(db):
    notes = db.vector("notes", dimension=1, metric="l2")
    payloads = [{"by": "ann", "n": 3}, {"by": "bob", "n": 1.5}, {"by": ["ann", "cy"], "n": "x"}, {"n": 3},
                {"by": "bob"}]
    notes.upsert_many(list("abcde"), [[0], [1], [2], [3], [4]], payloads)
    groups = notes.query_groups("by", [0], groups=2, size=1)
    assert [(group.value, [hit.id for hit in group.hits]) for group in groups] == [("ann", ["a"]), ("bob", ["b"])]
    assert [group.value for group in notes.query_groups("by", [0])] == ["ann", "bob", "cy"]
    assert groups[1].hits[0].by_vector.rank == 1
    assert notes.facets("by") == [("ann", 2), ("bob", 2), ("cy", 1)]
    assert notes.facets("by", filter={"n": 3}, limit=1)[0].points == 1
    assert [point.id for point in notes.scroll(order_by="n", page=2)] == ["b", "a", "d", "c", "e"]
    assert [point.id for point in notes.scroll(order_by="n", descending=True, page=1)] == ["c", "a", "d", "b", "e"]
    third = list(notes.scroll(order_by="n"))[2]
    assert (third.id, third.at) == ("d", 3)
    assert [point.id for point in notes.scroll(order_by="n", after=(third.at, third.id))] == ["c", "e"]
    with pytest.raises(strata.InvalidArgument, match="after is a pair"):
        next(notes.scroll(order_by="n", after="d"))


def test_wrong_vectors_are_refused_by_name(db):
    notes = db.vector("notes", dimension=3)
    with pytest.raises(strata.InvalidArgument, match="n1"):
        notes.upsert("n1", [1, 2])
    with pytest.raises(strata.InvalidArgument, match="axes"):
        notes.upsert("n1", [[1, 2, 3]])
    with pytest.raises(ValueError):
        notes.upsert("n1", [1, 2, math.nan])
    with pytest.raises(strata.InvalidArgument, match="2 payloads, 1 ids"):
        notes.upsert_many(["a"], [[1, 2, 3]], [{}, {}])
    with pytest.raises(strata.InvalidArgument):
        notes.upsert_many(["a", "b"], [[1, 2, 3]])
    assert notes.count() == 0


# ---- object

def test_objects_live_under_their_content(db):
    address = db.object.put("hello")
    assert address == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert db.object.put(b"hello") == address
    assert db.object.get(address) == b"hello"
    assert db.object.exists(address) and address in db.object
    assert db.object.info(address).bytes == 5
    assert [info.address for info in db.object.list()] == [address]
    db.object.remove(address)
    assert db.object.collect().objects == 1
    with pytest.raises(strata.NotFound):
        db.object.get(address)
    with pytest.raises(strata.InvalidArgument, match="xyz"):
        db.object.get("xyz")


def test_an_owner_refers_until_it_is_released(db):
    address = db.object.put(b"owned", owner="n1")
    assert db.object.collect().objects == 0
    assert db.object.release("n1") == 1
    assert db.object.collect().objects == 1
    assert not db.object.exists(address)


def test_objects_stream_in_and_out_of_files(db):
    content = bytes(range(256)) * 20_000
    address = db.object.put_stream(io.BytesIO(content))
    out = io.BytesIO()
    db.object.get_stream(address, out)
    assert out.getvalue() == content

    class Broken:
        def read(self, size):
            raise EOFError("the line broke")

    with pytest.raises(EOFError, match="the line broke"):
        db.object.put_stream(Broken())
    assert db.object.count() == 1


# ---- metadata

def test_sql_with_parameters_of_every_kind(db):
    db.metadata.execute("create table t(id integer primary key, a, b, c)")
    moment = datetime(2026, 11, 20, tzinfo=timezone.utc)
    assert db.metadata.execute("insert into t(a, b, c) values (?, ?, ?)", [1.5, b"\0x", moment]).rows_changed == 1
    db.metadata.execute("insert into t(a, b, c) values (:a, :b, :c)", {"a": "text", "b": None, "c": 2**63 - 1})
    rows = db.metadata.query("select a, b, c from t order by id")
    assert rows.columns == ["a", "b", "c"]
    assert list(rows) == [(1.5, b"\0x", 1_795_132_800_000_000), ("text", None, 2**63 - 1)]
    assert len(rows) == 2 and rows[1][0] == "text"
    assert rows.dicts()[0]["a"] == 1.5
    assert db.metadata.query("select count(*) from t").scalar() == 2
    with pytest.raises(strata.InvalidArgument, match="9223372036854775808"):
        db.metadata.query("select ?", [2**63])
    with pytest.raises(strata.InvalidArgument, match="set"):
        db.metadata.query("select ?", [{1}])
    with pytest.raises(strata.InvalidArgument, match="nothing"):
        db.metadata.query("select * from nothing")
    with pytest.raises(strata.PermissionDenied):
        db.metadata.query("delete from t")


def test_rows_by_key_settings_and_migrations(db):
    db.metadata.migrate("app", {1: "create table n(id text primary key, lsn integer)",
                                2: "alter table n add column title text"})
    db.metadata.migrate("app", [(1, "create table n(id text primary key, lsn integer)"),
                                (2, "alter table n add column title text")])
    db.metadata.put_row("n", {"id": "a", "title": "A", "lsn": strata.COMMIT_LSN})
    assert db.metadata.get_row("n", {"id": "a"}) == {"id": "a", "lsn": db.visible_lsn, "title": "A"}
    assert db.metadata.remove_row("n", {"id": "a"}) is True
    assert db.metadata.get_row("n", {"id": "a"}) is None
    db.metadata.set("colour", {"r": 1, "list": [True, None, 2.5]})
    assert db.metadata.get("colour") == {"r": 1, "list": [True, None, 2.5]}
    assert db.metadata.get("missing") is None


def test_rows_become_arrow_and_polars(db):
    pyarrow = pytest.importorskip("pyarrow")
    db.metadata.execute("create table t(id integer primary key, name text) strict")
    db.metadata.execute("insert into t values (1, 'a'), (2, null)")
    rows = db.metadata.query("select * from t order by id")
    db.metadata.execute("delete from t")  # the rows are of the state they were read in
    table = rows.arrow()
    assert table.to_pydict() == {"id": [1, 2], "name": ["a", None]}
    assert pyarrow.table(rows).num_rows == 2
    polars = pytest.importorskip("polars")
    assert rows.polars().equals(polars.DataFrame({"id": [1, 2], "name": ["a", None]}))


# ---- graph

def test_nodes_edges_and_the_ways_between(db):
    graph = db.graph
    for id in "abcd":
        graph.put_node(id, ["Note"], {"name": id, "rank": 1})
    edge = graph.add_edge("a", "FOLLOWS", "b", {"weight": 0.7})
    graph.add_edge("b", "FOLLOWS", "c")
    assert graph.merge_edge("a", "FOLLOWS", "b", {"weight": 0.8}) == edge
    assert graph.edge(edge) == (edge, "a", "FOLLOWS", "b", {"weight": 0.8})
    assert graph.node("a") == ("a", ["Note"], {"name": "a", "rank": 1})
    assert graph.node("z") is None
    assert graph.neighbours("b", direction="both") == [(edge, "a", "FOLLOWS", "in"), (edge + 1, "c", "FOLLOWS", "out")]
    assert graph.degree("b", direction="both", types=["FOLLOWS"]) == 2
    assert graph.reach("a", hops_max=2) == [("b", 1), ("c", 2)]
    assert graph.shortest_path("a", "c").nodes == ["a", "b", "c"]
    assert graph.shortest_path("a", "d") is None
    graph.create_index("Note", "name")
    assert [node.id for node in graph.find_nodes("Note", "name", "c")] == ["c"]
    assert graph.counts() == (4, 2)
    with pytest.raises(strata.FailedPrecondition):
        graph.remove_node("b", detach=False)
    assert graph.remove_node("b") is True
    assert graph.counts() == (3, 0)
    with pytest.raises(strata.NotFound, match="nobody"):
        graph.add_edge("a", "FOLLOWS", "nobody")
    with pytest.raises(strata.InvalidArgument, match="sideways"):
        graph.neighbours("a", direction="sideways")


# ---- analytics

def test_tables_of_events_and_sql_over_them(db):
    columns = {"note": "text", "latency_ms": "real", "hits": "integer"}
    db.analytics.create_table("metrics", columns)
    db.analytics.append("metrics", {"note": "a", "latency_ms": 1.0})
    db.analytics.append("metrics", [["b", 2.0, 7], ("c", 3.0, None)])
    db.analytics.append("metrics", [{"note": "d", "hits": 1}, {"latency_ms": 5.0}])
    assert db.analytics.tables() == [("metrics", columns, 5)]
    rows = db.analytics.query("select count(*), sum(latency_ms) from metrics where latency_ms > ?", [0.5])
    assert list(rows) == [(4, 11.0)]
    pytest.importorskip("pyarrow")
    table = db.analytics.query("select note, hits from metrics order by note nulls last").arrow()
    assert table.column("note").to_pylist() == ["a", "b", "c", "d", None]
    assert db.analytics.erase("metrics", "note", "b") == 1
    with pytest.raises(strata.InvalidArgument, match="nope"):
        db.analytics.append("metrics", [{"nope": 1}])
    with pytest.raises(strata.NotFound, match="missing"):
        db.analytics.append("missing", {"a": 1})
    with pytest.raises(strata.InvalidArgument):
        db.analytics.create_table("bad", {"a": "varchar"})


# ---- array

@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float16", "float32", "float64"])
def test_numpy_in_numpy_out(db, dtype):
    dataset = db.array("rows", dtype=dtype, row_shape=(2, 3))
    rows = np.arange(24).reshape(4, 2, 3).astype(dtype)
    assert dataset.append(rows, key="first") == 0
    assert dataset.append(rows[0]) == 4
    assert len(dataset) == 5 and dataset.shape == (5, 2, 3) and dataset.dtype == dtype
    out = dataset[1:3]
    assert out.dtype == dtype and (out == rows[1:3]).all()
    assert (dataset[-1] == rows[0]).all() and (dataset[::2] == rows[[0, 2, 0]]).all()
    assert dataset[4:2].shape == (0, 2, 3)
    with pytest.raises(IndexError, match="row 5"):
        dataset[5]
    assert dataset.find("first") == [(0, 4)]
    dataset.clear_rows(1, 2)
    assert not dataset[1].any() and dataset[2].any()
    dataset.set_attribute("layer", 12)
    assert dataset.attributes == {"layer": 12}


def test_another_dtype_or_shape_is_refused(db):
    dataset = db.array("rows", dtype=np.float32, row_shape=(3,))
    with pytest.raises(strata.InvalidArgument, match="float64"):
        dataset.append(np.zeros((1, 3)))
    with pytest.raises(strata.InvalidArgument):
        dataset.append(np.zeros((1, 4), dtype=np.float32))
    with pytest.raises(strata.AlreadyExists):
        db.array("rows", dtype="float64", row_shape=(3,))
    assert dataset.append([1, 2, 3]) == 0
    assert dataset.append(np.asfortranarray(np.ones((2, 3), dtype=np.float32))) == 1


def test_rows_outlive_their_database(path):
    with strata.open(path) as db:
        dataset = db.array("rows", dtype="int64")
        dataset.append([1, 2, 3])
        out = dataset[:]
    out += 1
    assert out.tolist() == [2, 3, 4]


# ---- cache

def test_entries_with_a_time_to_live(db):
    db.cache.set("a", "text", ttl="1h")
    db.cache.set("b", b"bytes", ttl=timedelta(minutes=5))
    db.cache.set("c", "x")
    assert db.cache.get("a") == b"text" and db.cache.get("nobody") is None
    assert 3500 < db.cache.ttl("a") <= 3600 and 290 < db.cache.ttl("b") <= 300
    assert db.cache.ttl("c") == math.inf and db.cache.ttl("nobody") is None
    assert db.cache.expire("c", 10.5) is True and 10 < db.cache.ttl("c") <= 10.5
    assert db.cache.remove("c") is True and db.cache.remove("c") is False
    assert db.cache.stats()["entries"] == 2
    db.cache.clear()
    assert db.cache.get("a") is None
    for wrong in ("soon", 0, -1):
        with pytest.raises(strata.InvalidArgument):
            db.cache.set("a", "x", ttl=wrong)
