#!/usr/bin/env python3
"""Every link of our documents leads somewhere: relative links of *.md to a file inside the repository, #fragments to a
heading of the document they name, and paths in backticks (`src/journal/journal.h`) to something in the tree. Links to
the web are not followed: this check needs no network. A path of what is to come is written without backticks.

Prints `file:line: what is wrong` and exits 1 if anything is.
"""

import re
import sys
from pathlib import Path
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).resolve().parent))
import source_tree  # noqa: E402

LINK = re.compile(r"\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
PATH = re.compile(r"`((?:src|include|docs|tests|tools|cmake|third_party|python|bench|console)/[\w./-]*)`")


def prose(text):
    """(line number, line) of what is not in a code fence."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def slug(heading):
    """The fragment that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text))


def fragments(text):
    found, seen = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)), {}
    for _, line in prose(text):
        if heading := re.match(r"#{1,6}\s+(.*?)\s*#*$", line):
            name = slug(heading.group(1))
            found.add(name if name not in seen else f"{name}-{seen[name]}")
            seen[name] = seen.get(name, 0) + 1
    return found


def tree(root):
    """Files that git has or would have, and their folders: what a reader of a fresh clone finds."""
    files = {Path(name) for name in source_tree.files(root)}
    return files | {folder for file in files for folder in file.parents}


def check_document(root, name, text, there):
    for number, line in prose(text):
        without_code = re.sub(r"`[^`]*`", lambda code: "`" * len(code.group()), line)
        targets = LINK.findall(without_code)
        if reference := REFERENCE.match(line):
            targets.append(reference.group(1))
        for target in targets:
            if problem := check_target(root, name, target, there):
                yield number, problem
        for path in PATH.findall(line):
            if Path(path) not in there:
                yield number, f"`{path}` is not in the tree"


def check_target(root, name, target, tree_of_root):
    """Why a link leads nowhere; None if it leads somewhere, or out on the web."""
    if re.match(r"[a-z][a-z+.-]*:", target):
        return None
    path, _, fragment = unquote(target).partition("#")
    if path.startswith("/"):
        return f"{target} is not relative"
    there = (root / name).parent.joinpath(path).resolve() if path else root / name
    if not there.is_relative_to(root):
        return f"{target} leads out of the repository"
    if there.relative_to(root) not in tree_of_root:
        return f"{target} does not exist"
    if fragment and there.suffix == ".md" and fragment not in fragments(there.read_text(encoding="utf-8")):
        return f"{target}: no such heading"
    return None


def check(root=source_tree.ROOT):
    root = Path(root).resolve()
    there = tree(root)
    return [f"{name}:{number}: {problem}"
            for name in source_tree.files(root, (".md",))
            for number, problem in check_document(root, name, source_tree.read(root, name) or "", there)]


if __name__ == "__main__":
    found = check()
    print("\n".join(found))
    sys.exit(1 if found else 0)
