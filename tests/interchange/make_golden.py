#!/usr/bin/env python3
"""Writes golden/: small files of each foreign format, by the library that the format is of. The C++ tests of
src/interchange read them (`golden_fixture.h` knows the numbers); run again only when a format gets a case.

    build/interchange-venv/bin/python tests/interchange/make_golden.py
"""

import datetime
import decimal
import json
import pickle
import shutil
import sqlite3
from pathlib import Path

import chromadb
import faiss
import hnswlib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GOLDEN = Path(__file__).resolve().parent / "golden"
ROWS, DIMENSION = 20, 5
LABELS = np.arange(ROWS, dtype=np.int64) * 3 + 100


def vectors():
    """The same as golden_vector of golden_fixture.h: exact in 32 bits, no row zero."""
    rows, columns = np.indices((ROWS, DIMENSION))
    return ((rows * 7 + columns * 3) % 11 - 4.5 + rows / 16).astype(np.float32)


def write_npy(x):
    np.save(GOLDEN / "float32.npy", x)
    np.save(GOLDEN / "float16.npy", x.astype(np.float16))
    np.save(GOLDEN / "float64.npy", x.astype(np.float64) * (1 + 1e-12))
    np.save(GOLDEN / "fortran.npy", np.asfortranarray(x))
    np.save(GOLDEN / "ids_integer.npy", LABELS)
    np.save(GOLDEN / "ids_text.npy", np.array([f"n\u00e4{i}" for i in range(ROWS)]))
    np.save(GOLDEN / "ids_bytes.npy", np.array([f"b{i}".encode() for i in range(ROWS)]))


def write_hnswlib(x):
    index = hnswlib.Index(space="l2", dim=DIMENSION)
    index.init_index(max_elements=ROWS + 5, M=4, ef_construction=20, random_seed=1, allow_replace_deleted=True)
    index.add_items(x, LABELS)
    index.mark_deleted(int(LABELS[3]))
    index.mark_deleted(int(LABELS[17]))
    index.save_index(str(GOLDEN / "l2.hnswlib"))


def write_faiss(x):
    def save(name, index):
        faiss.write_index(index, str(GOLDEN / f"{name}.faiss"))

    def filled(index):
        index.train(x)
        index.add(x)
        return index

    save("flat_l2", filled(faiss.IndexFlatL2(DIMENSION)))
    save("flat_inner_product", filled(faiss.IndexFlatIP(DIMENSION)))
    save("flat_l1", filled(faiss.IndexFlat(DIMENSION, faiss.METRIC_L1)))
    save("hnsw_flat", filled(faiss.IndexHNSWFlat(DIMENSION, 4)))
    for name, inner in (("id_map", faiss.IndexIDMap), ("id_map2", faiss.IndexIDMap2)):
        mapped = inner(faiss.IndexFlatL2(DIMENSION))
        mapped.add_with_ids(x, LABELS)
        save(name, mapped)
    mapped = faiss.IndexIDMap(faiss.IndexHNSWFlat(DIMENSION, 4))
    mapped.add_with_ids(x, LABELS)
    save("id_map_hnsw", mapped)
    for name, lists in (("ivf_flat", 2), ("ivf_flat_sparse", 19)):
        quantizer = faiss.IndexFlatL2(DIMENSION)
        index = faiss.IndexIVFFlat(quantizer, DIMENSION, lists)
        index.cp.min_points_per_centroid = 1
        index.train(x)
        some = slice(None) if lists == 2 else slice(0, 3)
        index.add_with_ids(x[some], LABELS[some])
        save(name, index)
    for code in ("8bit", "4bit", "8bit_uniform", "4bit_uniform", "fp16", "8bit_direct", "6bit", "bf16",
                 "8bit_direct_signed"):
        index = faiss.IndexScalarQuantizer(DIMENSION, getattr(faiss.ScalarQuantizer, "QT_" + code), faiss.METRIC_L2)
        given = np.abs(np.round(x)) if code == "8bit_direct" else np.round(x) if code == "8bit_direct_signed" else x
        index.train(given)
        index.add(given)
        save("scalar_" + code, index)
        np.save(GOLDEN / f"scalar_{code}.npy", index.reconstruct_n(0, ROWS))
    hnsw = faiss.IndexHNSWSQ(DIMENSION, faiss.ScalarQuantizer.QT_8bit, 4)
    save("hnsw_scalar", filled(hnsw))
    product = faiss.IndexPQ(4, 2, 2)
    product.train(x[:, :4].copy())
    save("product", product)


