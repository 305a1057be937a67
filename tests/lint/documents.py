"""What the documents name exists: tests, limits, metrics, packages, folders and files, and in the tour every function in the file it links to.

A table with a column "test" says of every row which tests show it, by names that exist, or "none"."""
import posixpath
import re

from tree import Case

README, TOUR, ARCHITECTURE = "README.md", "docs/tour.md", "docs/architecture.md"
PACKAGES, DEPENDENCIES = "deploy/packages.txt", "docs/dependencies.md"
TOP = ("common/", "services/", "proto/", "deploy/", "tests/", "docs/", "cmake/", ".ci/")  # build/ is made later.


def prose(tree, path):
    """Lines outside of fences, with their numbers."""
    fenced = False
    for number, line in tree.lines(path):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def linked_names(tree, path):
    """Line, name and file of each [`name`](file)."""
    for number, line in prose(tree, path):
        for name, target in re.findall(r"\[`([^`]+)`\]\(([^)\s#]+)", line):
            yield number, name, posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def tests_of(tree):
    """Every `Suite.Test` in C++, with its suite alone."""
    names = set()
    for path in tree.files("_test.cc"):
        for suite, test in re.findall(r"\bTEST(?:_F|_P)?\((\w+),\s*(\w+)\)", tree.read(path)):
            names |= {suite, f"{suite}.{test}"}
    return names


def ctest_names(tree):
    """What CTest runs under a name that stands in a CMakeLists.txt; of those that are made of a variable the fuzzers and the lints."""
    names = {f"lint_{posixpath.basename(path)[:-3]}" for path in tree.files(".py", under="tests/lint")}
    for path in tree.files("CMakeLists.txt"):
        for command, name in re.findall(r"\b(accord_add_test\(|add_test\(NAME|accord_add_fuzz\()\s*(\w+)(?=[\s)])", tree.read(path)):
            names.add(f"fuzz_{name}" if "fuzz" in command else name)
    return names


def test_cells(tree, path):
    """Line number and text of each cell below a heading "test" or "tests"."""
    column = None
    for number, line in prose(tree, path):
        if not line.startswith("|"):
            column = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if column is None:  # The heading. -1: a table without such a column.
            column = next((at for at, cell in enumerate(cells) if cell.lower() in ("test", "tests")), -1)
        elif 0 <= column < len(cells) and not re.fullmatch(r":?-+:?", cells[column]):
            yield number, cells[column]


def check_tests(tree, documents):
    known, findings = tests_of(tree), []
    suites, run = {name for name in known if "." not in name}, ctest_names(tree)
    for path in documents:
        told = set()  # The names of a "test" column, of whatever form.
        for number, cell in test_cells(tree, path):
            names = re.findall(r"`([^`]+)`", cell)
            told |= {(number, name) for name in names}
            if not names and not re.search(r"\bnone\b", cell):
                findings.append(f"{path}:{number}: a row that names no test says \"none\"")
        for number, line in prose(tree, path):
            for name in re.findall(r"`([^`]+)`", line):
                form = re.fullmatch(r"(\w+)(?:\.\w+)?", name)
                of_a_suite = form and (form[1].endswith("Test") or "." in name and form[1] in suites)
                if name not in known and (of_a_suite or (number, name) in told and name not in run):
                    findings.append(f"{path}:{number}: no test is called {name}")
    return findings


def check_paths(tree, documents):
    findings = []
    for path in documents:
        for number, line in prose(tree, path):
            for name in re.findall(r"`([\w./-]+)`", line):
                if name.startswith(TOP) and not tree.exists(name):
                    findings.append(f"{path}:{number}: there is no {name}")
    return findings


def check_tour(tree):
    findings = []
    for number, name, file in linked_names(tree, TOUR):
        if not re.fullmatch(r"\w+(?:::\w+)*", name):
            continue
        last = name.rsplit("::", 1)[-1]
        if tree.exists(file) and not re.search(rf"\b{last}\b", tree.read(file)):
            findings.append(f"{TOUR}:{number}: {file} knows no {last}")
    return findings


def check_limits(tree):
    """A row `kName` | value | [file](…): the file has the constants."""
    findings = []
    for number, line in prose(tree, ARCHITECTURE):
        row = re.match(r"\| ((?:`k\w+`(?:, )?)+) \|.*\]\(([^)]+)\) \|$", line)
        if not row:
            continue
        file = posixpath.normpath(posixpath.join("docs", row.group(2)))
        for name in re.findall(r"`(k\w+)`", row.group(1)):
            if tree.exists(file) and not re.search(rf"\b{name} =", tree.read(file)):
                findings.append(f"{ARCHITECTURE}:{number}: {file} has no {name}")
    return findings


def check_metrics(tree):
    told = set(re.findall(r"^\| `(accord_\w+)` \|", tree.read(ARCHITECTURE), re.M))
    made = set()
    for path in tree.files(".cc", ".h", under="common") + tree.files(".cc", ".h", under="services"):
        if not path.endswith("_test.cc"):
            made |= set(re.findall(r'(?:Counters|Gauges|Histograms)\(\s*"(accord_\w+)"', tree.read(path)))
    return ([f"{ARCHITECTURE}: the metric {name} is not told of" for name in sorted(made - told)] +
            [f"{ARCHITECTURE}: no metric is called {name}" for name in sorted(told - made)])


