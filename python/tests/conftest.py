import pytest

import strata


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes.strata"


@pytest.fixture
def db(path):
    with strata.open(path, embedder="lexical", analytics_bytes=256 << 20) as database:
        yield database
