"""One peer in its own process: reads commands, a JSON object a line; answers each with one. Started by commit.py.

    {"case": "single", "count": 300}  …  {"us": […]} or {"absent": "why"} or {"error": "…"}
"""

import importlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def timed(count, call):
    times = []
    for i in range(count):
        begin = time.perf_counter_ns()
        call(i)
        times.append((time.perf_counter_ns() - begin) / 1000)
    return times


def disk_bytes(directory):
    return sum(os.stat(os.path.join(folder, name)).st_blocks * 512
               for folder, _, names in os.walk(directory) for name in names)


class Server:
    def __init__(self, module, directory, memories):
        self.module, self.directory, self.memories = module, directory, memories
        self.peer, self.written = None, 0

    def fresh(self):
        if self.peer:
            self.peer.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self.peer, self.written = self.module.Peer(self.directory), 0

    def write(self, count, batch, seconds):
        end = min(len(self.memories), self.written + count)
        times, cpu, began = [], time.process_time_ns(), time.perf_counter()
        while self.written < end and time.perf_counter() - began < seconds:
            part = self.memories[self.written:min(end, self.written + batch)]
            times += timed(1, lambda _: self.peer.write(part))
            self.written += len(part)
        return times, (time.process_time_ns() - cpu) / 1000

    def answer(self, command):
        case = command["case"]
        seconds = command.get("seconds", 10)
        if case == "fresh":
            self.fresh()
            return {}
        if case == "write":
            before = self.written
            us, cpu = self.write(command["count"], command["batch"], seconds)
            count = self.written - before
            rate = count / (sum(us) / 1e6) if us else 0
            return {"us": us, "count": count, "per_s": rate, "cpu_us": cpu / max(1, count)}
        if case == "disk":
            if hasattr(self.peer, "flush"):
                self.peer.flush()
            return {"bytes": disk_bytes(self.directory) / max(1, self.written)}
        if case == "close":
            if self.peer:
                self.peer.close()
            shutil.rmtree(self.directory, ignore_errors=True)
            return {"closed": True}
        method = {"get": "get", "two_hops": "two_hops", "metrics": "metric_range", "recall": "recall"}[case]
        if not hasattr(self.peer, method):
            return {"absent": "not offered"}
        return {"us": self.read(case, command["count"], seconds)}

    def read(self, case, count, seconds):
        peer, memories, size = self.peer, self.memories, self.written
        if case == "metrics":
            rows = [(i * 1_000_000, f"sensor-{i % 200}", (i * 7919 % 1000) / 1000) for i in range(20_000)]
            peer.fill_metrics(rows)
        calls = {"get": lambda i: peer.get(memories[i * 7919 % size].id),
                 "two_hops": lambda i: peer.two_hops(memories[i * 7919 % size].id),
                 "metrics": lambda i: peer.metric_range(i * 10_000_000, i * 10_000_000 + 2_000_000_000),
                 "recall": lambda i: peer.recall(memories[i * 37 % size].embedding, memories[i].question,
                                                 memories[i % size].metadata["kind"])}
        times, began = [], time.perf_counter()
        for i in range(count + 3):
            us = timed(1, lambda _, at=i: calls[case](at))
            if i >= 3:
                times += us
            if time.perf_counter() - began > seconds:
                break
        return times


def main():
    name, directory, data = sys.argv[1:]
    say = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)                                        # what a library prints must not look like an answer
    try:
        module = importlib.import_module("peers." + name)
        peer_data = importlib.import_module("peers.data")
        server = Server(module, directory, peer_data.read(data))
        server.fresh()
        print(json.dumps({"name": module.NAME, "note": module.NOTE}), file=say, flush=True)
    except Exception as error:  # whatever keeps a peer from starting is why it is absent
        print(json.dumps({"absent": f"{type(error).__name__}: {error}"}), file=say, flush=True)
        return
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = server.answer(command)
        except Exception as error:  # whatever a peer raises is its result, not the end of the run
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=say, flush=True)
        if answer.get("closed"):
            return


if __name__ == "__main__":
    main()
