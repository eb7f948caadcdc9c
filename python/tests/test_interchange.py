"""Vectors from other stores, and back, as Python sees them; the formats have their tests in src/interchange."""

import json
from pathlib import Path

import numpy as np
import pytest

import strata

GOLDEN = Path(__file__).parents[2] / "tests/interchange/golden"


def test_an_array_comes_in_and_goes_out(db, tmp_path):
    x = np.arange(12, dtype=np.float32).reshape(4, 3) + 1
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "ids.jsonl").write_text("".join(json.dumps({"id": f"n{i}", "payload": {"i": i}}) + "\n"
                                                for i in range(4)))
    notes = db.vector("notes")
    report = notes.import_from(tmp_path / "x.npy", points=tmp_path / "ids.jsonl", metric="l2")
    assert (report.format, report.created, report.upserted, report.remarks) == ("npy float32", True, 4, [])
    np.testing.assert_array_equal(notes.get("n2").vector, x[2])
    assert notes.info.metric == "l2"
    written = notes.export_to(tmp_path / "out", filter={"i": {"gte": 1}})
    assert written.points == 3
    np.testing.assert_array_equal(np.load(written.files[0]), x[1:])
    assert [json.loads(line)["id"] for line in Path(written.files[1]).read_text().splitlines()] == ["n1", "n2", "n3"]


def test_remarks_and_errors_are_pythons(db):
    notes = db.vector("notes")
    report = notes.import_from(GOLDEN / "l2.hnswlib", metric="l2", format="hnswlib")
    assert report.remarks == [("deleted in the index: left out", 2, "label 109")]
    assert report.remarks[0].what.startswith("deleted")
    with pytest.raises(strata.FailedPrecondition, match="compares by l2"):
        notes.import_from(GOLDEN / "flat_inner_product.faiss")
    with pytest.raises(strata.Unsupported, match="IndexPQ"):
        notes.import_from(GOLDEN / "product.faiss")
    with pytest.raises(strata.InvalidArgument, match="not a format"):
        notes.import_from(GOLDEN / "product.faiss", format="annoy")
    with pytest.raises(strata.NotFound):
        db.vector("nothing").export_to("out")


def test_one_collection_of_a_chroma_directory_comes_in(db):
    notes = db.vector("notes")
    with pytest.raises(strata.InvalidArgument, match="of notes, nothing"):
        notes.import_from(GOLDEN / "chroma")
    assert notes.import_from(GOLDEN / "chroma", source_collection="notes", text_field="document").upserted == 20
    assert notes.search_words("doc")[0].payload["lang"] == "en"


def test_progress_cancels_and_resume_goes_on(db):
    notes = db.vector("notes")
    seen = []
    with pytest.raises(strata.Cancelled, match="resume goes on"):
        notes.import_from(GOLDEN / "id_map.faiss", batch=5, progress=lambda done, total: seen.append((done, total))
                          or done < 10)
    assert seen == [(5, 20), (10, 20)]
    assert len(notes) == 10
    assert notes.import_from(GOLDEN / "id_map.faiss", resume=True)[5:7] == (10, 10)


def test_a_view_is_exported_as_it_was_and_a_transaction_is_neither(db, tmp_path):
    notes = db.vector("notes")
    notes.import_from(GOLDEN / "id_map.faiss")
    with db.view() as view:
        notes.delete("100")
        assert view.vector("notes").export_to(tmp_path / "then.jsonl", format="qdrant").points == 20
        assert notes.export_to(tmp_path / "now.jsonl", format="qdrant").points == 19
    with db.transaction() as tx:
        with pytest.raises(strata.FailedPrecondition, match="a call of the database, not of a transaction"):
            tx.vector("notes").import_from(GOLDEN / "id_map.faiss")
        with pytest.raises(strata.FailedPrecondition, match="of the database or of a view"):
            tx.vector("notes").export_to(tmp_path / "x")
