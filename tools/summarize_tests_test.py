"""summarize_tests.py: nothing that did not pass is ever counted as passed."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import summarize_tests  # noqa: E402

PASSED = '<testcase name="a" status="run"/>'
FAILED = '<testcase name="b" status="fail"><failure message=""/><system-out>expected 1, got 2</system-out></testcase>'
SKIPPED = '<testcase name="c" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>' \
          "<system-out>x.cc:3: Skipped\nneeds root\n[  SKIPPED ] C.c</system-out></testcase>"


class SummarizeTests(unittest.TestCase):
    def summarize(self, *documents):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, document in enumerate(documents):
                paths.append(Path(folder) / f"{number}.xml")
                if document is not None:
                    paths[-1].write_text(document)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                status = summarize_tests.main(paths)
            return status, out.getvalue()

    def suite(self, *cases):
        return "<testsuite>" + "".join(cases) + "</testsuite>"

    def test_the_last_line_is_the_sum(self):
        status, out = self.summarize(self.suite(PASSED, PASSED), self.suite(PASSED))
        self.assertEqual((status, out), (0, "3 passed, 0 failed\n"))

    def test_a_failure_is_shown_before_the_last_line(self):
        status, out = self.summarize(self.suite(PASSED, FAILED))
        self.assertEqual(status, 1)
        self.assertIn("---- b\nexpected 1, got 2", out)
        self.assertTrue(out.endswith("\n1 passed, 1 failed\n"))

    def test_a_skipped_test_is_not_passed_and_says_why(self):
        status, out = self.summarize(self.suite(PASSED, SKIPPED))
        self.assertEqual((status, out), (0, "1 skipped: needs root\n1 passed, 0 failed\n"))

    def test_no_results_are_a_failure(self):
        for nothing in (None, "", self.suite(), "<testsuite><testcase"):
            with self.subTest(nothing=nothing):
                status, out = self.summarize(self.suite(PASSED), nothing)
                self.assertEqual(status, 1)
                self.assertTrue(out.endswith("1 passed, 1 failed\n"))

    def test_an_executable_that_was_not_built_is_a_failure(self):
        status, _ = self.summarize(self.suite(PASSED, '<testcase name="x_NOT_BUILT" status="notrun"/>'))
        self.assertEqual(status, 1)

    def test_a_suite_that_could_not_be_collected_is_a_failure(self):
        error = '<testcase name="x"><error message="collection failure">SyntaxError</error></testcase>'
        status, out = self.summarize(f"<testsuites>{self.suite(PASSED, error)}</testsuites>")
        self.assertEqual(status, 1)
        self.assertIn("SyntaxError", out)


if __name__ == "__main__":
    unittest.main()
