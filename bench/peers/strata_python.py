"""Strata itself, through its Python package: what the binding adds to the C++ figures."""

import strata

NAME = "Strata, Python"
NOTE = "the strata package; all seven stores"


class Peer:
    def __init__(self, directory):
        self.directory = directory
        self.db = strata.open(f"{directory}/strata", embedder="none")
        self.ready = False

    def write(self, memories):
        atoms = [{"id": m.id, "text": m.text, "metadata": m.metadata, "tags": [tuple(tag) for tag in m.tags],
                  "links": [tuple(link) for link in m.links], "embedding": m.embedding, "activation": m.activation}
                 for m in memories]
        self.db.memory.remember_many(atoms)

    def get(self, key):
        return self.db.memory.get(key)

    def two_hops(self, key):
        return self.db.graph.reach(key, 1, 2)

    def fill_metrics(self, rows):
        self.db.analytics.create_table("reading", {"time": "integer", "name": "text", "value": "real"})
        self.db.analytics.append("reading", [{"time": t, "name": name, "value": value} for t, name, value in rows])

    def metric_range(self, begin, end):
        return self.db.analytics.query(
            "select count(*), avg(value), max(value) from reading where time >= ? and time < ?", [begin, end])

    def recall(self, vector, words, kind):
        return self.db.memory.recall(words, embedding=vector, filter={"kind": kind}, hops=2)

    def flush(self):
        self.db.checkpoint()

    def close(self):
        self.db.close()
