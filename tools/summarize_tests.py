#!/usr/bin/env python3
"""Reads JUnit files (of ctest and pytest), prints what failed and why, then one closing line: N passed, 0 failed.

    summarize_tests.py results.xml…      a file that is missing or cut short counts as one failure

Skipped tests are named with their reason on the lines before. Exit code 0 only if nothing failed and something passed.
"""

import re
import sys
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

SHOWN_LINES_MAX = 200


def results(path):
    """[(name, "passed" | "failed" | "skipped", text)] of one file."""
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError) as error:
        return [(Path(path).stem, "failed", f"no results: {error}")]
    found = []
    for case in root.iter("testcase"):
        name = case.get("name", "?")
        if case.get("classname") not in (None, "", name):
            name = f"{case.get('classname')}.{name}"
        found.append((name, *outcome(case)))
    # pytest reports what it could not even collect as a suite's error without a case; ctest has neither.
    return found or [(Path(path).stem, "failed", "no tests were run")]


def outcome(case):
    output = "\n".join(filter(None, (case.findtext("system-out"), case.findtext("system-err"))))
    for kind in ("failure", "error"):
        element = case.find(kind)
        if element is not None:
            return "failed", "\n".join(filter(None, (element.text or element.get("message"), output)))
    skipped = case.find("skipped")
    if skipped is not None or case.get("status") == "disabled":
        return "skipped", skip_reason(skipped, output)
    if case.get("status") in ("fail", "notrun"):
        return "failed", output or "not run"
    return "passed", ""


def skip_reason(element, output):
    """What the test itself said: googletest prints it after the place of GTEST_SKIP."""
    if said := re.search(r"Skipped\n(.*(?:\n(?!\[).+)*)", output):
        return " ".join(said.group(1).split())
    message = element.get("message") if element is not None else ""
    return message if message and not message.startswith("SKIP_") else "no reason given"


def main(paths):
    everything = [result for path in paths for result in results(path)]
    for name, state, text in everything:
        if state == "failed":
            lines = text.strip().splitlines()
            cut = len(lines) - SHOWN_LINES_MAX
            print(f"\n---- {name}" + (f"  (the last {SHOWN_LINES_MAX} lines of {len(lines)})" if cut > 0 else ""))
            print("\n".join(lines[max(cut, 0):]))
    count = Counter(state for _, state, _ in everything)
    if count["failed"]:
        print()
    for reason, times in sorted(Counter(text for _, state, text in everything if state == "skipped").items()):
        print(f"{times} skipped: {reason}")
    print(f"{count['passed']} passed, {count['failed']} failed")
    return 0 if count["passed"] and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
