"""SQLite in one file: rows, FTS5 and sqlite-vec, synchronous = FULL. No arrays, no cache, no analytics engine."""

import json
import sqlite3
import time

import sqlite_vec

from peers.data import fuse

NAME = "SQLite, one file"
NOTE = "WAL, synchronous=FULL; metrics and links are tables, activations a blob column; no cache"


class Peer:
    def __init__(self, directory):
        self.db = sqlite3.connect(f"{directory}/one.sqlite", isolation_level=None)
        self.db.enable_load_extension(True)
        sqlite_vec.load(self.db)
        self.db.executescript("""
            pragma journal_mode=wal; pragma synchronous=full; pragma cache_size=-65536;
            create table memory(n integer primary key, id text unique not null, text text, metadata text, kind text,
                                created_at integer, activation blob);
            create table tag(memory text, key text, value text, weight real,
                             primary key(memory, key, value)) without rowid;
            create table link(source text, type text, target text, primary key(source, type, target)) without rowid;
            create index link_target on link(target);
            create table metric(time integer, name text, value real);
            create index metric_time on metric(time);
            create virtual table words using fts5(text, content='memory', content_rowid='n');
            create virtual table vectors using vec0(embedding float[384] distance_metric=cosine, kind text);
        """)

    def write(self, memories):
        now = time.time_ns() // 1000
        db = self.db
        db.execute("begin immediate")
        for memory in memories:
            n = db.execute("insert into memory(id, text, metadata, kind, created_at, activation) values (?,?,?,?,?,?)",
                           (memory.id, memory.text, json.dumps(memory.metadata), memory.metadata["kind"], now,
                            memory.activation.tobytes())).lastrowid
            db.executemany("insert into tag values (?,?,?,?)", [(memory.id, *tag) for tag in memory.tags])
            db.executemany("insert into link values (?,?,?)", [(memory.id, *link) for link in memory.links])
            db.execute("insert into words(rowid, text) values (?,?)", (n, memory.text))
            db.execute("insert into vectors(rowid, embedding, kind) values (?,?,?)",
                       (n, memory.embedding.tobytes(), memory.metadata["kind"]))
            db.execute("insert into metric values (?,?,?)", (now, memory.id, len(memory.text)))
        db.execute("commit")

    def get(self, key):
        return self.db.execute("select id, text, metadata from memory where id = ?", (key,)).fetchone()

    def two_hops(self, key):
        return self.db.execute("select target from link where source = ?1 union select b.target from link a "
                               "join link b on b.source = a.target where a.source = ?1", (key,)).fetchall()

    def fill_metrics(self, rows):
        self.db.execute("begin")
        self.db.executemany("insert into metric values (?,?,?)", rows)
        self.db.execute("commit")

    def metric_range(self, begin, end):
        return self.db.execute("select count(*), avg(value), max(value) from metric where time >= ? and time < ?",
                               (begin, end)).fetchone()

    def recall(self, vector, words, kind):
        near = [row[0] for row in self.db.execute(
            "select m.id from (select rowid from vectors where embedding match ? and k = 30 and kind = ? "
            "order by distance) v join memory m on m.n = v.rowid", (vector.tobytes(), kind))]
        match = " OR ".join(f'"{word}"' for word in words.split())
        worded = [row[0] for row in self.db.execute(
            "select m.id from words w join memory m on m.n = w.rowid where words match ? and m.kind = ? "
            "order by bm25(words) limit 30", (match, kind))]
        linked = [row[0] for best in fuse(near, worded, k=5) for row in self.two_hops(best)]
        ids = fuse(near, worded, linked)
        return self.db.execute(f"select id, text from memory where id in ({','.join('?' * len(ids))})", ids).fetchall()

    def flush(self):
        self.db.execute("pragma wal_checkpoint(truncate)").fetchall()

    def close(self):
        self.db.close()
