"""check_layers.py: each rule refuses what it should and names it; the tree itself passes."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_layers  # noqa: E402

ORDER = """
```layers
include/strata
core
io | wire
journal
transaction
store/*
engine
memory | operations
cli
testing
only memory: include/strata core
only python: include/strata
```
"""
HEADERS = [("sqlite3.h", ["store/metadata"]), ("openssl/*", ["core"]), ("gtest/*", ["tests"]), ("lz4.h", ["core"])]


def problems(name, *includes):
    text = "\n".join(f"#include {include}" for include in includes)
    return [message for _, message in check_layers.check_file(name, text, check_layers.Layers(ORDER), HEADERS)]


class CheckLayers(unittest.TestCase):
    def refuse(self, name, include, because):
        found = problems(name, include)
        self.assertEqual(len(found), 1, found)
        self.assertIn(because, found[0])

    def test_a_layer_sees_those_below_and_itself(self):
        self.assertEqual(problems("src/journal/journal.cc", '"journal/journal.h"', '"io/file_system.h"',
                                  '"core/codec.h"', '"strata/error.h"', "<vector>", "<sys/stat.h>"), [])

    def test_nothing_points_upwards(self):
        self.refuse("src/core/codec.cc", '"journal/journal.h"', "journal lies above core")

    def test_io_and_wire_do_not_see_each_other(self):
        self.refuse("src/io/socket.cc", '"wire/http.h"', "io and wire do not see each other")

    def test_no_store_sees_another(self):
        self.refuse("src/store/graph/graph_store.cc", '"store/vector/collection.h"', "do not see each other")
        self.assertEqual(problems("src/store/vector/remote/qdrant.cc", '"store/vector/collection.h"'), [])

    def test_memory_sees_only_the_contracts_and_core(self):
        self.refuse("src/memory/recall.cc", '"engine/engine.h"', "memory sees only include/strata and core")
        self.assertEqual(problems("src/memory/recall.cc", '"strata/vector.h"', '"core/json.h"'), [])

    def test_the_contracts_see_only_themselves(self):
        self.refuse("include/strata/vector.h", '"core/codec.h"', "only the standard library and itself")
        self.refuse("include/strata/vector.h", "<sys/stat.h>", "only the standard library and itself")
        self.assertEqual(problems("include/strata/vector.h", '"strata/value.h"', "<span>"), [])

    def test_python_sees_only_the_contracts(self):
        self.refuse("python/bindings.cc", '"engine/engine.h"', "python sees only include/strata")
        self.assertEqual(problems("python/bindings.cc", "<strata/strata.h>"), [])

    def test_only_tests_and_benches_see_testing(self):
        self.refuse("src/engine/engine.cc", '"testing/faulty.h"', "only tests and benches see testing")
        self.assertEqual(problems("src/engine/engine_test.cc", '"testing/faulty.h"'), [])
        self.assertEqual(problems("tests/crash/crash.cc", '"testing/faulty.h"', '"engine/engine.h"'), [])

    def test_an_include_is_the_full_path(self):
        self.refuse("src/journal/journal.cc", '"segment.h"', "full path from src/")

    def test_a_library_is_seen_only_where_it_is_wrapped(self):
        self.refuse("src/engine/engine.cc", "<sqlite3.h>", "wrapped in: store/metadata")
        self.assertEqual(problems("src/store/metadata/database.cc", "<sqlite3.h>"), [])
        self.refuse("src/core/codec.cc", "<gtest/gtest.h>", "wrapped in: tests")
        self.assertEqual(problems("src/core/codec_test.cc", "<gtest/gtest.h>"), [])

    def test_a_library_without_a_reason_is_refused(self):
        self.refuse("src/core/codec.cc", "<absl/status.h>", "no row in third_party/README.md")

    def test_comments_include_nothing(self):
        text = '// #include "engine/engine.h"\n/*\n#include "engine/engine.h"\n*/\n'
        self.assertEqual(list(check_layers.check_file("src/core/x.cc", text, check_layers.Layers(ORDER), HEADERS)), [])

    def test_the_line_is_named(self):
        text = '#pragma once\n\n#include "engine/engine.h"\n'
        found = list(check_layers.check_file("src/core/x.h", text, check_layers.Layers(ORDER), HEADERS))
        self.assertEqual(found[0][0], 3)

    def test_uses_follows_the_order_too(self):
        text = "add_module(journal\n  HEADERS journal.h\n  USES io\n       engine\n  LINKS x)\n"
        found = list(check_layers.check_uses("src/journal/CMakeLists.txt", text, check_layers.Layers(ORDER)))
        self.assertEqual(found, [(4, "USES engine (engine lies above journal)")])

    def test_this_tree_passes(self):
        self.assertEqual(check_layers.check(), [])


if __name__ == "__main__":
    unittest.main()
