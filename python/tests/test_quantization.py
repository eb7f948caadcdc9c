"""The codes that graphs are walked by, and their changes, seen from Python."""

import numpy as np
import pytest

import strata
from strata import Quantization


def test_codes_are_chosen_changed_and_told(db):
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((12_000, 16), dtype=np.float32)
    notes = db.vector("notes", 16, m=8, ef_construction=40, quantization=Quantization("scalar", bits=8))
    notes.upsert_many([f"n{i}" for i in range(len(vectors))], vectors)
    db.compact()
    assert notes.info.quantization == Quantization("scalar", bits=8)
    assert notes.info.figures.quantization == Quantization("scalar", bits=8)
    assert notes.info.figures.rows == len(vectors)
    assert notes.info.figures.code_bytes == 0
    exact = [hit.id for hit in notes.search(vectors[7], 10, exact=True)]
    for wanted, code_bytes in ((Quantization("product", bits=4, parts=16), 8), ("rabitq", 16), ("none", 0),
                               (Quantization("scalar", range="dimension"), 64)):
        notes.alter(quantization=wanted)
        db.compact()
        figures = notes.info.figures
        assert figures.code_bytes == code_bytes
        assert 0.5 < figures.recall <= 1
        hits = notes.search(vectors[7], 10, ef=300)
        assert len({hit.id for hit in hits} & set(exact)) >= 8
        assert hits[0].id == "n7" and hits[0].score == pytest.approx(1)
    notes.alter(index="flat")
    assert (notes.info.index, notes.info.m) == ("flat", 8)
    assert notes.info.figures.rows == 0
    notes.alter(index="hnsw", quantization=Quantization("automatic", recall_min=0.9))
    db.compact()
    assert notes.info.quantization.kind == "automatic"
    assert notes.info.figures.quantization.kind in ("rabitq", "scalar")
    assert notes.info.figures.recall >= 0.9
    # As it is now, it is found again; otherwise it is another.
    assert db.vector("notes", 16, m=8, ef_construction=40,
                     quantization=Quantization("automatic", recall_min=0.9)).name == "notes"
    with pytest.raises(strata.AlreadyExists, match="automatic"):
        db.vector("notes", 16, m=8, ef_construction=40)


def test_what_there_is_not_is_refused(db):
    notes = db.vector("notes", 4)
    for wrong in ({"quantization": "pq"}, {"quantization": Quantization("scalar", bits=3)},
                  {"quantization": Quantization("product", parts=5)}, {"m": 2}, {"index": "tree"}):
        with pytest.raises(strata.InvalidArgument):
            notes.alter(**wrong)
    notes.alter(memory_bytes=64 << 20)
    assert notes.info.memory_bytes == 64 << 20
    assert notes.info.quantization == Quantization()