def check_packages(tree):
    listed = {line.split("#")[0].strip() for line in tree.read(PACKAGES).splitlines()} - {""}
    rows = re.findall(r"^\| ((?:`[\w+.-]+`(?:, )?)+) \|", tree.read(DEPENDENCIES), re.M)
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    return ([f"{DEPENDENCIES}: nothing says what {name} is for" for name in sorted(listed - told)] +
            [f"{DEPENDENCIES}: {name} is not in {PACKAGES}" for name in sorted(told - listed)])


def check_decisions(tree):
    """docs/adr: numbered from 1 without a gap, titled with the number."""
    findings = []
    for position, path in enumerate(tree.files(".md", under="docs/adr"), start=1):
        number = posixpath.basename(path)[:4]
        if number != f"{position:04}":
            return findings + [f"{path}: number {position:04} is missing, or stands twice"]
        if not tree.read(path).startswith(f"# {number} "):
            findings.append(f"{path}: its title does not begin with {number}")
    return findings


def check(tree):
    documents = [path for path in tree.files(".md") if not path.startswith("proto/")]
    findings = check_tests(tree, documents) + check_paths(tree, documents) + check_decisions(tree)
    if tree.exists(TOUR):
        findings += check_tour(tree)
    if tree.exists(ARCHITECTURE):
        findings += check_limits(tree) + check_metrics(tree)
    if tree.exists(PACKAGES):
        findings += check_packages(tree) if tree.exists(DEPENDENCIES) else [f"there is no {DEPENDENCIES}"]
    return findings


LIMIT = "| `kBytesMax` | 4 | [a.h](../common/a.h) |\n"
METRIC = 'x = metrics.Counters("accord_calls", "Calls.");\n'
CASES = [
    Case("all of it there", {
        README: "`ATest.Works` and all of `ATest`, `common/a.h`, `build/not/yet`\n```\n`services/none.cc`\n```\n",
        TOUR: "[`A::Run`](../common/a.h), [`common/a.cc`](../common/a.h)\n",
        ARCHITECTURE: LIMIT + "| `accord_calls` | all | calls |\n",
        "common/a.h": "void Run();\ninline constexpr int kBytesMax = 4;\n", "common/a.cc": METRIC, "common/a_test.cc": "TEST(ATest, Works) {}\n",
        PACKAGES: "# A list\n\ncmake  # builds\n", DEPENDENCIES: "| package | for |\n| `cmake` | building |\n",
        "docs/adr/0001-a.md": "# 0001 A\n", "docs/adr/0002-b.md": "# 0002 B\n"}),
    Case("a test that is not there", {README: "`ATest.Fails`\n", "a_test.cc": "TEST(ATest, Works) {}\n"}, "ATest.Fails"),
    Case("a test of a suite of another name", {README: "`Drill.Fails`\n", "a_test.cc": "TEST(Drill, Works) {}\n"}, "Drill.Fails"),
    Case("rows that name tests of every kind, or none", {
        README: "| a | test |\n|---|---|\n| `x.y` | `Drill.Works`, `kept`, `fuzz_note`, `lint_text` |\n| b | none yet |\n\n| a | b |\n|---|---|\n| | `else` |\n",
        "a_test.cc": "TEST(Drill, Works) {}\n", "tests/lint/text.py": "", "CMakeLists.txt": "add_test(NAME kept COMMAND x)\naccord_add_fuzz(note DEPS a)\n"}),
    Case("a row that names what is no test", {README: "| a | Test |\n|---|---|\n| b | `kept` |\n", "CMakeLists.txt": "add_test(NAME kept_not COMMAND x)\n"}, "called kept"),
    Case("a row that names a test of a suite that has left", {README: "| a | tests |\n|---|---|\n| b | `Drill.Works` |\n"}, "Drill.Works"),
    Case("a row that names nothing", {README: "| a | test |\n|---|---|\n| b | as above |\n"}, 'says "none"'),
    Case("a file that is not there", {README: "`common/b.h`\n"}, "no common/b.h"),
    Case("a function that has left", {TOUR: "[`A::Run`](../common/a.h)\n", "common/a.h": "void RunAll();\n"}, "knows no Run"),
    Case("a limit that has left", {ARCHITECTURE: LIMIT, "common/a.h": "// kBytesMax is gone\n"}, "no kBytesMax"),
    Case("a metric not told of", {ARCHITECTURE: "\n", "common/a.cc": METRIC}, "accord_calls is not told of"),
    Case("a metric that is not made", {ARCHITECTURE: "| `accord_calls` | all | calls |\n"}, "no metric is called accord_calls"),
    Case("a package without a reason", {PACKAGES: "cmake\n", DEPENDENCIES: "| package |\n"}, "what cmake is for"),
    Case("a package that is not installed", {PACKAGES: "\n", DEPENDENCIES: "| `cmake` | building |\n"}, "cmake is not in"),
    Case("a gap in the decisions", {"docs/adr/0001-a.md": "# 0001 A\n", "docs/adr/0003-b.md": "# 0003 B\n"}, "0002 is missing"),
    Case("a decision titled otherwise", {"docs/adr/0001-a.md": "# 0002 A\n"}, "begin with 0001"),
]