def write_qdrant(x):
    """As the HTTP API's documentation has them (https://api.qdrant.tech/api-reference/points/scroll-points)."""
    points = [{"id": int(label) if i % 2 else f"00000000-0000-0000-0000-{i:012d}", "vector": [float(v) for v in row],
               "payload": {"row": i}} for i, (label, row) in enumerate(zip(LABELS, x))]
    answers = [{"result": {"points": points[:12], "next_page_offset": points[12]["id"]}, "status": "ok", "time": 0.001},
               {"result": {"points": points[12:], "next_page_offset": None}, "status": "ok", "time": 0.001}]
    (GOLDEN / "scroll.json").write_text("".join(json.dumps(answer, indent=1) + "\n" for answer in answers))


def write_parquet(x):
    moment = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.timezone.utc)
    columns = {
        "id": [f"n{i}" for i in range(ROWS)], "vector": pa.array(list(x), pa.list_(pa.float32())),
        "row": pa.array(range(ROWS), pa.int32()), "lang": ["en" if i % 2 else None for i in range(ROWS)],
        "when": [moment] * ROWS, "price": [decimal.Decimal("12.50")] * ROWS,
        "meta": [{"tags": ["a", "b"], "score": 0.5}] * ROWS,
    }
    pq.write_table(pa.table(columns), GOLDEN / "table.parquet")
    other = {"key": LABELS, "x": pa.array(list(x.astype(np.float64)), pa.list_(pa.float64(), DIMENSION))}
    pq.write_table(pa.table(other), GOLDEN / "integers.parquet")


class PersistentData:
    """As Chroma pickled its labels before it was written in Rust: an object of a class."""

    def __init__(self, labels):
        self.dimensionality, self.total_elements_added, self.max_seq_id = DIMENSION, len(labels), 7
        self.id_to_label = labels
        self.label_to_id = {label: id for id, label in labels.items()}
        self.id_to_seq_id = {}


def write_chroma(x):
    folder = GOLDEN / "chroma"
    shutil.rmtree(folder, ignore_errors=True)
    client = chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    small = {"hnsw": {"space": "l2", "sync_threshold": 10, "batch_size": 5}}  # so that the index gets a part
    notes = client.create_collection("notes", configuration=small, embedding_function=None)
    for at in range(0, ROWS, 4):
        rows = range(at, at + 4)
        notes.add(ids=[f"n{i}" for i in rows], embeddings=x[at:at + 4], documents=[f"doc {i}" for i in rows],
                  metadatas=[{"row": i, "real": i / 4, "flag": i % 2 == 0, "lang": "en"} for i in rows])
    notes.delete(ids=["n3"])
    notes.update(ids=["n5"], embeddings=[[1.0] * DIMENSION])
    notes.update(ids=["n6"], metadatas=[{"lang": "de"}])
    notes.add(ids=["late"], embeddings=[[2.0] * DIMENSION])
    client.create_collection("nothing", embedding_function=None)
    del notes, client
    file = sqlite3.connect(folder / "chroma.sqlite3")
    file.execute("pragma page_size = 512")
    file.execute("vacuum")
    file.close()
    for protocol in (2, 4):
        with open(GOLDEN / f"labels_{protocol}.pickle", "wb") as out:
            pickle.dump(PersistentData({f"n{i}": i for i in range(1, 2_000 if protocol == 4 else 300)}), out, protocol)


def main():
    GOLDEN.mkdir(exist_ok=True)
    x = vectors()
    write_npy(x)
    write_hnswlib(x)
    write_faiss(x)
    write_qdrant(x)
    write_parquet(x)
    write_chroma(x)
    files = [path for path in GOLDEN.rglob("*") if path.is_file()]
    print(sum(path.stat().st_size for path in files), "bytes in", len(files), "files")


if __name__ == "__main__":
    main()
