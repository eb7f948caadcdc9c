"""Writes strata/_strata.pyi from the installed module: `python python/tests/generate_stubs.py`. A test compares."""

import re
import sys
from contextlib import contextmanager
from pathlib import Path

from nanobind.stubgen import StubGen

from strata import _strata

COLUMNS_MAX = 120


def stubs() -> str:
    with bare_calls():
        return written()


@contextmanager
def bare_calls():
    """The native calls without the guards that the package puts around them."""
    places = [_strata, *(value for value in vars(_strata).values() if isinstance(value, type))]
    guarded = [(place, name, call) for place in places for name, call in vars(place).items()
               if hasattr(call, "__wrapped__")]
    for place, name, call in guarded:
        setattr(place, name, call.__wrapped__)
    try:
        yield
    finally:
        for place, name, call in guarded:
            setattr(place, name, call)


def written() -> str:
    generator = StubGen(module=_strata)
    generator.put(_strata)
    text = re.sub(r"^from strata import \(\n.*?^\)\n", lambda _: exceptions(), generator.get(), flags=re.M | re.S)
    return "\n".join(line for long in text.rstrip().splitlines() for line in wrapped(long)) + "\n"


def exceptions() -> str:
    """The classes that the module makes when it is loaded; they call themselves strata's."""
    made = [value for value in vars(_strata).values() if isinstance(value, type) and issubclass(value, _strata.Error)]
    return "\n\n".join(f"class {kind.__name__}({', '.join(base.__name__ for base in kind.__bases__)}):\n"
                       "    code: str\n    retry: str\n" for kind in made)


def wrapped(line: str) -> list[str]:
    lines = []
    while len(line) > COLUMNS_MAX:
        cut = line.rindex(", ", 0, COLUMNS_MAX) + 1
        lines.append(line[:cut])
        line = " " * 8 + line[cut:].strip()
    return [*lines, line]


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "strata/_strata.pyi").write_text(stubs())
