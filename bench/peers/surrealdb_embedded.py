"""SurrealDB in the process (SurrealKV), every commit synced: records, graph edges, a vector field."""

import os

os.environ.setdefault("SURREAL_SYNC_DATA", "true")
os.environ.setdefault("SURREAL_SURREALKV_SYNC_DATA", "true")

from surrealdb import RecordID, Surreal  # noqa: E402  (the environment must be set first)

NAME = "SurrealDB"
NOTE = "embedded SurrealKV, sync on; metrics and activations are fields; vectors are compared one by one (no index)"


class Peer:
    def __init__(self, directory):
        self.db = Surreal(f"surrealkv://{directory}/surreal?sync=every")
        self.db.use("bench", "bench")
        self.db.query("define table memory schemaless; define table link type relation schemaless; "
                      "define table metric schemaless; define index metric_time on metric fields time")

    def write(self, memories):
        rows, links = [], []
        for memory in memories:
            rows.append({"id": RecordID("memory", memory.id), "text": memory.text, "kind": memory.metadata["kind"],
                         "metadata": memory.metadata, "tags": memory.tags, "embedding": memory.embedding.tolist(),
                         "activation": memory.activation.tolist(), "text_bytes": len(memory.text)})
            links += [{"in": RecordID("memory", memory.id), "out": RecordID("memory", target), "type": kind}
                      for kind, target in memory.links]
        self.db.query("begin; insert into memory $rows return none; "
                      "insert relation into link $links return none; commit;",
                      {"rows": rows, "links": links})

    def get(self, key):
        return self.db.query("select id, text, metadata from $id", {"id": RecordID("memory", key)})

    def two_hops(self, key):
        return self.db.query("select ->link->memory as one, ->link->memory->link->memory as two from $id",
                             {"id": RecordID("memory", key)})

    def close(self):
        self.db.close()
