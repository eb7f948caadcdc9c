"""Several vectors a point, dense and sparse, seen from Python."""

import numpy as np
import pytest

import strata
from strata.vector import SparseVector

VECTORS = {"title": 3, "body": {"dimension": 2, "metric": "l2", "element": "f16", "index": "flat"}, "splade": "sparse"}


@pytest.fixture
def docs(db):
    docs = db.vector("docs", vectors=VECTORS, words=True)
    docs.upsert("a", payload={"n": 1}, text="red fox",
                vectors={"title": [1, 0, 0], "body": [0, 0], "splade": {7: 0.5, 3: 2.0, 9: 0.0}})
    docs.upsert_many(["b", "c"], payloads=[{"n": 2}, {"n": 3}], texts=["fox", "bear"],
                     vectors={"title": np.array([[0, 1, 0], [0, 0, 1]], np.float32), "body": [[3, 4], None],
                              "splade": [None, SparseVector([7], [4.0])]})
    return docs


def test_a_collection_says_what_it_has(db, docs):
    info = docs.info
    assert info.dimension == 0
    assert list(info.vectors) == ["body", "splade", "title"]
    assert info.vectors["splade"] == {"kind": "sparse"}
    body = info.vectors["body"]
    assert (body["dimension"], body["metric"], body["element"], body["index"]) == (2, "l2", "f16", "flat")
    assert db.vector("docs", vectors=VECTORS, words=True).name == "docs"
    with pytest.raises(strata.AlreadyExists, match="title"):
        db.vector("docs", vectors={"title": 4}, words=True)
    assert [each.name for each in db.vector.collections()] == ["docs"]
    assert db.vector("plain", 3).info.vectors == {}


def test_each_vector_is_searched_by_its_name(docs):
    assert [hit.id for hit in docs.search([0, 1, 0.1], using="title")] == ["b", "c", "a"]
    hits = docs.search([3, 3], using="body", with_vector=True)  # c has none
    assert [(hit.id, hit.score) for hit in hits] == [("b", -1), ("a", -18)]
    np.testing.assert_array_equal(hits[0].vector, [3, 4])
    assert [[hit.id for hit in one] for one in docs.search_many([[0, 0], [9, 9]], k=1, using="body")] == [["a"], ["b"]]
    hits = docs.search({7: 2.0, 100: 1.0}, using="splade", with_vector=True)
    assert [(hit.id, hit.score) for hit in hits] == [("c", 8), ("a", 1)]
    assert hits[1].vector.indices.tolist() == [3, 7] and hits[1].vector.values.tolist() == [2, 0.5]
    assert [hit.id for hit in docs.search(SparseVector([7], [1]), using="splade", filter={"n": 1})] == ["a"]
    assert docs.search({}, using="splade") == []


def test_one_query_fuses_them_all(docs):
    hits = docs.query([1, 0, 0], "fox", using="title", also={"splade": {7: 1.0}, "body": [3, 4]},
                      also_weights={"body": 0.5}, with_vector=True)
    assert {hit.id for hit in hits} == {"a", "b", "c"}
    of = {hit.id: hit for hit in hits}
    assert of["a"].by_vector.rank == 1 and of["a"].by_also["splade"].rank == 2 and of["a"].by_also["body"].rank == 2
    assert of["b"].by_also["splade"] is None and of["b"].by_also["body"].rank == 1
    assert of["c"].by_words is None and of["c"].by_also["splade"].score == 4
    assert of["b"].score == pytest.approx(1 / 62 + 1 / 61 + 0.5 / 61)  # by_vector ties by id: b before c
    np.testing.assert_array_equal(of["c"].vector, [0, 0, 1])
    groups = docs.query_groups("n", also={"splade": {7: 1.0}}, size=1)
    assert [(group.value, group.hits[0].id) for group in groups] == [(3, "c"), (1, "a")]
    assert [hit.id for hit in docs.query(like=["a"], using="body")] == ["b"]


def test_points_give_them_back_and_single_ones_change(docs):
    point = docs.get("a")
    assert point.vector is None and list(point.vectors) == ["body", "splade", "title"]
    assert point.vectors["splade"].indices.tolist() == [3, 7]
    assert docs.get("a", with_vector=False).vectors == {}
    docs.set_vectors("a", {"title": None, "body": [1, 1]})
    assert list(docs.get("a").vectors) == ["body", "splade"]
    assert docs.get("a").payload == {"n": 1}
    assert [list(point.vectors) for point in docs.scroll(with_vector=True)] == [
        ["body", "splade"], ["body", "title"], ["splade", "title"]]
    docs.upsert("a", payload={"n": 9})  # whole: it has none now
    assert docs.get("a").vectors == {}


@pytest.mark.parametrize("call, said", [
    (lambda docs: docs.search([1, 0, 0]),
     'has no unnamed vector to search by; its vectors are "body", "splade", "title"'),
    (lambda docs: docs.search([1, 0, 0], using="tittle"), 'has no vector "tittle"'),
    (lambda docs: docs.search([1, 0], using="title"), "holds vectors of 3 dimensions; the query has 2"),
    (lambda docs: docs.search([1, 0, 0], using="splade"), "is sparse"),
    (lambda docs: docs.search({7: 1.0}, using="title"), "is not of sparse vectors"),
    (lambda docs: docs.search({-1: 1.0}, using="splade"), "0 to 4294967295"),
    (lambda docs: docs.search({"x": 1.0}, using="splade"), "whole numbers"),
    (lambda docs: docs.search(SparseVector([7, 7], [1, 1]), using="splade"), "each index once; the query has 7 twice"),
    (lambda docs: docs.upsert("x", vectors={"title": {3: 1.0}}), "is dense"),
    (lambda docs: docs.upsert("x", [1.0]), "has no unnamed vector"),
    (lambda docs: docs.upsert_many(["x", "y"], vectors={"title": [[1, 0, 0]]}), "1 title, 2 ids"),
    (lambda docs: docs.query(words="x", also_weights={"title": 1}), "also_weights has 'title'"),
])
def test_what_does_not_suit_is_refused_by_name(docs, call, said):
    with pytest.raises(strata.InvalidArgument, match=said):
        call(docs)


@pytest.mark.parametrize("vectors", [{"title": {}}, {"title": {"dimension": 3, "size": 3}}, {"title": "dense"},
                                     {"title": 0}, {"Title": 3}])
def test_a_vector_is_a_dimension_or_options_or_sparse(db, vectors):
    with pytest.raises(strata.InvalidArgument):
        db.vector("other", vectors=vectors)
    assert db.vector.collections() == []
