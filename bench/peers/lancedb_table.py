"""LanceDB alone: one table with vector, text, tags and links as columns. It never syncs: a power cut may take
anything."""

import json
from datetime import timedelta

import lancedb
import pyarrow as pa

NAME = "LanceDB"
NOTE = "one table, never synced; links, metrics, arrays and cache are columns or nothing; no index on vectors"

SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("kind", pa.string()), ("metadata", pa.string()),
                    ("tags", pa.list_(pa.string())), ("links", pa.list_(pa.string())),
                    ("vector", pa.list_(pa.float32(), 384)), ("activation", pa.list_(pa.float32(), 64))])


def table_of(memories):
    def fixed(rows, width):
        return pa.FixedSizeListArray.from_arrays(pa.array([v for row in rows for v in row], pa.float32()), width)
    return pa.table([
        [m.id for m in memories], [m.text for m in memories], [m.metadata["kind"] for m in memories],
        [json.dumps(m.metadata) for m in memories], [[f"{key}={value}" for key, value, _ in m.tags] for m in memories],
        [[f"{kind} {target}" for kind, target in m.links] for m in memories],
        fixed([m.embedding for m in memories], 384), fixed([m.activation for m in memories], 64)], schema=SCHEMA)


class Peer:
    def __init__(self, directory):
        self.table = lancedb.connect(f"{directory}/lance").create_table("memory", schema=SCHEMA)

    def write(self, memories):
        self.table.add(table_of(memories))

    def flush(self):
        self.table.optimize(cleanup_older_than=timedelta(0))

    def get(self, key):
        return self.table.search().where(f"id = '{key}'").limit(1).to_list()

    def close(self):
        pass
