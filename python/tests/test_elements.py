"""What a collection keeps its vectors as, and its index, seen from Python."""

import numpy as np
import pytest

import strata


def test_elements_are_rounded_once_and_scores_are_of_what_is_kept(db):
    notes = db.vector("halves", 3, metric="l2", element="f16", m=8, ef_construction=40)
    notes.upsert("a", [0.1, 2.0, -3.0])
    kept = notes.get("a").vector
    assert kept.tolist() == np.array([0.1, 2.0, -3.0], np.float16).astype(np.float32).tolist()
    assert notes.search(kept, 1)[0].score == 0
    info = notes.info
    assert (info.element, info.index, info.m, info.ef_construction) == ("f16", "hnsw", 8, 40)
    assert db.vector("halves", 3, metric="l2", element="f16", m=8, ef_construction=40).name == "halves"
    with pytest.raises(strata.AlreadyExists, match="f16"):
        db.vector("halves", 3, metric="l2")


def test_an_index_of_lists_is_asked_for_by_kind(db):
    notes = db.vector("lists", 3, index="ivf", lists=4)
    notes.upsert("a", [1, 0, 0])
    notes.upsert("b", [0, 1, 0])
    assert (notes.info.index, notes.info.lists) == ("ivf", 4)
    assert [hit.id for hit in notes.search([1, 0.1, 0], 1, probes=2)] == ["a"]
    assert [hit.id for hit in notes.query([0.1, 1, 0], k=1, probes=2)] == ["b"]
    many = notes.search_many([[1, 0, 0], [0, 1, 0]], 1, probes=1)
    assert [[hit.id for hit in hits] for hits in many] == [["a"], ["b"]]
    with pytest.raises(strata.InvalidArgument, match="probes.*not 65537"):
        notes.search([1, 0, 0], probes=65537)
    notes.alter(lists=7)
    assert (notes.info.index, notes.info.lists) == ("ivf", 7)


def test_what_a_type_does_not_hold_is_refused(db):
    bits = db.vector("bits", 4, metric="l2", element="binary", index="flat")
    bits.upsert("a", [0, 1, 1, 0])
    assert bits.search([1, 1, 1, 1], 1)[0].score == -2  # so many differ
    with pytest.raises(strata.InvalidArgument, match=r"0 and 1 \(binary\).*0.5"):
        bits.upsert("b", [0, 0.5, 1, 0])
    for wrong in ({"element": "f64"}, {"index": "tree"}, {"index": "ivf", "lists": 65537},
                  {"index": "ivf", "quantization": "rabitq"}, {"m": 3}, {"m": 64, "ef_construction": 63}):
        with pytest.raises(strata.InvalidArgument):
            db.vector("other", 4, **wrong)
    assert [each.name for each in db.vector.collections()] == ["bits"]
