#!/usr/bin/env python3
"""Includes go one way. The order is read from src/README.md (the block ```layers), who may include which library of
others from third_party/README.md (the block ```headers); this file holds no folder's name of its own but `testing`.

A layer may include itself and those above it in the block (lower layers come first there). Names on one line, parted by
|, do not see each other; `store/*` stands for all folders in store, which do not see one another. A line
`only memory: include/strata core` narrows a layer to a list.

Also held here: every include is written as the full path from src/ or include/; every folder of src has its sentence
in src/README.md; USES in a folder's CMakeLists.txt follows the same order; only tests and benches see `testing`.

Prints `file:line: what is wrong (the rule)` and exits 1 if anything is.
"""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import source_tree  # noqa: E402
from cpp_text import blank, line_of  # noqa: E402

PUBLIC = "include/strata"
TESTING = "testing"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# What the platform gives: POSIX, Linux and the compilers' intrinsics. Standard C++ headers have neither / nor .h.
PLATFORM = re.compile(r"(sys|linux|arpa|netinet|net)/\w+\.h|(unistd|fcntl|errno|dirent|poll|signal|spawn|pthread|sched|"
                      r"dlfcn|link|termios|netdb|pwd|malloc|syscall|ucontext|execinfo|cpuid|immintrin|x86intrin|"
                      r"emmintrin|nmmintrin|"
                      r"arm_neon|arm_acle|limits|stdint|stddef|stdlib|string|stdio|stdbool|features|mntent|glob|"
                      r"utime|time|locale|langinfo|getopt)\.h")


