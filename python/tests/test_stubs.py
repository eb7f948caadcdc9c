"""_strata.pyi says what the native module is; generate_stubs.py writes it."""

import runpy
from pathlib import Path

import pytest

import strata


def test_the_stubs_are_those_of_the_module():
    pytest.importorskip("nanobind.stubgen")
    generator = runpy.run_path(str(Path(__file__).with_name("generate_stubs.py")))
    assert generator["stubs"]() == Path(strata.__file__).with_name("_strata.pyi").read_text()
