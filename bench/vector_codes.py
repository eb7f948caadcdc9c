#!/usr/bin/env python3
"""./dev bench vector_codes: what each kind of code costs and finds, in one collection whose quantization is altered.

The base is put once and compacted. Then for each quantization: how long the change takes, the bytes of a code, and for
some efforts the recall of the ten nearest and the queries a CPU second, one query a call. Times are CPU times of the
process, on one pinned core.
"""

import argparse
import datetime
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy
import strata
from peers.surroundings import machine
from peers.vector_data import around_centres, unit
from strata import Quantization

ROOT = Path(__file__).resolve().parent.parent
K = 10
EFFORTS = (32, 64, 128, 256)
KINDS = (Quantization("scalar", 4), Quantization("scalar", 8), Quantization("scalar", 16),
         Quantization("scalar", 4, "dimension"), Quantization("scalar", 4, "collection"),
         Quantization("scalar", 8, "dimension"), Quantization("product", 8), Quantization("product", 4, parts=-1),
         Quantization("rabitq"), Quantization("none"), Quantization("automatic"),
         Quantization("automatic", recall_min=0.99))


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench vector_codes", description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, metavar="FILE.npy", help="rows × dimensions (default: 60,000 made here)")
    parser.add_argument("--queries", type=Path, metavar="FILE.npy", help="queries of the same kind")
    parser.add_argument("--rows", type=int, default=60_000, help="of the base made here (default: %(default)s)")
    parser.add_argument("--no-record", action="store_true", help="do not write bench/results/")
    arguments = parser.parse_args()
    if (arguments.base is None) != (arguments.queries is None):
        parser.error("--base and --queries are given together")
    if arguments.rows < 10_000:
        parser.error(f"--rows is 10,000 or more, for smaller segments have no graph, not {arguments.rows}")
    return arguments


def data(arguments):
    if arguments.base is not None:
        return unit(numpy.load(arguments.base)), unit(numpy.load(arguments.queries))[:1_000]
    draw = around_centres()
    return draw(arguments.rows), draw(1_000)


def nearest(base, queries):
    best = []
    for begin in range(0, len(queries), 100):
        scores = queries[begin:begin + 100] @ base.T
        best.append(numpy.argpartition(-scores, K, axis=1)[:, :K])
    return numpy.concatenate(best)


def described(codes):
    if codes.kind == "scalar":
        return f"scalar, {codes.bits} bits" + (f", over each {codes.range}" if codes.bits < 16 else "")
    if codes.kind == "product":
        return f"product, {codes.parts or 'a quarter as many'} parts of {codes.bits} bits"
    if codes.kind == "automatic":
        return f"automatic, recall_min {codes.recall_min:.2f}"
    return codes.kind


def measure(collection, queries, truth, effort):
    found, begin = 0, time.process_time()
    answers = [collection.search(query, K, ef=effort, with_payload=False) for query in queries]
    seconds = time.process_time() - begin
    for hits, wanted in zip(answers, truth):
        found += len({int(hit.id) for hit in hits} & set(wanted.tolist()))
    return found / truth.size, len(queries) / seconds


def rows_of(directory, base, queries):
    truth = nearest(base, queries)
    with strata.open(f"{directory}/db", embedder="none") as db:
        collection = db.vector("bench", base.shape[1])
        for begin in range(0, len(base), 1_000):
            part = base[begin:begin + 1_000]
            collection.upsert_many([str(begin + i) for i in range(len(part))], part)
        db.compact()
        for codes in KINDS:
            codes = codes._replace(parts=base.shape[1]) if codes.parts < 0 else codes
            begin = time.process_time()
            collection.alter(quantization=codes)
            db.compact()
            changed = time.process_time() - begin
            figures = collection.info.figures
            cells = []
            for effort in EFFORTS:
                measure(collection, queries[:100], truth[:100], effort)
                cells.append("{:.4f} · {:,.0f}".format(*measure(collection, queries, truth, effort)))
            chosen = f" → {described(figures.quantization)}" if codes.kind == "automatic" else ""
            told = "" if figures.recall is None else f"{figures.recall:.3f}"
            size = figures.code_bytes
            smaller = f"{4 * base.shape[1] / size:.0f} ×" if size else "—"
            yield (f"| {described(codes)}{chosen} | {size} | {smaller} | {changed:.1f} | {told} | "
                   + " | ".join(cells) + " |")


def main():
    arguments = parse()
    base, queries = data(arguments)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    directory = tempfile.mkdtemp(prefix="strata-bench-")
    today = datetime.date.today().isoformat()
    lines = [f"# Codes that graphs are walked by, {today}", "",
             f"{len(base):,} × {base.shape[1]}, {machine(directory)}.", "",
             "Of each effort (`ef`): recall of the ten nearest · queries a CPU second, from Python, one query a call.",
             "",
             "| quantization | bytes of a code | smaller than f32 | change, CPU s | recall it tells | "
             + " | ".join(f"ef {effort}" for effort in EFFORTS) + " |", "|---|" + "---:|" * (4 + len(EFFORTS))]
    try:
        for row in rows_of(directory, base, queries):
            print(row, flush=True)
            lines.append(row)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if not arguments.no_record:
        path = ROOT / "bench" / "results" / f"vector-codes-{len(base)}-{today}.md"
        path.write_text("\n".join(lines) + "\n")
        print(path)


if __name__ == "__main__":
    main()
