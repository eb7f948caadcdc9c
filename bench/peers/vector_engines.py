"""Vector engines behind one interface, each used from Python as its users do, one query a call.

    engine = ENGINES[name](directory); engine.build(base, groups)      groups: a number 0 … 999 of each row
    engine.search(query, k, effort) → rows                             engine.efforts, engine.filters
    engine.search(query, k, effort, below=50) → rows of groups below 50, where the engine filters
    engine.upsert(rows, vectors), .remove(rows), .settle()     where engine.changes; rows are numbers, settle does what
                                                               the engine wants done after many changes, if anything
"""

import os
import time

EFFORTS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


class Strata:
    """the strata package: durable batches of 1,000 points with string ids, a checkpoint, the graph"""
    efforts = EFFORTS
    filters = True

    def __init__(self, directory):
        import strata
        self.directory = f"{directory}/db"
        self.db = strata.open(self.directory, embedder="none")

    def build(self, base, groups):
        self.collection = self.db.vector("bench", base.shape[1], metric="cosine")
        for begin in range(0, len(base), 1_000):
            part = base[begin:begin + 1_000]
            self.collection.upsert_many([str(begin + i) for i in range(len(part))], part,
                                        [{"group": int(group)} for group in groups[begin:begin + 1_000]])
        self.db.compact()

    def search(self, query, k, effort, below=None):
        condition = None if below is None else {"group": {"lt": below}}
        return [int(hit.id) for hit in self.collection.search(query, k, condition, ef=effort, with_payload=False)]

    changes = True
    group = {"group": 0}

    def upsert(self, rows, vectors):
        self.collection.upsert_many([str(row) for row in rows], vectors, [self.group] * len(rows))

    def remove(self, rows):
        self.collection.delete([str(row) for row in rows])

    def settle(self):
        self.db.compact()

    def reopen(self):
        import strata
        self.db.close()
        begin = time.perf_counter()
        self.db = strata.open(self.directory, embedder="none")
        self.collection = self.db.vector("bench")
        return time.perf_counter() - begin


class Hnswlib:
    """hnswlib: in memory, integer labels; places of removed rows are used again"""
    efforts = EFFORTS
    filters = False  # a Python function asked for each row
    changes = True
    m, construction = 16, 200

    def __init__(self, directory):
        import hnswlib
        self.library, self.path = hnswlib, f"{directory}/index"

    def build(self, base, groups):
        self.index = self.library.Index("ip", base.shape[1])
        self.index.init_index(len(base) + 10_000, M=self.m, ef_construction=self.construction,
                              allow_replace_deleted=True)
        self.index.add_items(base, num_threads=1)
        self.index.save_index(self.path)

        self.labels, self.rows = list(range(len(base))), None  # of rows, and rows of labels once they differ

    def search(self, query, k, effort):
        self.index.set_ef(effort)
        found = self.index.knn_query(query, k, num_threads=1)[0][0]
        return found if self.rows is None else [self.rows[label] for label in found]


    def upsert(self, rows, vectors):
        self.rows = self.rows or list(range(len(self.labels)))
        for row in rows:                                     # one that comes back has another label: hnswlib loses it
            self.labels.extend([None] * (row + 1 - len(self.labels)))
            self.labels[row] = len(self.rows)
            self.rows.append(row)
        self.index.add_items(vectors, [self.labels[row] for row in rows], num_threads=1, replace_deleted=True)

    def remove(self, rows):
        for row in rows:
            self.index.mark_deleted(self.labels[row])

    def settle(self):
        self.index.save_index(self.path)


class HnswlibM24(Hnswlib):
    """hnswlib with M 24, construction 300"""
    m, construction = 24, 300


