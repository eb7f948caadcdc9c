#!/usr/bin/env python3
"""./dev bench vector_changes: vectors that come and go, ours and the peers', in one run on the same data.

Each engine has a process of its own, pinned to two cores, as whoever writes and searches has. It holds the base but for
6,500 rows, then
  one by one   500 of these are put, each in a call of its own, and each is asked for at once
  batches      6,000 are put in calls of 1,000
  unmerged     queries before all this, right after it, and when the engine has settled: what searching costs meanwhile
  churn        ten rounds: 30 % of the rows go, as many that were out come in, the engine settles; recall after each
  unmerged     queries before all this, right after it, and when the engine has settled: what a search costs meanwhile
asserted. An engine that takes longer than --limit is told so.
"""

import argparse
import datetime
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers.surroundings import machine, peer_python
from peers.vector_data import around_centres, unit
from peers.vector_engines import ENGINES
from vector import disk_bytes, resident_bytes

ROOT = Path(__file__).resolve().parent.parent
ABLE = [name for name, engine in ENGINES.items() if engine.changes]
K, EFFORT = 10, 64
SINGLE, BATCHED, BATCH = 500, 6_000, 1_000


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench vector_changes", description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, metavar="FILE.npy", help="rows × dimensions (default: 60,000 made here)")
    parser.add_argument("--queries", type=Path, metavar="FILE.npy", help="queries of the same kind")
    parser.add_argument("--rows", type=int, default=60_000, help="of the base made here, 20,000 and more")
    parser.add_argument("--rounds", type=int, default=10, help="of churn (default: %(default)s)")
    parser.add_argument("--engines", default=",".join(ABLE), help="comma-separated (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=600, metavar="SECONDS", help="an engine (default: %(default)s)")
    parser.add_argument("--no-record", action="store_true", help="do not write bench/results/")
    parser.add_argument("--measure", nargs=3, metavar=("ENGINE", "DIR", "ROUNDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if (arguments.base is None) != (arguments.queries is None):
        parser.error("--base and --queries are given together")
    if arguments.rows < 20_000:
        parser.error(f"--rows is 20,000 or more, not {arguments.rows}")
    for name in arguments.engines.split(","):
        if name not in ABLE:
            parser.error(f"no engine {name} that can change; there are {', '.join(ABLE)}")
    return arguments


class Rows:
    """The base, and which of its rows the engine holds."""

    def __init__(self, base, queries):
        self.base, self.queries = base, queries
        self.held = numpy.zeros(len(base), bool)

    def recall_and_time(self, engine):
        scores = self.queries @ self.base.T
        scores[:, ~self.held] = -2
        least = numpy.partition(scores, -K, axis=1)[:, -K]
        engine.search(self.queries[0], K, EFFORT)
        begun, answers, slowest = time.perf_counter(), [], 0.0
        for query in self.queries:
            asked = time.perf_counter()
            answers.append(engine.search(query, K, EFFORT))
            slowest = max(slowest, time.perf_counter() - asked)
        seconds = time.perf_counter() - begun
        found = sum(int((scores[i][numpy.asarray(rows, numpy.int64)] >= least[i] - 1e-4).sum())
                    for i, rows in enumerate(answers))
        return {"recall": found / (K * len(self.queries)), "us": seconds / len(self.queries) * 1e6,
                "slowest_ms": slowest * 1e3}

    def put(self, engine, rows):
        self.held[rows] = True
        engine.upsert([int(row) for row in rows], self.base[rows])


def tell(**what):
    print(json.dumps(what), flush=True)


def measure(name, directory, rounds):
    """In a process of its own: a JSON line for each thing measured."""
    data = Path(directory)
    rows = Rows(numpy.load(data / "base.npy"), numpy.load(data / "queries.npy"))
    place = data / name
    place.mkdir()
    try:
        engine = ENGINES[name](str(place))
    except ImportError as error:
        return tell(absent=str(error))
    first = len(rows.base) - SINGLE - BATCHED
    engine.build(rows.base[:first], numpy.zeros(first, int))
    rows.held[:first] = True
    tell(what="settled", **rows.recall_and_time(engine))

    times, found = [], 0
    for row in range(first, first + SINGLE):
        begun = time.perf_counter()
        rows.put(engine, [row])
        times.append(time.perf_counter() - begun)
        found += row in list(engine.search(rows.base[row], K, EFFORT))
    times.sort()
    tell(what="single", p50_ms=times[SINGLE // 2] * 1e3, p99_ms=times[SINGLE * 99 // 100] * 1e3, found=found / SINGLE)

    cpu, wall = time.process_time(), time.perf_counter()
    for begin in range(first + SINGLE, len(rows.base), BATCH):
        rows.put(engine, numpy.arange(begin, begin + BATCH))
    tell(what="batches", per_s=BATCHED / (time.perf_counter() - wall),
         cpu_us=(time.process_time() - cpu) / BATCHED * 1e6)
    tell(what="unmerged", **rows.recall_and_time(engine))
    wall = time.perf_counter()
    engine.settle()
    tell(what="settle", seconds=time.perf_counter() - wall)
    tell(what="settled again", **rows.recall_and_time(engine))

    random = numpy.random.default_rng(11)
    rows_out = numpy.flatnonzero(rows.held)[int(rows.held.sum()) * 10 // 13:]     # so that as many can come as go
    engine.remove([int(row) for row in rows_out])
    rows.held[rows_out] = False
    for number in range(1, rounds + 1):
        held, outside = numpy.flatnonzero(rows.held), numpy.flatnonzero(~rows.held)
        count = min(len(held) * 3 // 10, len(outside))
        gone, come = random.choice(held, count, replace=False), random.choice(outside, count, replace=False)
        cpu, wall = time.process_time(), time.perf_counter()
        rows.held[gone] = False
        engine.remove([int(row) for row in gone])
        for begin in range(0, count, BATCH):
            rows.put(engine, come[begin:begin + BATCH])
        engine.settle()
        spent = {"seconds": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        tell(what="round", number=number, changed=2 * count, held=int(rows.held.sum()), **spent,
             disk_mb=disk_bytes(place) / 2**20, resident_mb=resident_bytes() / 2**20,
             peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, **rows.recall_and_time(engine))


def run(name, python, directory, arguments):
    command = ["taskset", "-c", "0,1", python, __file__, "--measure", name, directory, arguments.rounds]
    late = False
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=arguments.limit)
        output, error = done.stdout, done.stderr if done.returncode else ""
    except subprocess.TimeoutExpired as expired:
        output, error, late = (expired.stdout or b"").decode(), "", True
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if late:
        lines.append({"what": "ended", "why": f"not done after {arguments.limit} s"})
    elif error:
        lines.append({"what": "ended", "why": error.strip().splitlines()[-1]})
    return lines


def of(lines, what):
    return next((line for line in lines if line.get("what") == what), None)


def tables(results, rounds):
    def cell(line, text):
        return text(line) if line else "–"
    text = ["| engine | one by one: p50, p99 ms | found at once | batches of 1,000: rows/s | CPU µs a row | "
            "µs a query: settled, unmerged, settled | recall | until settled, s |", "|---|" + "---|" * 7]
    for name, lines in results.items():
        single, batches, settle = of(lines, "single"), of(lines, "batches"), of(lines, "settle")
        asked = [of(lines, what) for what in ("settled", "unmerged", "settled again")]
        text.append(f"| {name} | " + " | ".join([
            cell(single, lambda line: f"{line['p50_ms']:.3f}, {line['p99_ms']:.2f}"),
            cell(single, lambda line: f"{line['found']:.1%}"),
            cell(batches, lambda line: f"{line['per_s']:,.0f}"), cell(batches, lambda line: f"{line['cpu_us']:.0f}"),
            ", ".join(cell(line, lambda line: f"{line['us']:.0f}") for line in asked),
            ", ".join(cell(line, lambda line: f"{line['recall']:.4f}") for line in asked),
            cell(settle, lambda line: f"{line['seconds']:.1f}")]) + " |")
    text += ["", "| churn | recall before, after each round | changed rows a CPU second | disk MB, first and last | "
             "resident MB | peak MB | slowest query ms |", "|---|" + "---|" * 6]
    for name, lines in results.items():
        made = [line for line in lines if line.get("what") == "round"]
        why = of(lines, "ended")
        recalls = [cell(of(lines, "settled again"), lambda line: f"{line['recall']:.4f}"),
                   *(f"{line['recall']:.4f}" for line in made)]
        cost = sum(line["changed"] for line in made) / sum(line["cpu_s"] for line in made) if made else 0
        ends = (f"{cost:,.0f} | {made[0]['disk_mb']:.0f}, {made[-1]['disk_mb']:.0f} | {made[-1]['resident_mb']:.0f} | "
                f"{made[-1]['peak_mb']:.0f} | {max(line['slowest_ms'] for line in made):.1f}" if made else "| | | |")
        text.append(f"| {name} | {' '.join(recalls)}{' (' + why['why'][:90] + ')' if why else ''} | {ends} |")
    return "\n".join(text)


def main():
    arguments = parse()
    if arguments.measure:
        name, directory, rounds = arguments.measure
        return measure(name, directory, int(rounds))
    parent = ROOT / "build"
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-vector-changes-", dir=parent))
    try:
        python, absent = peer_python("requirements-vector.txt", "bench-vector-venv")
        before = machine(directory)
        if arguments.base:
            base, queries = unit(numpy.load(arguments.base)), unit(numpy.load(arguments.queries))
        else:
            draw = around_centres()
            base, queries = draw(arguments.rows), draw(1_000)
        numpy.save(directory / "base.npy", base[numpy.random.default_rng(13).permutation(len(base))])
        numpy.save(directory / "queries.npy", queries[:500])
        results = {}
        for name in arguments.engines.split(","):
            results[name] = run(name, sys.executable if name == "strata" else python, directory, arguments)
            print(f"{name}: " + "; ".join(json.dumps(line) for line in results[name]), flush=True)
            shutil.rmtree(directory / name, ignore_errors=True)
        text = tables(results, arguments.rounds)
        print("\n" + text)
        for line, why in absent.items():
            print(f"{line} could not be installed: {why}")
        if not arguments.no_record:
            today = datetime.date.today()
            notes = "\n".join(f"* {name}: {ENGINES[name].__doc__.strip()}" for name in results)
            path = ROOT / f"bench/results/vector-changes-{len(base)}-{today}.md"
            asked = ["./dev bench vector_changes", *(Path(each).name if "/" in each else each for each in sys.argv[1:])]
            about = f"{len(base):,} × {base.shape[1]}, 500 queries, recall@{K} at effort {EFFORT}, two cores"
            path.write_text("\n\n".join((
                f"# Vectors that come and go, {today}", f"`{' '.join(asked)}`", about, f"Before: {before}",
                f"After: {machine(directory)}", text, notes)) + "\n")
            print("kept in", path.relative_to(ROOT))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
