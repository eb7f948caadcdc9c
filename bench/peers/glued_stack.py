"""The glued stack: SQLite for rows and links, LanceDB for vectors, a file an object, DuckDB for metrics, Redis for the
cache, HDF5 for arrays. Six writers one after the other, no transaction over them; the row is written last."""

import hashlib
import os
import shutil
import socket
import subprocess
import time

import duckdb
import h5py
import lancedb
import numpy
import pyarrow as pa

from peers.data import fuse

try:
    import redis
except ImportError:
    redis = None

import sqlite3

NAME = "glued stack"
SERVER = shutil.which("redis-server")
REDIS = "Redis" if SERVER and redis else "no Redis here (redis-server is missing)"
NOTE = f"SQLite (FULL) + LanceDB (never synced) + files (synced) + DuckDB + {REDIS} + HDF5 (flushed), one by one"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    def __init__(self, directory):
        self.directory = directory
        self.db = sqlite3.connect(f"{directory}/rows.sqlite", isolation_level=None)
        self.db.executescript("""
            pragma journal_mode=wal; pragma synchronous=full;
            create table memory(n integer primary key, id text unique not null, object text, metadata text, kind text);
            create table tag(memory text, key text, value text, weight real,
                             primary key(memory, key, value)) without rowid;
            create table link(source text, type text, target text, primary key(source, type, target)) without rowid;
            create virtual table words using fts5(text, content='');
        """)
        schema = pa.schema([("id", pa.string()), ("kind", pa.string()), ("vector", pa.list_(pa.float32(), 384))])
        self.schema = schema
        self.vectors = lancedb.connect(f"{directory}/lance").create_table("memory", schema=schema)
        self.metrics = duckdb.connect(f"{directory}/metrics.duckdb")
        self.metrics.execute("create table metric(time bigint, name varchar, value double)")
        self.arrays = h5py.File(f"{directory}/arrays.h5", "w")
        self.rows = self.arrays.create_dataset("activation", (0, 64), maxshape=(None, 64), chunks=(256, 64),
                                               dtype="<f4")
        os.makedirs(f"{directory}/objects", exist_ok=True)
        self.server = self.cache = None
        if SERVER and redis:
            port = free_port()
            self.server = subprocess.Popen([SERVER, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                            "--dir", directory], stdout=subprocess.DEVNULL)
            self.cache = redis.Redis(port=port)
            for _ in range(100):
                try:
                    self.cache.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)

    def path(self, digest):
        return f"{self.directory}/objects/{digest[:2]}/{digest}"

    def write(self, memories):
        digests = []
        for memory in memories:
            content = memory.text.encode()
            digest = hashlib.sha256(content).hexdigest()
            path = self.path(digest)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
                file.flush()
                if len(memories) == 1:
                    os.fdatasync(file.fileno())
            digests.append(digest)
        if len(memories) > 1:
            os.sync()
        flat = pa.array(numpy.concatenate([m.embedding for m in memories]), pa.float32())
        self.vectors.add(pa.table([[m.id for m in memories], [m.metadata["kind"] for m in memories],
                                   pa.FixedSizeListArray.from_arrays(flat, 384)], schema=self.schema))
        now = time.time_ns() // 1000
        if len(memories) == 1:
            self.metrics.execute("insert into metric values (?,?,?)",
                                 (now, memories[0].id, float(len(memories[0].text))))
        else:
            batch = pa.table({"time": [now] * len(memories), "name": [m.id for m in memories],
                              "value": [float(len(m.text)) for m in memories]})
            self.metrics.execute("insert into metric select * from batch")
        at = self.rows.shape[0]
        self.rows.resize(at + len(memories), axis=0)
        self.rows[at:] = numpy.stack([m.activation for m in memories])
        self.arrays.flush()
        db = self.db
        db.execute("begin immediate")
        for memory, digest in zip(memories, digests):
            n = db.execute("insert into memory(id, object, metadata, kind) values (?,?,?,?)",
                           (memory.id, digest, str(memory.metadata), memory.metadata["kind"])).lastrowid
            db.executemany("insert into tag values (?,?,?,?)", [(memory.id, *tag) for tag in memory.tags])
            db.executemany("insert into link values (?,?,?)", [(memory.id, *link) for link in memory.links])
            db.execute("insert into words(rowid, text) values (?,?)", (n, memory.text))
        db.execute("commit")
        if self.cache:
            pipe = self.cache.pipeline(transaction=False)
            for memory in memories:
                pipe.set("memory:" + memory.id, memory.text[:200], ex=3600)
            pipe.execute()

    def get(self, key):
        row = self.db.execute("select id, object, metadata from memory where id = ?", (key,)).fetchone()
        with open(self.path(row[1]), "rb") as file:
            return row, file.read()

    def two_hops(self, key):
        return self.db.execute("select target from link where source = ?1 union select b.target from link a "
                               "join link b on b.source = a.target where a.source = ?1", (key,)).fetchall()

    def fill_metrics(self, rows):
        batch = pa.table({"time": [r[0] for r in rows], "name": [r[1] for r in rows], "value": [r[2] for r in rows]})
        self.metrics.execute("insert into metric select * from batch")

    def metric_range(self, begin, end):
        return self.metrics.execute("select count(*), avg(value), max(value) from metric where time >= ? and time < ?",
                                    (begin, end)).fetchone()

    def recall(self, vector, words, kind):
        near = self.vectors.search(vector).distance_type("cosine").where(f"kind = '{kind}'", prefilter=True).select(
            ["id"]).limit(30).to_arrow()["id"].to_pylist()
        match = " OR ".join(f'"{word}"' for word in words.split())
        worded = [row[0] for row in self.db.execute(
            "select m.id from words w join memory m on m.n = w.rowid where words match ? and m.kind = ? "
            "order by bm25(words) limit 30", (match, kind))]
        linked = [row[0] for best in fuse(near, worded, k=5) for row in self.two_hops(best)]
        return [self.get(key) for key in fuse(near, worded, linked)]

    def flush(self):
        from datetime import timedelta
        self.vectors.optimize(cleanup_older_than=timedelta(0))
        self.metrics.execute("checkpoint")
        self.db.execute("pragma wal_checkpoint(truncate)").fetchall()

    def close(self):
        self.db.close()
        self.metrics.close()
        self.arrays.close()
        if self.server:
            self.server.terminate()
            self.server.wait()
