#!/usr/bin/env python3
"""The real libraries against the command: what they write we read, what we write they read and search.

    peers.py <strata>

They are installed into build/interchange-venv at the first run (requirements.txt); ./dev test --full runs this.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROWS, DIMENSION = 2_000, 48


def with_peers():
    """Goes on in the environment that has them."""
    build = Path(os.environ.get("STRATA_BUILD", "build"))
    venv = (build if build.is_absolute() else HERE.parents[1] / build) / "interchange-venv"
    stamp, wanted = venv / "stamp", hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
                        HERE / "requirements.txt"], check=True)
        stamp.write_text(wanted)
    os.execv(venv / "bin/python", [venv / "bin/python", *sys.argv])


def json_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class Peers(unittest.TestCase):
    strata = ""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        random = np.random.default_rng(7)
        self.x = random.standard_normal((ROWS, DIMENSION)).astype(np.float32)
        self.unit = self.x / np.linalg.norm(self.x, axis=1, keepdims=True)
        self.labels = random.permutation(10 * ROWS)[:ROWS].astype(np.int64)
        self.queries = random.standard_normal((20, DIMENSION)).astype(np.float32)

    def run_strata(self, *words):
        done = subprocess.run([self.strata, "vector", *map(str, words), "--json"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def take(self, name, *options):
        return self.run_strata("import", self.folder / "db", "c", self.folder / name, *options)

    def give(self, name, *options):
        return self.run_strata("export", self.folder / "db", "c", self.folder / name, *options)

    def upsert(self, ids, rows, metric):
        lines = "".join(json.dumps({"id": id, "vector": row.tolist(), "payload": {"n": n}}) + "\n"
                        for n, (id, row) in enumerate(zip(ids, rows)))
        self.run_strata("create", self.folder / "db", "c", "--dimension", DIMENSION, "--metric", metric)
        subprocess.run([self.strata, "vector", "upsert", self.folder / "db", "c"], input=lines, text=True, check=True,
                       capture_output=True)

    def stored(self, name="back"):
        """Ids, payloads and vectors, through the export that the other tests examine."""
        self.give(name)
        points = json_lines(self.folder / name / "points.jsonl")
        vectors = np.load(self.folder / name / "vectors.npy")
        return {point["id"]: (vector, point["payload"]) for point, vector in zip(points, vectors)}

    def assert_stored(self, rows, ids, atol=0.0):
        stored = self.stored()
        self.assertEqual(set(stored), {str(id) for id in ids})
        for id, row in zip(ids, rows):
            np.testing.assert_allclose(stored[str(id)][0], row, rtol=0, atol=atol)

    def test_faiss_indexes_of_every_kind_come_in(self):
        d = DIMENSION
        flat, ip = faiss.IndexFlatL2, faiss.IndexFlatIP
        kinds = {
            "flat": (flat(d), 0), "ip": (ip(d), 0), "hnsw": (faiss.IndexHNSWFlat(d, 16), 0),
            "hnsw_ip": (faiss.IndexHNSWFlat(d, 16, faiss.METRIC_INNER_PRODUCT), 0),
            "sq8": (faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_8bit), 1),
            "sq6": (faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_6bit), 1),
            "sq4": (faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_4bit), 1),
            "fp16": (faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16), 1),
            "ivf": (faiss.IndexIVFFlat(flat(d), d, 30), 0),
            "ivf_factory": (faiss.index_factory(d, "IVF16_HNSW8,Flat"), 0),
        }
        for name, (index, coded) in kinds.items():
            with self.subTest(name):
                index.train(self.x)
                mapped = index if name.startswith("ivf") else faiss.IndexIDMap2(index)
                mapped.add_with_ids(self.x, self.labels)
                faiss.write_index(mapped, str(self.folder / name))
                report = self.run_strata("import", self.folder / "db", name, self.folder / name)
                self.assertEqual(report["upserted"], ROWS)
                self.assertEqual(len(report["remarks"]), coded)
                self.assertEqual(report["metric"], "inner_product" if "ip" in name.split("_") else "l2")
                self.run_strata("export", self.folder / "db", name, self.folder / f"{name}-out")
                ids = [point["id"] for point in json_lines(self.folder / f"{name}-out/points.jsonl")]
                vectors = dict(zip(ids, np.load(self.folder / f"{name}-out/vectors.npy")))
                expected = index.reconstruct_n(0, ROWS) if coded else self.x
                for label, row in zip(self.labels, expected):
                    np.testing.assert_allclose(vectors[str(label)], row, rtol=0, atol=1e-6 if coded else 0)

    def test_an_index_that_we_wrote_is_searched_by_faiss(self):
        for metric, rows in (("l2", self.x), ("inner_product", self.x), ("cosine", 3 * self.x)):
            with self.subTest(metric):
                self.folder = Path(tempfile.mkdtemp(dir=self.folder))
                self.upsert([str(label) for label in self.labels], rows, metric)
                self.give("out.faiss", "--format", "faiss")
                index = faiss.read_index(str(self.folder / "out.faiss"))
                self.assertEqual(index.ntotal, ROWS)
                theirs = faiss.IndexIDMap2((faiss.IndexFlatL2 if metric == "l2" else faiss.IndexFlatIP)(DIMENSION))
                theirs.add_with_ids(self.unit if metric == "cosine" else rows, self.labels)
                _, ours = index.search(self.queries, 10)
                _, expected = theirs.search(self.queries, 10)
                self.assertGreater((ours == expected).mean(), 0.99)  # scaling may turn two that are as near
                np.testing.assert_allclose(index.reconstruct(int(self.labels[0])), theirs.reconstruct(
                    int(self.labels[0])), atol=1e-6)

    def test_ids_that_are_no_integers_travel_beside_the_index(self):
        ids = [f"note {n}" for n in range(ROWS)]
        self.upsert(ids, self.x, "l2")
        self.give("out.faiss", "--format", "faiss")
        index = faiss.read_index(str(self.folder / "out.faiss"))
        lines = json_lines(self.folder / "out.faiss.points.jsonl")
        for row in (0, 7, ROWS - 1):
            np.testing.assert_array_equal(index.reconstruct(row), self.x[ids.index(lines[row]["id"])])
        self.run_strata("drop", self.folder / "db", "c")
        self.assertEqual(self.take("out.faiss")["remarks"], [])
        self.assert_stored(self.x, ids)

    def test_hnswlib_indexes_come_in(self):
        for space, rows in (("l2", self.x), ("ip", self.x), ("cosine", self.unit)):
            with self.subTest(space):
                self.folder = Path(tempfile.mkdtemp(dir=self.folder))
                index = hnswlib.Index(space=space, dim=DIMENSION)
                index.init_index(max_elements=ROWS + 100, M=8, ef_construction=40)
                index.add_items(self.x, self.labels)
                for label in self.labels[:10]:
                    index.mark_deleted(int(label))
                index.save_index(str(self.folder / "index"))
                metric = {"l2": "l2", "ip": "inner_product", "cosine": "cosine"}[space]
                report = self.take("index", "--metric", metric)
                self.assertEqual(report["upserted"], ROWS - 10)
                self.assertEqual([remark["points"] for remark in report["remarks"]], [10])
                self.assert_stored(rows[10:], self.labels[10:], atol=1e-6 if space == "cosine" else 0)

    def test_an_exported_array_makes_an_hnswlib_index(self):
        self.upsert([str(label) for label in self.labels], self.x, "l2")
        self.give("out")
        points = json_lines(self.folder / "out/points.jsonl")
        vectors = np.load(self.folder / "out/vectors.npy")
        index = hnswlib.Index(space="l2", dim=DIMENSION)
        index.init_index(max_elements=len(vectors), M=16, ef_construction=100)
        index.add_items(vectors, [int(point["id"]) for point in points])
        index.set_ef(100)
        found, _ = index.knn_query(self.x[:50], k=1)
        self.assertGreater((found[:, 0].astype(np.int64) == self.labels[:50]).mean(), 0.95)

    def test_numpy_comes_in_with_ids_and_payloads(self):
        np.save(self.folder / "x.npy", self.x.astype(np.float16))
        np.save(self.folder / "ids.npy", np.array([f"nä{n}" for n in range(ROWS)]))
        report = self.take("x.npy", "--points", self.folder / "ids.npy", "--metric", "l2")
        self.assertEqual((report["upserted"], report["remarks"]), (ROWS, []))
        self.assert_stored(self.x.astype(np.float16).astype(np.float32), [f"nä{n}" for n in range(ROWS)])

    def test_qdrant_takes_our_points_and_gives_them_back(self):
        ids = [str(n) if n % 3 else f"note {n}" for n in range(ROWS)]
        self.upsert(ids, self.x, "l2")
        self.give("out.jsonl", "--format", "qdrant")
        client = qdrant_client.QdrantClient(":memory:")
        client.create_collection("c", qdrant_client.models.VectorParams(
            size=DIMENSION, distance=qdrant_client.models.Distance.EUCLID))
        for line in (self.folder / "out.jsonl").read_text().splitlines():
            client.upsert("c", qdrant_client.models.PointsList.model_validate_json(line).points)
        self.assertEqual(client.count("c").count, ROWS)
        with (self.folder / "scroll.json").open("w") as file:
            offset = None
            while True:
                records, offset = client.scroll("c", limit=300, offset=offset, with_vectors=True, with_payload=True)
                answer = {"result": {"points": [record.model_dump(mode="json") for record in records],
                                     "next_page_offset": offset}, "status": "ok", "time": 0.0}
                file.write(json.dumps(answer) + "\n")
                if offset is None:
                    break
        self.run_strata("drop", self.folder / "db", "c")
        self.assertEqual(self.take("scroll.json", "--metric", "l2")["remarks"], [])
        self.assert_stored(self.x, ids, atol=1e-6)
        self.assertEqual(self.stored("again")["note 3"][1], {"n": 3})

    def test_parquet_goes_through_lancedb_both_ways(self):
        ids = [f"note {n}" for n in range(ROWS)]
        self.upsert(ids, self.x, "l2")
        self.give("out.parquet", "--format", "parquet")
        written = pyarrow.parquet.read_table(self.folder / "out.parquet")
        self.assertEqual(set(written.column("id").to_pylist()), set(ids))
        table = lancedb.connect(self.folder / "lance").create_table("notes", written)
        for n in (0, 7, ROWS - 1):
            self.assertEqual(table.search(self.x[n]).limit(1).to_list()[0]["id"], ids[n])
        pyarrow.parquet.write_table(table.to_arrow(), self.folder / "back.parquet")
        self.run_strata("drop", self.folder / "db", "c")
        self.assertEqual(self.take("back.parquet", "--metric", "l2")["remarks"], [])
        self.assert_stored(self.x, ids)
        self.assertEqual(self.stored("again")["note 3"][1], {"n": 3})

    def test_a_chroma_directory_comes_in_and_an_export_goes_there(self):
        for space, metric in (("l2", "l2"), ("ip", "inner_product"), ("cosine", "cosine")):
            with self.subTest(space):
                self.folder = Path(tempfile.mkdtemp(dir=self.folder))
                client = self.chroma("chroma")
                notes = client.create_collection("notes", configuration={"hnsw": {"space": space}},
                                                 embedding_function=None)
                ids = [f"note {n}" for n in range(ROWS)]
                notes.add(ids=ids, embeddings=self.x, metadatas=[{"n": n, "tags": ["a", "b"]} for n in range(ROWS)])
                notes.delete(ids=ids[:5])
                notes.update(ids=[ids[7]], embeddings=[self.queries[0]])
                expected = self.x.copy()
                expected[7] = self.queries[0]
                del notes, client
                report = self.take("chroma")
                self.assertEqual((report["upserted"], report["metric"], report["remarks"]), (ROWS - 5, metric, []))
                stored = self.stored()
                self.assertEqual(set(stored), set(ids[5:]))
                for n in range(5, ROWS):
                    vector, payload = stored[ids[n]]
                    self.assertEqual(payload, {"n": n, "tags": ["a", "b"]})
                    # Those of the queue are as they were given, under cosine, too.
                    given = np.allclose(vector, expected[n], rtol=0, atol=0)
                    unit = expected[n] / np.linalg.norm(expected[n])
                    self.assertTrue(given or (space == "cosine" and np.allclose(vector, unit, rtol=0, atol=1e-6)))
        points = json_lines(self.folder / "back/points.jsonl")
        back = self.chroma("again").create_collection("back", embedding_function=None)
        back.add(ids=[point["id"] for point in points], embeddings=np.load(self.folder / "back/vectors.npy"),
                 metadatas=[point["payload"] for point in points])
        self.assertEqual(back.count(), ROWS - 5)

    def chroma(self, name):
        quiet = chromadb.Settings(anonymized_telemetry=False)
        return chromadb.PersistentClient(str(self.folder / name), settings=quiet)


if __name__ == "__main__":
    with_peers()
    import chromadb
    import faiss
    import hnswlib
    import lancedb
    import numpy as np
    import pyarrow.parquet
    import qdrant_client

    Peers.strata = sys.argv.pop(1)
    unittest.main()
