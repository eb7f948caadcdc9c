#!/usr/bin/env python3
"""./dev bench commit: what a whole memory costs here and elsewhere, in one run on the same data.

Builds nothing of ours (./dev does); installs the peers into build/bench-venv; lets us and them take turns, case by
case; prints a table with ratios to each peer and to the floor and keeps it in bench/results/. No time is asserted
anywhere.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from peers.surroundings import machine, peer_python

ROOT = Path(__file__).resolve().parent.parent
PEERS = ["sqlite_file", "lancedb_table", "glued_stack", "surrealdb_embedded", "strata_python"]
CASES = ["single", "batch100", "batch1000", "reads", "writers16", "stores", "large"]


def parse():
    parser = argparse.ArgumentParser(prog="./dev bench commit", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes: about a minute")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated; empty: none (default: %(default)s)")
    parser.add_argument("--cases", default=",".join(CASES), help="comma-separated (default: %(default)s)")
    parser.add_argument("--directory", type=Path, help="where the databases lie (default: below build/)")
    parser.add_argument("--no-record", action="store_true", help="do not write bench/results/")
    arguments = parser.parse_args()
    arguments.peers = [name for name in arguments.peers.split(",") if name]
    arguments.cases = arguments.cases.split(",")
    for kind, given, known in (("peer", arguments.peers, PEERS), ("case", arguments.cases, CASES)):
        for name in given:
            if name not in known:
                parser.error(f"there is no {kind} {name}; there are {', '.join(known)}")
    return arguments


def sizes(quick):
    if quick:
        return {"singles": 300, "bulk": 3_000, "recall": 2_000, "small": 2_000, "large": 0, "seconds": 4, "reads": 60}
    return {"singles": 2_000, "bulk": 20_000, "recall": 10_000, "small": 20_000, "large": 60_000, "seconds": 12,
            "reads": 300}


def find_program():
    release = Path(os.environ.get("STRATA_RELEASE", ROOT / "build/release"))
    for path in (release / "bench/commit/strata_bench_commit", release / "strata_bench_commit"):
        if path.exists():
            return path
    sys.exit(f"strata_bench_commit is not in {release}; ./dev bench commit builds it")


class Peer:
    """One peer in a process of its own (peers/serve.py)."""

    def __init__(self, module, python, directory, data):
        self.module, self.name, self.note, self.absent = module, module, "", None
        if module == "strata_python":                    # our own package is where ./dev has put it
            python = sys.executable
        self.process = subprocess.Popen([python, ROOT / "bench/peers/serve.py", module, directory / module, data],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        hello = self.hear()
        self.name, self.note = hello.get("name", module), hello.get("note", "")
        self.absent = hello.get("absent") or hello.get("error")

    def hear(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"ended with code {self.process.wait()}"}

    def ask(self, case, **options):
        if self.absent:
            return {"absent": self.absent}
        try:
            print(json.dumps({"case": case, **options}), file=self.process.stdin, flush=True)
            return self.hear()
        except BrokenPipeError:
            return {"error": f"ended with code {self.process.wait()}"}

    def close(self):
        if not self.absent:
            self.ask("close")
        self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def run_ours(program, directory, size, case):
    """The figures of one case of strata_bench_commit, by name; the floors in order."""
    command = [program, "--directory", directory / "strata", "--json", "-", "--singles", size["singles"], "--bulk",
               size["bulk"], "--recall-size", size["recall"], "--small", size["small"], "--large", size["large"],
               "--seconds", size["seconds"], case]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    print(done.stderr, end="", flush=True)
    figures = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode:
        figures.append({"name": f"{case}: failed", "value": 0, "unit": "", "why": done.stderr.strip()[-300:]})
    return figures


def quantile(values, q):
    values = sorted(values)
    return values[int(q * (len(values) - 1))] if values else None


def run_peer(peer, size, case):
    """{figure: (value, unit, p99)} of one case."""
    seconds, figures = size["seconds"], {}

    def note(name, answer, unit="us"):
        if "us" in answer and unit == "us":
            figures[name] = (quantile(answer["us"], 0.5), unit, quantile(answer["us"], 0.99))
        elif unit == "/s" and "per_s" in answer:
            figures[name] = (answer["per_s"], unit, None)
        elif unit == "bytes" and "bytes" in answer:
            figures[name] = (answer["bytes"], unit, None)
        elif "error" in answer:
            figures[name] = (answer["error"], "error", None)

    if case == "reads":
        peer.ask("fresh")
        filled = peer.ask("write", count=size["recall"], batch=1_000, seconds=3 * seconds).get("count", 0)
        if filled < size["recall"]:
            peer.note += f"; read with only {filled:,} memories, which is what it took in {3 * seconds} s"
        note("disk", peer.ask("disk"), "bytes")
        for name in ("get", "two_hops", "metrics", "recall"):
            note(name, peer.ask(name, count=size["reads"], seconds=seconds))
        return figures
    peer.ask("fresh")
    peer.ask("write", count=20, batch=20)
    if case == "single":
        answer = peer.ask("write", count=min(size["singles"], 500), batch=1, seconds=seconds)
        note("single", answer)
    else:
        note(case, peer.ask("write", count=size["bulk"], batch=int(case.removeprefix("batch")), seconds=seconds), "/s")
    return figures


# Our figure, and what the same is called of a peer.
ROWS = [("one memory, one commit, one writer", "single"), ("100 memories a commit", "batch100"),
        ("1000 memories a commit", "batch1000"), ("get: row and text", "get"), ("two hops, outwards", "two_hops"),
        ("metric range over", "metrics"), ("recall: vector, words, graph, row filter, text", "recall"),
        ("disk a memory,", "disk")]


def shown(value, unit):
    if value is None:
        return ""
    if unit == "error":
        return "failed"
    if unit == "us" and value >= 1_000:
        return f"{value / 1_000:.2f} ms"
    if unit == "us":
        return f"{value:.1f} µs"
    return f"{value:,.0f}{unit if unit == '/s' else ' ' + unit}"


def table(ours, peers, results):
    """Markdown: a row a figure, ours, its multiple of the floor, then each peer with how many times better we are."""
    there = [peer for peer in peers if not peer.absent]
    lines = ["| | Strata | p10 | p99 | CPU | floors | " + " | ".join(peer.name for peer in there) + " |",
             "|---|---|---|---|---|---|" + "---|" * len(there)]
    for figure in ours:
        if figure["name"].startswith("floor") or figure["name"].startswith("commit"):
            continue
        key = next((key for name, key in ROWS if figure["name"].startswith(name)), None)
        cells = []
        for peer in there:
            value, unit, _ = results.get(peer.module, {}).get(key, (None, "", None))
            if isinstance(value, float) and figure["value"]:
                better = value / figure["value"] if unit != "/s" else figure["value"] / value
                cells.append(f"{shown(value, unit)} (×{better:.1f})" if value else "")
            else:
                cells.append(shown(value, unit))
        times = " | ".join(shown(figure.get(key), "us") for key in ("p10_us", "p99_us", "cpu_us"))
        floors = f"{figure['floors']:.2f}" if "floors" in figure else ""
        lines.append(f"| {figure['name']} | {shown(figure['value'], figure['unit'])} | {times} | {floors} | "
                     + " | ".join(cells) + " |")
    return "\n".join(lines)


def floors_table(ours):
    lines = ["| floor | when | p10 | p50 | p99 | CPU |", "|---|---|---|---|---|---|"]
    for figure in ours:
        if figure["name"].startswith("floor"):
            times = " | ".join(shown(figure.get(key), "us") for key in ("p10_us", "value", "p99_us", "cpu_us"))
            lines.append(f"| {figure['name'].removeprefix('floor: ')} | {figure['when']} | {times} |")
    return "\n".join(lines)


def stores_table(ours):
    lines = ["| part of a commit | calls µs | commit µs | CPU µs | of 1,000: calls | commit | CPU |",
             "|---|---|---|---|---|---|---|"]
    for figure in ours:
        if figure["name"].startswith("commit"):
            cells = [figure.get(key) for key in ("calls_us", "commit_us", "cpu_us", "of_1000_calls_us",
                                                 "of_1000_commit_us", "of_1000_cpu_us")]
            cells[0] = figure.get("begin_and_calls_us", cells[0])
            lines.append(f"| {figure['name'].removeprefix('commit: ').removeprefix('commit part: ')} | "
                         + " | ".join("" if cell is None else f"{cell:.1f}" for cell in cells) + " |")
    return "\n".join(lines) if len(lines) > 2 else ""


def main():
    arguments = parse()
    size, program = sizes(arguments.quick), find_program()
    parent = arguments.directory or ROOT / "build"
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-commit-", dir=parent))
    peers, ours, results, not_installed = [], [], {}, {}
    try:
        before = machine(directory)
        print(before, flush=True)
        if arguments.peers:
            python, not_installed = peer_python("requirements.txt", "bench-venv")
            data = directory / "data"
            subprocess.run([program, "--write-data", data, str(max(size["bulk"] + 20, size["recall"]))], check=True)
            peers = [Peer(module, python, directory, data) for module in arguments.peers]
            for peer in peers:
                print(f"  {peer.name}: {'absent: ' + peer.absent if peer.absent else peer.note}", flush=True)
        for case in arguments.cases:
            ours += run_ours(program, directory, size, case)
            for peer in peers:
                if case in ("single", "batch100", "batch1000", "reads") and not peer.absent:
                    figures = run_peer(peer, size, case)
                    results.setdefault(peer.module, {}).update(figures)
                    print(f"  {peer.name}: " + ", ".join(f"{name} {shown(value, unit)}"
                                                         for name, (value, unit, _) in figures.items()), flush=True)
        report(arguments, before, machine(directory), ours, peers, results, not_installed)
    finally:
        for peer in peers:
            peer.close()
        shutil.rmtree(directory, ignore_errors=True)


def report(arguments, before, after, ours, peers, results, not_installed):
    errors = [f"* {peer.name}, {name}: {value}" for peer in peers
              for name, (value, unit, _) in results.get(peer.module, {}).items() if unit == "error"]
    failures = [f"* {figure['name']}: {figure['why']}" for figure in ours if "why" in figure]
    about = [f"* {peer.name}: {'absent: ' + peer.absent if peer.absent else peer.note}" for peer in peers]
    about += [f"* {name} could not be installed: {why}" for name, why in not_installed.items()]
    parts = ["×N: so many times better than that peer (below 1: worse). Ours through C++, theirs through Python.",
             table(ours, peers, results), stores_table(ours), floors_table(ours), "\n".join(about + errors + failures)]
    text = "\n\n".join(part for part in parts if part)
    print("\n" + text)
    if arguments.no_record:
        return
    today = datetime.date.today().isoformat()
    path = ROOT / f"bench/results/commit-{today}{'-quick' if arguments.quick else ''}.md"
    path.parent.mkdir(exist_ok=True)
    command = "./dev bench commit" + "".join(f" {word}" for word in sys.argv[1:])
    path.write_text(f"# A whole memory, {today}\n\n`{command}`\n\nBefore: {before}\n\nAfter: {after}\n\n{text}\n")
    print(f"\nkept in {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
