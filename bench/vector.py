#!/usr/bin/env python3
"""./dev bench vector: recall against queries a second, ours and the peers', in one run on the same data.

Each engine has a process of its own, pinned to one core, and is asked one query a call through its Python package. The
true nearest are computed here; a hit counts when it is as near as the k-th of them, so that ties are no misses. Queries
a second are interpolated at fixed recalls. Engines that filter are asked again for the nearest among one row in two,
ten, a hundred, a thousand; with --foreign all are asked queries of another kind, too. The peers are installed into
build/bench-vector-venv. No time is asserted.
"""

import argparse
import datetime
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers.curves import curves
from peers.surroundings import machine, peer_python
from peers.vector_data import around_centres, intrinsic_dimension, multiplied, unit
from peers.vector_engines import ENGINES

ROOT = Path(__file__).resolve().parent.parent
RECALLS = (0.90, 0.95, 0.98, 0.99)
FILTERS = {500: "50 %", 100: "10 %", 10: "1 %", 1: "0.1 %"}                      # groups below, of 1,000
FILTERED_RECALL = 0.95
K = 10


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench vector", description=__doc__.split("\n")[0])
    parser.add_argument("--base", type=Path, metavar="FILE.npy", help="rows × dimensions, float16 or float32 "
                        "(default: 60,000 × 384 made here, around centres)")
    parser.add_argument("--queries", type=Path, metavar="FILE.npy", help="queries of the same kind")
    parser.add_argument("--foreign", type=Path, metavar="FILE.npy", help="queries of another kind, asked as well")
    parser.add_argument("--rows", type=int, default=60_000, help="of the base made here (default: %(default)s)")
    parser.add_argument("--multiply", type=int, default=1, metavar="N",
                        help="each row N times, all but one of them moved (default: %(default)s)")
    parser.add_argument("--engines", default=",".join(ENGINES), help="comma-separated (default: %(default)s)")
    parser.add_argument("--core", type=int, default=0, help="the core to pin engines to (default: %(default)s)")
    parser.add_argument("--directory", type=Path, help="where indexes lie (default: below build/)")
    parser.add_argument("--no-record", action="store_true", help="do not write bench/results/")
    parser.add_argument("--measure", nargs=2, metavar=("ENGINE", "DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if (arguments.base is None) != (arguments.queries is None):
        parser.error("--base and --queries are given together")
    if arguments.foreign and not arguments.base:
        parser.error("--foreign is beside --base and --queries")
    if arguments.rows < 1_000:
        parser.error("--rows is 1,000 or more: the rarest filter matches one row in a thousand")
    for name in arguments.engines.split(","):
        if name not in ENGINES:
            parser.error(f"there is no engine {name}; there are {', '.join(ENGINES)}")
    return arguments


def kth_nearest(queries, base):
    import numpy
    return numpy.concatenate([numpy.partition(some @ base.T, -K, axis=1)[:, -K]
                              for some in numpy.array_split(queries, -(-len(queries) // 100))])


def make_data(arguments, directory):
    """Writes base, groups, queries and, of each query and filter, the similarity of its k-th nearest."""
    import numpy
    if arguments.base:
        base, queries = unit(numpy.load(arguments.base)), unit(numpy.load(arguments.queries))
    else:
        draw = around_centres()
        base, queries = draw(arguments.rows), draw(1_000)
    base = multiplied(base, arguments.multiply)
    nearest = numpy.empty((len(queries), 100), numpy.float32)
    groups = numpy.random.default_rng(7).permutation(len(base)) % 1_000
    kth = {below: numpy.empty(len(queries), numpy.float32) for below in (None, *FILTERS)}
    for begin in range(0, len(queries), 100):
        scores = queries[begin:begin + 100] @ base.T
        nearest[begin:begin + 100] = -numpy.sort(numpy.partition(-scores, 99, axis=1)[:, :100], axis=1)
        for below, least in kth.items():
            some = scores if below is None else scores[:, groups < below]
            last = min(K, some.shape[1])
            least[begin:begin + 100] = numpy.partition(some, -last, axis=1)[:, -last]
    everything = {"base": base, "queries": queries, "groups": groups, "kth": kth.pop(None)}
    if arguments.foreign:
        foreign = unit(numpy.load(arguments.foreign))
        everything |= {"foreign": foreign, "kth_foreign": kth_nearest(foreign, base)}
    for name, rows in (*everything.items(), *((f"kth{below}", least) for below, least in kth.items())):
        numpy.save(directory / f"{name}.npy", rows)
    about = f"{len(base):,} × {base.shape[1]}, {len(queries):,} queries" + (
        f" ({arguments.base.name})" if arguments.base else ", made around 2,000 centres")
    about += f"; foreign queries: {len(foreign):,} ({arguments.foreign.name})" if arguments.foreign else ""
    return about + (f", each row {arguments.multiply} times, moved" if arguments.multiply > 1 else "") + (
        f"; local intrinsic dimension at the queries {intrinsic_dimension(nearest):.1f}")


def disk_bytes(directory):
    return sum(os.stat(os.path.join(folder, name)).st_blocks * 512
               for folder, _, names in os.walk(directory) for name in names)


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(name, directory):
    """In a process of its own: a JSON line for the build, then one for each filter and effort."""
    import numpy
    data = Path(directory)
    base, queries, groups = (numpy.load(data / f"{each}.npy") for each in ("base", "queries", "groups"))
    place = data / name
    place.mkdir()
    before = resident_bytes()
    try:
        engine = ENGINES[name](str(place))
    except ImportError as error:
        print(json.dumps({"absent": str(error)}), flush=True)
        return
    cpu, wall = time.process_time(), time.perf_counter()
    engine.build(base, groups)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    built = {"build_cpu_s": cpu, "build_s": wall, "resident_mb": (resident_bytes() - before) / 2**20,
             "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10}
    if hasattr(engine, "reopen"):
        built["open_ms"] = engine.reopen() * 1_000
    built["disk_mb"] = disk_bytes(place) / 2**20
    print(json.dumps(built), flush=True)
    foreign = ["foreign"] if (data / "foreign.npy").exists() else []
    for asked in (None, *foreign, *(FILTERS if engine.filters else ())):
        given = {} if asked in (None, "foreign") else {"below": asked}
        some = numpy.load(data / "foreign.npy") if asked == "foreign" else queries
        kth = numpy.load(data / f"kth{ {None: '', 'foreign': '_foreign'}.get(asked, asked)}.npy")
        there = len(base) if not given else int((groups < asked).sum())
        for effort in engine.efforts:
            best, times, answers = ask(engine, some, effort, given)
            found = sum(int((base[numpy.asarray(rows, numpy.int64)] @ query >= least - 1e-4).sum())
                        for query, least, rows in zip(some, kth, answers))
            recall = found / (min(K, there) * len(some))
            print(json.dumps({"asked": asked, "effort": effort, "recall": recall, "qps": len(some) / best,
                              "p50_us": times[len(times) // 2] * 1e6, "p99_us": times[len(times) * 99 // 100] * 1e6}),
                  flush=True)
            if recall > (FILTERED_RECALL if given else 0.9975):
                break


def ask(engine, queries, effort, given):
    """→ CPU seconds of the best of three passes (others use the machine, too), times of the last, answers"""
    engine.search(queries[0], K, effort, **given)
    best = math.inf
    for _ in range(3):
        answers, times, begun = [], [], time.process_time()
        for query in queries:
            asked = time.perf_counter()
            answers.append(engine.search(query, K, effort, **given))
            times.append(time.perf_counter() - asked)
        best = min(best, time.process_time() - begun)
    return best, sorted(times), answers


def at_recall(points, recall):
    """Queries a second at that recall, by straight lines between measured points; None when it is not reached."""
    points = sorted(points, key=lambda point: point["recall"])
    for low, high in zip([None, *points], points):
        if high["recall"] < recall:
            continue
        if low is None or low["recall"] == high["recall"]:
            return high["qps"]
        share = (recall - low["recall"]) / (high["recall"] - low["recall"])
        return 1 / ((1 - share) / low["qps"] + share / high["qps"])           # times are what lies on a line
    return None


def run(name, python, directory, core):
    command = ["taskset", "-c", str(core), python, __file__, "--measure", name, directory]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "LANCE_CPU_THREADS": "1"}
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode and not lines:
        return {"absent": (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]}, []
    return (lines[0] if lines else {"absent": "said nothing"}), lines[1:]


def of_kind(points, asked):
    return [point for point in points if point["asked"] == asked]


def ratio(name, own, here):
    return f" (×{own / here:.1f})" if own and here and name != "strata" else ""


def filter_table(results):
    filtering = {name: points for name, (_, points) in results.items()
                 if any(isinstance(point["asked"], int) for point in points)}
    lines = [f"| among, at recall ≥ {FILTERED_RECALL} | " + " | ".join(FILTERS.values()) + " |",
             "|---|" + "---|" * len(FILTERS)]
    for name, points in filtering.items():
        row = []
        for below in FILTERS:
            here, own = (at_recall(of_kind(some, below), FILTERED_RECALL)
                         for some in (points, filtering.get("strata", [])))
            best = max((point["recall"] for point in of_kind(points, below)), default=0)
            row.append(f"at most {best:.3f}" if here is None else f"{here:,.0f}{ratio(name, own, here)}")
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def foreign_table(results):
    """Empty without foreign queries."""
    points = {name: of_kind(some, "foreign") for name, (_, some) in results.items()}
    points = {name: some for name, some in points.items() if some}
    if not points:
        return ""
    lines = ["", "", "| foreign queries, at recall | " + " | ".join(f"{recall:.2f}" for recall in RECALLS) + " |",
             "|---|" + "---|" * len(RECALLS)]
    for name, some in points.items():
        lines.append(f"| {name} | " + " | ".join(cells(some, points.get("strata", []), name)) + " |")
    return "\n".join(lines)


def cells(points, ours, name):
    best = max((point["recall"] for point in points), default=0)
    return [f"at most {best:.3f}" if at_recall(points, recall) is None else
            f"{at_recall(points, recall):,.0f}{ratio(name, at_recall(ours, recall), at_recall(points, recall))}"
            for recall in RECALLS]


def table(results, rows):
    ours = of_kind(results.get("strata", ({}, []))[1], None)
    lines = ["| engine | " + " | ".join(f"{recall:.2f}" for recall in RECALLS) +
             " | build: rows a CPU second | resident MB | disk MB | open ms |", "|---|" + "---|" * (len(RECALLS) + 4)]
    for name, (built, points) in results.items():
        points = of_kind(points, None)
        if "absent" in built:
            lines.append(f"| {name} | {built['absent'][:80]} |" + " |" * (len(RECALLS) + 3))
            continue
        opened = f"{built['open_ms']:.1f}" if "open_ms" in built else ""
        lines.append(f"| {name} | " + " | ".join(cells(points, ours, name)) +
                     f" | {rows / built['build_cpu_s']:,.0f} | "
                     f"{built['resident_mb']:.0f} | {built['disk_mb']:.0f} | {opened} |")
    return "\n".join(lines)


def main():
    arguments = parse()
    if arguments.measure:
        return measure(*arguments.measure)
    parent = arguments.directory or ROOT / "build"
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-vector-", dir=parent))
    try:
        python, absent = peer_python("requirements-vector.txt", "bench-vector-venv")
        before = machine(directory)
        about = make_data(arguments, directory)
        import numpy
        rows = len(numpy.load(directory / "base.npy", mmap_mode="r"))
        results = {}
        for name in arguments.engines.split(","):
            results[name] = run(name, sys.executable if name == "strata" else python, directory, arguments.core)
            built, points = results[name]
            print(f"{name}: " + (built.get("absent") or "; ".join(
                (f"{FILTERS.get(point['asked'], point['asked'])} " if point["asked"] else "") +
                f"{point['recall']:.4f} {point['qps']:,.0f}/s" for point in points)), flush=True)
            shutil.rmtree(directory / name, ignore_errors=True)
        text = table(results, rows) + foreign_table(results) + "\n\n" + filter_table(results)
        print("\n" + text)
        for line, why in absent.items():
            print(f"{line} could not be installed: {why}")
        if not arguments.no_record:
            today = datetime.date.today()
            notes = "\n".join(f"* {name}: {ENGINES[name].__doc__.strip()}" for name in results)
            path = ROOT / f"bench/results/vector-{rows}-{today}.md"
            asked = ["./dev bench vector", *(Path(each).name if "/" in each else each for each in sys.argv[1:])]
            pictures = ""
            for asked_for, title in ((None, "queries of the same kind"), ("foreign", "queries of another kind")):
                drawn = curves(f"{rows:,} vectors, {title}", {
                    name: [(point["recall"], point["qps"]) for point in of_kind(points, asked_for)]
                    for name, (_, points) in results.items()})
                if drawn:
                    picture = path.with_suffix(f".{asked_for or 'same'}.svg")
                    picture.write_text(drawn)
                    pictures += f"![Recall against queries a second, {title}]({picture.name})\n\n"
            path.write_text(
                f"# Vector search, {today}\n\n`{' '.join(asked)}`\n\n{about}; k = {K}; "
                f"one core; queries per CPU second of the process at recall@{K} (×N: we are so many times better)\n\n"
                f"Before: {before}\n\n"
                f"After: {machine(directory)}\n\n{pictures}{text}\n\n{notes}\n")
            print("kept in", path.relative_to(ROOT))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
