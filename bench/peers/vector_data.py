"""Vectors for the vector benchmarks: read, made around centres, or multiplied without becoming easier."""

import numpy


def unit(rows):
    rows = rows.astype(numpy.float32)
    return numpy.ascontiguousarray(rows / numpy.linalg.norm(rows, axis=1, keepdims=True))


def multiplied(base, times):
    """Each row again, moved by the direction from one of the others to another: near what it was, and no easier to tell
    apart, which the local intrinsic dimension shows."""
    random, parts = numpy.random.default_rng(5), [base]
    for _ in range(times - 1):
        one, other = random.integers(0, len(base), (2, len(base)))
        away = base[one] - base[other]
        length = numpy.linalg.norm(away, axis=1, keepdims=True)
        parts.append(unit(base + 0.35 * away / numpy.maximum(length, 1e-3)))
    return numpy.concatenate(parts)[random.permutation(times * len(base))]


def intrinsic_dimension(nearest):
    """Maximum likelihood (Levina and Bickel 2004), from the similarities of the 100 nearest, best first; the mean."""
    far = numpy.sqrt(numpy.maximum(2 - 2 * nearest, 1e-9))
    return float((-1 / numpy.log(far[:, :-1] / far[:, -1:]).mean(axis=1)).mean())


def around_centres(dimension=384):
    """→ a function of a count: rows around 2,000 centres; a few directions hold most of it. The same ones each time."""
    random = numpy.random.default_rng(20261130)
    scale = 1 / numpy.sqrt(1 + numpy.arange(96))
    spread = random.standard_normal((96, dimension)).astype(numpy.float32)
    centres = random.standard_normal((2_000, 96)) * scale

    def draw(count):
        near = centres[random.integers(0, len(centres), count)] + 0.7 * random.standard_normal((count, 96)) * scale
        return unit(near @ spread)
    return draw