class Layers:
    """The order of src/README.md."""

    def __init__(self, readme):
        self.rank = {}      # layer as written → its place, lowest 0
        self.only = {}      # layer → the layers it is narrowed to
        block = re.search(r"^```layers\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
        if not block:
            raise ValueError("src/README.md has no block ```layers")
        place = 0
        for line in filter(None, map(str.strip, block.group(1).splitlines())):
            if narrowed := re.fullmatch(r"only ([\w/]+): (.*)", line):
                self.only[narrowed.group(1)] = narrowed.group(2).split()
                continue
            for name in line.split("|"):
                self.rank[name.strip()] = place
            place += 1

    def layer_of(self, path):
        """The layer a folder (store/vector/remote, core, include/strata) belongs to; None if it has none."""
        for layer in self.rank:
            if layer.endswith("/*"):
                if path.startswith(layer[:-1]):
                    return "/".join(path.split("/")[: layer.count("/") + 1])
            elif path == layer or path.startswith(layer + "/"):
                return layer
        return None

    def place(self, layer):
        parent = layer.rsplit("/", 1)[0] + "/*"
        return self.rank[layer] if layer in self.rank else self.rank[parent]

    def objection(self, source, target):
        """Why `source` must not include `target` (both layers); None if it may."""
        if source == target:
            return None
        if target == TESTING:
            return "only tests and benches see testing"
        if source == TESTING:
            return None
        if source in self.only:
            if target in self.only[source]:
                return None
            return f"{source} sees only {' and '.join(self.only[source])}"
        if source == PUBLIC:
            return f"{PUBLIC} includes only the standard library and itself"
        if self.place(target) > self.place(source):
            return f"{target} lies above {source}"
        if self.place(target) == self.place(source):
            return f"{source} and {target} do not see each other"
        return None


def read_headers(readme):
    """[(pattern, folders)] of the block ```headers in third_party/README.md."""
    block = re.search(r"^```headers\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    if not block:
        raise ValueError("third_party/README.md has no block ```headers")
    rows = []
    for line in filter(None, map(str.strip, block.group(1).splitlines())):
        patterns, folders = line.split(":")
        rows += [(pattern, folders.split()) for pattern in patterns.split()]
    return rows


def folder_of(name):
    """src/store/vector/remote/x.cc → store/vector/remote; include/strata/x.h → include/strata; else the folder."""
    folder = name.rsplit("/", 1)[0] if "/" in name else ""
    return folder.removeprefix("src/")


def is_test(name):
    return (name.endswith(("_test.cc", "_bench.cc", "_fuzz.cc", "_fixture.h"))
            or name.startswith(("tests/", "bench/", "src/testing/")))


def check_file(name, text, layers, headers):
    """Yields (line, message) for each include of one C++ file that breaks a rule."""
    folder = folder_of(name)
    source = layers.layer_of(folder)
    test = is_test(name)
    for found in INCLUDE.finditer(blank(text, strings=False)):
        quote, target = found.groups()
        line = line_of(text, found.start(2))
        ours = layers.layer_of("include/" + target if target.startswith("strata/") else target)
        if target.startswith("strata/") or (quote == '"' and ours):
            # Ours. Outside src, only the Python bindings are held to a layer; tests and benches see everything.
            source_here = "python" if name.startswith("python/") else source
            if test or (source_here is None and not name.startswith("src/")):
                continue
            if source_here is None:
                yield line, f"includes {target}, but {folder} is not in the order of src/README.md"
            elif objection := layers.objection(source_here, ours):
                yield line, f"{folder} includes {target} ({objection})"
        elif quote == '"':
            if not name.startswith(("src/", "include/")):
                continue  # a test's own fixtures
            if not any(fnmatch(target, pattern) for pattern, _ in headers):
                yield line, f'includes "{target}" (write the full path from src/)'
        if quote == "<" and not target.startswith("strata/"):
            yield from check_foreign(name, folder, target, line, headers, test)


def check_foreign(name, folder, target, line, headers, test):
    if ("/" not in target and not target.endswith(".h")) or PLATFORM.fullmatch(target):
        if folder == PUBLIC and target.endswith(".h"):
            yield line, f"{PUBLIC} includes <{target}> (it includes only the standard library and itself)"
        return
    rows = [folders for pattern, folders in headers if fnmatch(target, pattern)]
    if not rows:
        yield line, f"includes <{target}> (it has no row in third_party/README.md)"
    elif not any(folder == allowed or folder.startswith(allowed + "/") or allowed == "tests" and test
                 for folders in rows for allowed in folders):
        allowed = " ".join(sorted({folder for folders in rows for folder in folders}))
        yield line, f"{folder or name} includes <{target}> (it is wrapped in: {allowed})"


def check_uses(name, text, layers):
    """USES of an add_module() call names folders, / written as _."""
    source = layers.layer_of(folder_of(name))
    text = re.sub(r"#.*", lambda comment: " " * len(comment.group()), text)
    for module in re.finditer(r"add_module\(.*?\)", text, re.DOTALL):
        uses = re.search(r"\bUSES\s+(.*?)(?=\b(?:HEADERS|SOURCES|TESTS|BENCHES|LINKS)\b|\))", module.group(), re.DOTALL)
        for word in re.finditer(r"\w+", uses.group(1) if uses else ""):
            used = word.group()
            target = layers.layer_of(PUBLIC if used == "public" else used.replace("store_", "store/"))
            line = line_of(text, module.start() + uses.start(1) + word.start())
            if target is None or source is None:
                yield line, f"USES {used}: no such folder in the order of src/README.md"
            elif objection := layers.objection(source, target):
                yield line, f"USES {used} ({objection})"


def check_sentences(root, readme):
    """Every folder of src with a CMakeLists.txt is in the table of src/README.md, and nothing else is."""
    folders = {str(path.parent.relative_to(root / "src")) for path in (root / "src").rglob("CMakeLists.txt")}
    described = set(re.findall(r"^\| `([\w/]+)/` \|", readme, re.MULTILINE))
    for folder in sorted(folders - described - {"."}):
        yield 1, f"{folder}/ has no sentence (every folder has its row | `{folder}/` | … |)"
    for folder in sorted(described - folders):
        yield 1, f"{folder}/ has a sentence and no CMakeLists.txt (a row describes what is there)"


def check(root=source_tree.ROOT):
    root = Path(root)
    readme = (root / "src/README.md").read_text(encoding="utf-8")
    layers = Layers(readme)
    headers = read_headers((root / "third_party/README.md").read_text(encoding="utf-8"))
    problems = [f"src/README.md:{line}: {message}" for line, message in check_sentences(root, readme)]
    for name in source_tree.files(root, (".h", ".cc", ".def")):
        text = source_tree.read(root, name) or ""
        problems += [f"{name}:{line}: {message}" for line, message in check_file(name, text, layers, headers)]
    for name in source_tree.files(root, ("CMakeLists.txt",)):
        if name.startswith("src/"):
            text = source_tree.read(root, name) or ""
            problems += [f"{name}:{line}: {message}" for line, message in check_uses(name, text, layers)]
    return problems


if __name__ == "__main__":
    found = check()
    print("\n".join(found))
    sys.exit(1 if found else 0)
