"""Every test is run: each *_test.cc, *_test.sh and *_test.py is named in the CMakeLists.txt of its folder, each test has a
known label, and each CMakeLists.txt is reached from the one above it."""
import posixpath
import re

from tree import Case

# style.md §10, and `long`, which tests/run.sh leaves out unless asked.
LABELS = {"unit", "lint", "conformance", "integration", "scenarios", "simulation", "compat", "system", "long"}


def check(tree):
    findings = []
    for path in tree.files("_test.cc", "_test.sh", "_test.py"):
        folder, name = posixpath.split(path)
        lists = posixpath.join(folder, "CMakeLists.txt")
        if not tree.exists(lists) or not names(without_comments(tree.read(lists)), name):
            findings.append(f"{path}: not registered in {lists}")
    for path in tree.files("CMakeLists.txt"):
        folder = posixpath.dirname(path)
        text = without_comments(tree.read(path))
        if folder:
            above, name = posixpath.split(folder)
            while above and not tree.exists(posixpath.join(above, "CMakeLists.txt")):
                above, between = posixpath.split(above)
                name = posixpath.join(between, name)
            parent = posixpath.join(above, "CMakeLists.txt")
            if not tree.exists(parent) or not re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w/-])", without_comments(tree.read(parent))):
                findings.append(f"{path}: not reached from {parent}")
        for arguments in re.findall(r"\baccord_add_(?:system_)?test\(([^)]*)\)", text):
            words = arguments.split()
            if words[0].startswith("${"):
                continue  # Inside a wrapper; its callers are looked at under its own name.
            labels = []
            if "LABELS" in words:
                for word in words[words.index("LABELS") + 1:]:
                    if word.isupper():
                        break
                    labels.append(word)
            if not labels or not set(labels) <= LABELS:
                findings.append(f"{path}: test {words[0]} has labels {labels}; known are {sorted(LABELS)}")
    return findings


def names(text, file):
    """True when the CMake text names the file, or makes the name from one of its words: `${name}_test.sh`."""
    words = [file]
    stem, ending = re.fullmatch(r"(.*)(_test\.\w+)", file).groups()
    if "${name}" + ending in text:
        words.append(stem)
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w.-])", text) for word in words)


def without_comments(text):
    return re.sub(r"#.*", "", text)


ROOT = {"CMakeLists.txt": "add_subdirectory(common)\n"}
CASES = [
    Case("registered", ROOT | {"common/CMakeLists.txt": "accord_add_test(a_test SRCS a_test.cc DEPS x LABELS unit)\n",
                               "common/a_test.cc": ""}),
    Case("forgotten source", ROOT | {"common/CMakeLists.txt": "accord_add_test(b SRCS b_test.cc LABELS unit)\n",
                                     "common/a_test.cc": ""}, "common/a_test.cc: not registered"),
    Case("named in a comment only", ROOT | {"common/CMakeLists.txt": "# a_test.sh\n", "common/a_test.sh": ""},
         "common/a_test.sh: not registered"),
    Case("named through a function", ROOT | {"common/CMakeLists.txt": "add(COMMAND ${name}_test.sh)\nadd_mine(a unit 60)\n",
                                             "common/a_test.sh": ""}),
    Case("not named through a function", ROOT | {"common/CMakeLists.txt": "add(COMMAND ${name}_test.sh)\nadd_mine(b unit 60)\n",
                                                 "common/a_test.sh": ""}, "not registered"),
    Case("a longer name is another test", ROOT | {"common/CMakeLists.txt": "add_test(NAME x COMMAND ba_test.cc)\n",
                                                  "common/a_test.cc": ""}, "not registered"),
    Case("no label", ROOT | {"common/CMakeLists.txt": "accord_add_test(a SRCS a_test.cc DEPS x)\n", "common/a_test.cc": ""},
         "has labels []"),
    Case("no label in a wrapper's call", ROOT | {"common/CMakeLists.txt": "accord_add_system_test(a SRCS a_test.cc DEPS x)\n",
                                                 "common/a_test.cc": ""}, "has labels []"),
    Case("unknown label", ROOT | {"common/CMakeLists.txt": "accord_add_test(a SRCS a_test.cc LABELS fast)\n",
                                  "common/a_test.cc": ""}, "has labels ['fast']"),
    Case("folder that nothing adds", ROOT | {"common/CMakeLists.txt": "", "common/agent_rpc/CMakeLists.txt": ""},
         "not reached from common/CMakeLists.txt"),
    Case("folder two levels down", ROOT | {"common/CMakeLists.txt": "add_subdirectory(deep/er)\n",
                                           "common/deep/er/CMakeLists.txt": ""}),
]
