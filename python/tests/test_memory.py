"""remember, recall, forget."""

from datetime import datetime, timezone

import numpy as np
import pytest

import strata


def test_remember_and_recall(db):
    memory = db.memory
    other = memory.remember("A dependency was pinned to an old release", id="m0")
    id = memory.remember("The build broke because the compiler pin was too old", tags={"ci": 0.9},
                         links={"caused_by": other}, valid_from="2026-11-01", source="ci/4711",
                         metadata={"team": "infra"}, activation=np.arange(4, dtype=np.float32))
    memory.remember("Lunch is at noon")
    hit = memory.recall("why did the build break?", k=10, tags=["ci"])[0]
    assert hit.id == id and hit.text.startswith("The build broke") and hit.metadata["team"] == "infra"
    assert hit.why.vector_rank == 1 and 0 < hit.score <= 1
    assert other in {found.id for found in memory.recall("pin", near=id, hops=1)}
    assert memory.recall("build", valid_at=datetime(2026, 10, 1, tzinfo=timezone.utc), tags="ci") == []

    stored = memory.get(id)
    assert stored.tags == [("ci", "", 0.9)] and stored.links == [("caused_by", other, {})]
    assert stored.valid_from == datetime(2026, 11, 1, tzinfo=timezone.utc)
    assert (stored.version, stored.source, stored.forgotten) == (1, "ci/4711", False)
    assert memory.why(id, "build").id == id
    assert memory.get("nobody") is None
    assert memory.count() == 3 and memory.embedder.dimension == 384
    report = memory.check_agreement()
    assert report.atoms == 3 and report.disagreements == []


def test_a_moment_that_python_cannot_hold_comes_back_as_text(db):
    id = db.memory.remember("long before", valid_from=-(2**57), valid_to=2**59)
    stored = db.memory.get(id)
    assert stored.valid_from.startswith("-2597-") and stored.valid_to.startswith("20237-")
    assert db.memory.history(id)[0].valid_from == stored.valid_from


def test_a_refused_memory_leaves_nothing_in_its_transaction(db):
    with db.transaction() as tx:
        tx.memory.remember("kept", id="kept")
        with pytest.raises(strata.NotFound):
            tx.memory.remember("refused", id="refused", links={"next": "nobody"})
    assert db.memory.get("kept") and db.memory.get("refused") is None
    assert db.memory.count() == 1 and db.memory.check_agreement().disagreements == []


def test_history_and_forgetting(db):
    memory = db.memory
    id = memory.remember("first wording", id="m1")
    lsn = db.visible_lsn
    memory.remember("second wording", id=id)
    assert [version.text for version in memory.history(id)] == ["second wording", "first wording"]
    assert memory.get(id, as_of=lsn).text == "first wording"
    assert memory.recall("wording", as_of=lsn)[0].text == "first wording"
    receipt = memory.forget(id, receipt=True)
    assert receipt.id == id and len(receipt.hash) == 64 and receipt.removed
    assert id not in {hit.id for hit in memory.recall("wording")}
    with pytest.raises(strata.NotFound):
        memory.forget("nobody")


def test_many_memories_are_one_commit(db):
    memory = db.memory
    lsn = db.visible_lsn
    ids = memory.remember_many(["one", {"text": "two", "id": "b", "links": {"next": "c"}},
                                {"text": "three", "id": "c"}])
    assert len(ids) == 3 and ids[1:] == ["b", "c"]
    assert db.visible_lsn == lsn + 1
    with pytest.raises(strata.InvalidArgument, match="colour"):
        memory.remember_many([{"text": "four", "colour": "red"}])
    with pytest.raises(strata.NotFound, match="nobody"):
        memory.remember("five", links={"next": "nobody"})


def test_a_memory_joins_a_transaction(db):
    with db.transaction() as tx:
        id = tx.memory.remember("with everything else")
        tx.cache.set("k", id)
    assert db.memory.get(id).lsn == tx.lsn
    with pytest.raises(RuntimeError):
        with db.transaction() as tx:
            tx.memory.remember("never", id="never")
            raise RuntimeError
    assert db.memory.get("never") is None


def test_snapshots_name_a_state(db):
    db.memory.remember("kept", id="m1")
    snapshot = db.memory.snapshot("monday", notes="before the change")
    db.memory.remember("changed", id="m1")
    assert db.memory.snapshots() == [snapshot] and len(snapshot.hash) == 64
    assert db.memory.get("m1", as_of="monday").text == "kept"


def test_own_embeddings_need_no_embedder(path):
    with strata.open(path, embedder="none") as db:
        for i, vector in enumerate(np.eye(3)):
            db.memory.remember(f"memory {i}", id=f"m{i}", embedding=vector)
        assert db.memory.recall(embedding=[0, 1, 0], k=1)[0].id == "m1"


def test_a_database_knows_its_embedder(path):
    with strata.open(path, embedder="none") as db:
        db.memory.remember("text", id="m", embedding=np.ones(3, dtype=np.float32))
    with strata.open(path) as db:
        assert db.memory.embedder.model == "none"
        assert db.memory.get("m").text == "text"
        with pytest.raises(strata.Unsupported, match="no embedder"):
            db.memory.remember("more")