class Faiss:
    """faiss IndexHNSWFlat, M 16, construction 200: in memory, row numbers; filters are bitmaps made beforehand"""
    efforts = EFFORTS
    filters = True
    changes = False

    def __init__(self, directory):
        import faiss
        faiss.omp_set_num_threads(1)
        self.library, self.path = faiss, f"{directory}/index"

    def build(self, base, groups):
        self.groups, self.selectors = groups, {}
        self.index = self.library.IndexHNSWFlat(base.shape[1], 16, self.library.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = 200
        self.index.add(base)
        self.library.write_index(self.index, self.path)

    def search(self, query, k, effort, below=None):
        if below is None:
            self.index.hnsw.efSearch = effort
            return self.index.search(query[None, :], k)[1][0]
        import numpy
        if below not in self.selectors:
            bits = numpy.packbits(self.groups < below, bitorder="little")
            self.selectors[below] = (bits, self.library.IDSelectorBitmap(bits))
        how = self.library.SearchParametersHNSW(sel=self.selectors[below][1], efSearch=effort)
        return [row for row in self.index.search(query[None, :], k, params=how)[1][0] if row >= 0]


class Usearch:
    """usearch, bf16, M 16, construction 200: in memory, integer keys"""
    efforts = EFFORTS
    filters = False
    changes = True

    def __init__(self, directory):
        from usearch.index import Index
        self.make, self.path = Index, f"{directory}/index"

    def build(self, base, groups):
        import numpy
        self.index = self.make(ndim=base.shape[1], metric="ip", dtype="bf16", connectivity=16, expansion_add=200)
        self.index.add(numpy.arange(len(base)), base, threads=1)
        self.index.save(self.path)

    def search(self, query, k, effort):
        self.index.expansion_search = effort
        return self.index.search(query, k, threads=1).keys


    def upsert(self, rows, vectors):
        import numpy
        self.index.add(numpy.asarray(rows), vectors, threads=1)

    def remove(self, rows):
        import numpy
        self.index.remove(numpy.asarray(rows), compact=False)

    def settle(self):
        self.index.save(self.path)


class Zvec:
    """zvec, HNSW with int8 codes, refinement, M 32: a collection on disk, string ids; an inverted index for filters"""
    efforts = EFFORTS
    filters = True
    changes = True

    def __init__(self, directory):
        import zvec
        self.library, self.path = zvec, f"{directory}/collection"

    def build(self, base, groups):
        z = self.library
        z.init(query_threads=1, optimize_threads=1)
        ranges = z.InvertIndexParam(enable_range_optimization=True)
        group = z.FieldSchema("group", z.DataType.INT32, index_param=ranges)
        schema = z.CollectionSchema(name="bench", fields=[group], vectors=z.VectorSchema(
            "v", z.DataType.VECTOR_FP32, base.shape[1],
            index_param=z.HnswIndexParam(metric_type=z.MetricType.IP, m=32, ef_construction=200,
                                         quantize_type=z.QuantizeType.INT8)))
        self.collection = z.create_and_open(path=self.path, schema=schema)
        for begin in range(0, len(base), 1_000):
            self.collection.insert([
                z.Doc(id=str(begin + i), vectors={"v": vector.tolist()}, fields={"group": int(groups[begin + i])})
                for i, vector in enumerate(base[begin:begin + 1_000])])
        self.collection.optimize()

    def search(self, query, k, effort, below=None):
        z = self.library
        found = self.collection.query(z.VectorQuery("v", vector=query, param=z.HnswQueryParam(
            ef=effort, is_using_refiner=True)), topk=k, filter=None if below is None else f"group < {below}")
        return [int(doc.id) for doc in found]


    def upsert(self, rows, vectors):
        z = self.library
        self.collection.upsert([z.Doc(id=str(row), vectors={"v": vector.tolist()}, fields={"group": 0})
                                for row, vector in zip(rows, vectors)])

    def remove(self, rows):
        self.collection.delete([str(row) for row in rows])

    def settle(self):
        self.collection.optimize()


class QdrantEdge:
    """qdrant-edge, HNSW M 16 with int8 codes, rescoring: a shard on disk, integer ids; a payload index for filters"""
    efforts = EFFORTS
    filters = True
    changes = True

    def __init__(self, directory):
        import qdrant_edge
        self.library, self.path = qdrant_edge, f"{directory}/shard"
        os.makedirs(self.path)

    def build(self, base, groups):
        q = self.library
        self.shard = q.EdgeShard.create(self.path, q.EdgeConfig(vectors={"v": q.EdgeVectorParams(
            size=base.shape[1], distance=q.Distance.Dot,
            quantization_config=q.ScalarQuantizationConfig(type=q.ScalarType.Int8, quantile=0.99, always_ram=True))}))
        self.shard.update(q.UpdateOperation.create_field_index("group", q.PayloadSchemaType.Integer))
        for begin in range(0, len(base), 1_000):
            points = [q.Point(begin + i, {"v": vector.tolist()}, {"group": int(groups[begin + i])})
                      for i, vector in enumerate(base[begin:begin + 1_000])]
            self.shard.update(q.UpdateOperation.upsert_points(points))
        self.shard.optimize()

    def search(self, query, k, effort, below=None):
        q = self.library
        condition = None if below is None else q.Filter(must=[q.FieldCondition("group", range=q.RangeFloat(lt=below))])
        found = self.shard.query(q.QueryRequest(
            query=q.Query.Nearest(query.tolist(), using="v"), limit=k, filter=condition,
            params=q.SearchParams(hnsw_ef=effort)))
        return [point.id for point in found]


    def upsert(self, rows, vectors):
        q = self.library
        self.shard.update(q.UpdateOperation.upsert_points(
            [q.Point(int(row), {"v": vector.tolist()}, {"group": 0}) for row, vector in zip(rows, vectors)]))

    def remove(self, rows):
        self.shard.update(self.library.UpdateOperation.delete_points([int(row) for row in rows]))

    def settle(self):
        self.shard.optimize()


class Lancedb:
    """LanceDB, IVF_HNSW_SQ with refinement: a table on disk"""
    efforts = (16, 32, 64, 128, 256)
    filters = False
    changes = False

    def __init__(self, directory):
        import lancedb
        self.db = lancedb.connect(directory)

    def build(self, base, groups):
        import pyarrow
        vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(base.ravel()), base.shape[1])
        self.table = self.db.create_table("bench", pyarrow.table({"id": range(len(base)), "vector": vectors}))
        self.table.create_index(metric="dot", index_type="IVF_HNSW_SQ", num_partitions=1, vector_column_name="vector")

    def search(self, query, k, effort):
        found = self.table.search(query).distance_type("dot").ef(effort).refine_factor(2).limit(k).select(["id"])
        return found.to_arrow()["id"].to_pylist()


ENGINES = {"strata": Strata, "hnswlib": Hnswlib, "hnswlib_m24": HnswlibM24, "faiss": Faiss, "usearch": Usearch,
           "zvec": Zvec, "qdrant_edge": QdrantEdge, "lancedb": Lancedb}
