"""tidy.py: each rule refuses its example, names what to write instead, and lets the right way pass."""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cpp_text  # noqa: E402
import tidy  # noqa: E402

NOWHERE = re.compile(tidy.MACHINE_PATH)

# file, a line that is refused, by which rule
REFUSED = [
    ("src/engine/engine.cc", "::fsync(descriptor);", "raw-file"),
    ("src/engine/engine.cc", "fdatasync(descriptor);", "raw-file"),
    ("src/engine/engine.cc", "::open(path, flags);", "raw-file"),
    ("src/engine/engine.cc", "std::ofstream out(path);", "raw-stream"),
    ("src/engine/engine.cc", "std::mutex mutex_;", "mutex"),
    ("src/engine/engine.cc", "std::lock_guard lock(mutex_);", "mutex"),
    ("src/engine/engine.cc", "throw std::runtime_error(text);", "throw"),
    ("src/engine/engine.cc", "int n = rand();", "random"),
    ("src/engine/engine.cc", "auto now = time(nullptr);", "clock"),
    ("src/engine/engine.cc", "std::chrono::steady_clock::now();", "clock"),
    ("src/engine/engine_test.cc", "std::this_thread::sleep_for(1s);", "sleep"),
    ("src/engine/engine.cc", 'std::printf("x");', "print"),
    ("src/engine/engine.cc", "std::cout << x;", "print"),
    ("src/engine/engine.cc", "int n = atoi(text);", "unsafe-c"),
    ("src/engine/engine.cc", "assert(x > 0);", "assert"),
    ("src/engine/engine.cc", "delete node;", "delete"),
    ("src/engine/engine.cc", "out << std::endl;", "endl"),
    ("src/engine/engine.cc", "friend class EngineTest;", "befriend"),
    ("src/engine/engine.cc", "#include <expected>", "not-here"),
    ("src/engine/engine.cc", "// FI" "XME later", "fixme"),
    ("src/engine/engine.cc", "// TO" "DO(somebody): later", "todo"),
    ("src/engine/engine.cc", "int n;  ", "trailing-space"),
    ("src/engine/engine.cc", "\tint n;", "tab"),
    ("docs/guide.md", "see /home/" "somebody/notes", "machine-path"),
    ("dev", "x" * 121, "columns"),
]

ALLOWED = [
    ("src/io/posix_file_system.cc", "::fsync(descriptor);"),
    ("src/core/mutex.h", "#pragma once\nstd::mutex mutex_;"),
    ("src/engine/engine.cc", "auto db = Engine::open(path);"),
    ("src/engine/engine.cc", "file->read(offset, out); disk.rename(a, b);"),
    ("src/engine/engine.cc", "Timestamp time() const;"),
    ("src/engine/engine.cc", "static_assert(sizeof(x) == 8);"),
    ("src/engine/engine.cc", "Engine(const Engine&) = delete;"),
    ("src/engine/engine.cc", '// we never throw; rand() is banned\nlog("throw");'),
    ("src/engine/engine_test.cc", "std::mutex mutex;"),
    ("src/engine/engine.cc", "// tidy: allow throw: the library asks for it\nthrow x;"),
    ("src/engine/engine.cc", "// Sentences; with (some) punctuation:\n// they are no code."),
    ("docs/guide.md", "POST /v1/transaction, ./build/strata, $HOME/x"),
]


def rules(name, text):
    if name.endswith(".md"):
        text = "# Title\n" + text
    return [problem.split(": ")[1] for problem in tidy.check_text(name, text + "\n", NOWHERE)]


class Tidy(unittest.TestCase):
    def test_each_rule_refuses_its_example(self):
        for name, text, rule in REFUSED:
            with self.subTest(text=text):
                self.assertEqual(rules(name, text), [rule])

    def test_the_right_way_passes(self):
        for name, text in ALLOWED:
            with self.subTest(text=text):
                self.assertEqual(rules(name, text), [])

    def test_every_rule_of_the_table_has_an_example(self):
        shown = {rule for _, _, rule in REFUSED}
        self.assertEqual({rule.name for rule in tidy.RULES} - shown - {"using-namespace", "header-namespace"}, set())

    def test_a_header_begins_with_its_guard(self):
        self.assertEqual(rules("src/core/x.h", "/// What it is.\n#pragma once"), [])
        self.assertEqual(rules("src/core/x.h", "#include <vector>"), ["pragma-once"])
        self.assertEqual(rules("src/core/x.h", "#pragma once\nusing namespace a;"), ["header-namespace"])

    def test_code_that_was_commented_out_is_found(self):
        self.assertEqual(rules("src/core/x.cc", "// auto x = f();\n// g(x);"), ["dead-code"])
        self.assertEqual(rules("src/core/x.cc", "///     auto x = f();\n///     g(x);"), [])

    def test_a_file_is_named_for_what_it_holds(self):
        self.assertEqual(rules("src/core/string_utils.cc", ""), ["file-name"])
        self.assertEqual(rules("src/core/codec_v2.cc", ""), ["file-name"])
        self.assertEqual(rules("src/core/Codec.cc", ""), ["file-name"])

    def test_a_document_has_one_title(self):
        self.assertEqual(rules("docs/x.md", "# Second"), ["one-title"])
        self.assertEqual(rules("docs/x.md", "```sh\n# a comment\n```"), [])

    def test_two_types_of_one_name_are_refused(self):
        def problems(*texts):
            return list(tidy.check_types({f"src/core/{i}.h": text for i, text in enumerate(texts)}))
        near = "namespace strata::core {\nstruct Near {\n};\n}  // namespace strata::core\n"
        [problem] = problems(near, near.replace("struct Near", "class Near final : public Far"))
        self.assertRegex(problem, "^src/core/1.h:2: one-name: strata::core::Near is in src/core/0.h")
        self.assertEqual(problems(near, near.replace("core", "io")), [])
        self.assertEqual(problems(near, near.replace("struct Near", "namespace {\nstruct Near", 1) + "}\n"), [])
        self.assertEqual(problems(near, near.replace("{\n}", ";", 1)), [])
        self.assertEqual(problems(near, "namespace {\n}  // namespace\n" + near.replace("core", "io")), [])

    def test_the_place_of_this_checkout_is_refused(self):
        here = tidy.machine_path(Path("/data/strata-checkout"))
        self.assertTrue(here.search("cd /data/strata-checkout/build"))
        self.assertTrue(here.search("see /data/other"))
        self.assertFalse(tidy.machine_path(Path("/tmp/strata")).search("mktemp under /tmp/x"))

    def test_this_tree_passes(self):
        self.assertEqual(tidy.check(), [])


class Blanking(unittest.TestCase):
    def test_comments_and_strings_go_and_lines_stay(self):
        text = 'a /* b\n c */ "d // e" f // g\nh'
        blanked = cpp_text.blank(text)
        self.assertEqual(re.findall(r"\w", blanked), ["a", "f", "h"])
        self.assertEqual(len(blanked), len(text))
        self.assertEqual(blanked.count("\n"), 2)

    def test_raw_strings_and_digit_separators(self):
        self.assertEqual(re.findall(r"\w+", cpp_text.blank('R"(throw ")" x 1\'000\'000 + \'"\' y')),
                         ["x", "1", "000", "000", "y"])


if __name__ == "__main__":
    unittest.main()
