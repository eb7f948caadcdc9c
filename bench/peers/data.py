"""The memories that strata_bench_commit --write-data wrote: the same for every participant."""

import json
from dataclasses import dataclass

import numpy


@dataclass
class Memory:
    id: str
    text: str
    metadata: dict
    tags: list          # [key, value, weight]
    links: list         # [type, target id]
    embedding: numpy.ndarray
    activation: numpy.ndarray
    question: str


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        count, dimension, activation = header["count"], header["dimension"], header["activation"]
        width = dimension + activation
        numbers = numpy.frombuffer(file.read(count * width * 4), dtype="<f4").reshape(count, width)
        memories = []
        for row, line in zip(numbers, file):
            memory = json.loads(line)
            memories.append(Memory(memory["id"], memory["text"], memory["metadata"], memory["tags"], memory["links"],
                                   row[:dimension], row[dimension:], memory["question"]))
    return memories


def fuse(*lists, k=10):
    """Reciprocal rank fusion, as ours: lists of ids, best first."""
    scores = {}
    for ids in lists:
        for rank, key in enumerate(ids, 1):
            scores[key] = scores.get(key, 0) + 1 / (60 + rank)
    return sorted(scores, key=lambda key: (-scores[key], key))[:k]
