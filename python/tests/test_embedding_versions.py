"""From one embedding to another while the old one serves, as a program does it."""

import numpy as np
import pytest

import strata


def old(n):
    return np.random.default_rng(n).normal(size=4).astype(np.float32)


def new(n):
    return np.random.default_rng(n + 1_000_000).normal(size=6).astype(np.float32)


def embed(points):
    return np.array([new(point.payload["n"]) for point in points])


@pytest.fixture
def notes(db):
    notes = db.vector("notes", 4, words=True)
    notes.upsert_many([f"n{n:03}" for n in range(100)], np.array([old(n) for n in range(100)]),
                      [{"n": n} for n in range(100)], ["note"] * 100)
    return notes


def test_the_old_one_serves_until_the_cut_over_and_again_after_it(db, notes):
    notes.add_vector("new", {"dimension": 6, "index": "flat"})
    notes.name_vector("old")
    with pytest.raises(strata.FailedPrecondition, match='100 of 100 points .* no vector "new"'):
        notes.set_default_vector("new")
    assert notes.embed_missing("new", embed, batch=32) == 100
    assert notes.search(old(5), 1)[0].id == "n005"
    before = db.visible_lsn
    notes.set_default_vector("new")
    assert notes.search(new(5), 1)[0].id == "n005"
    assert notes.search(old(5), 1, using="old")[0].id == "n005"
    info = notes.info
    assert (info.default_vector, info.points_with) == ("new", {"new": 100, "old": 100})
    np.testing.assert_array_equal(notes.get("n007").vector, new(7))
    np.testing.assert_array_equal(notes.get("n007").vectors["old"], old(7))
    with db.view(before) as view:
        assert view.vector("notes").search(old(5), 1)[0].id == "n005"
    notes.upsert("n100", new(100), {"n": 100})
    with pytest.raises(strata.FailedPrecondition, match='1 of 101 points .*"n100"'):
        notes.set_default_vector("old")
    notes.set_default_vector("old", incomplete=True)
    assert len(notes.search(old(5), 200)) == 100
    assert len(notes.search_words("note", 200)) == 100
    assert db.vector("notes", words=True, vectors=info.vectors, default_vector="old").name == "notes"
    with pytest.raises(strata.AlreadyExists):
        db.vector("notes", words=True, vectors=info.vectors, default_vector="new")
    notes.set_default_vector("new")
    notes.drop_vector("old")
    assert list(notes.info.vectors) == ["new"]
    assert db.verify() == []


def test_embedding_goes_on_where_it_ended(notes):
    notes.add_vector("new", 6)
    asked = []

    def count(points):
        asked.append(len(points))
        return embed(points)

    def fail(points):
        raise OSError("the model is not there")

    assert notes.embed_missing("new", count, batch=30, progress=lambda done, total: done < 60) == 60
    with pytest.raises(OSError):
        notes.embed_missing("new", fail)
    with pytest.raises(strata.InvalidArgument, match="1 embeddings for 40 points"):
        notes.embed_missing("new", lambda points: embed(points[:1]))
    with pytest.raises(strata.InvalidArgument, match="dimensions"):
        notes.embed_missing("new", lambda points: np.ones((len(points), 5)))
    assert len(notes.points_without("new", limit=1_000)) == 40
    progress = []
    assert notes.embed_missing("new", count, batch=30, progress=lambda *at: progress.append(at)) == 40
    assert asked == [30, 30, 30, 10]
    assert progress == [(30, 40), (40, 40)]
    assert notes.embed_missing("new", fail) == 0


def test_a_point_that_changes_while_it_is_embedded_is_embedded_again(notes):
    notes.add_vector("new", 6)
    changed = []

    def slow(points):
        rows = embed(points)
        if not changed:
            changed.append(True)
            notes.upsert("n003", old(3), {"n": 500})
            notes.delete("n004")
        return rows

    assert notes.embed_missing("new", slow) == 99
    assert notes.points_without("new") == []
    np.testing.assert_array_equal(notes.get("n003").vectors["new"], new(500))


def test_all_in_one_transaction_or_nothing(db, notes):
    with pytest.raises(RuntimeError):
        with db.transaction() as tx:
            inside = tx.vector("notes")
            inside.add_vector("new", 6)
            inside.name_vector("old")
            inside.set_vectors("n001", {"new": new(1)})
            assert inside.search(new(1), 9, using="new")[0].id == "n001"
            with pytest.raises(strata.FailedPrecondition, match="batch by batch"):
                inside.embed_missing("new", embed)
            raise RuntimeError
    assert notes.info.dimension == 4
    assert notes.info.vectors == {}
    assert notes.search(old(5), 1)[0].id == "n005"
