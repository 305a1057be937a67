"""docs/errors.md is what the catalogue of common/base/reasons.h and the protos say: every reason in the catalogue's order, and every
method that answers COMES_LATER. `run.py errors_doc --write` makes it anew. What a next step sends the reader to must exist."""
import re

import descriptors
from tree import Case

CATALOGUE, DOCUMENT = "common/base/reasons.h", "docs/errors.md"

HEAD = """# Errors
Every error that leaves a server of Accord carries a `google.rpc.ErrorInfo` with domain `accord` and one of these reasons. Programs decide by
the reason; the message is for people and may change. Values that the message names stand in the metadata as well; neither holds personal
data. A reason, once released, keeps its name and its code. Only UNAVAILABLE is retried blindly, with the same request id.

This page is made from `common/base/reasons.h` by `tests/lint/run.py errors_doc --write`.

| reason | code | what it means | what to do |
|---|---|---|---|
"""
MORE = """
## What the metadata says besides
`PRINCIPAL_UNKNOWN` of whoever is shut out (docs/administrators.md) has `state`, which is `suspended`, `reason`, the name of a `SuspensionReason`,
and `at`, since when, in UTC.
"""
LATER = """
## Methods that come later
Part of the published interface so that clients can be generated once; each answers `COMES_LATER` (UNIMPLEMENTED) until it is built. The
list is that of the methods with the option `later` in the protos.

"""


def code_name(constant):
    """kPermissionDenied → PERMISSION_DENIED."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", constant.removeprefix("k")).upper()


def rows(text):
    """Enumerator, reason, code, meaning and next step of each X(…) of the catalogue."""
    table = re.search(r"#define ACCORD_REASONS\(X\)(.*?[^\\])\n\n", text, re.S)
    body = re.sub(r"\\\n", "\n", table.group(1)) if table else ""
    string = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
    found = re.findall(rf"\bX\(\s*(\w+)\s*,\s*{string},\s*(k\w+)\s*,\s*{string},\s*{string}\)", body)
    if len(found) != len(re.findall(r"\bX\(", body)):
        raise ValueError(f"{CATALOGUE}: rows that cannot be read")
    joined = [[part if i in (0, 2) else "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', part)) for i, part in enumerate(row)] for row in found]
    return [(name, reason, code_name(code), meaning, step) for name, reason, code, meaning, step in joined]


def later_methods(tree):
    if not tree.files(".proto", under="proto"):
        return []
    ours = descriptors.options()
    return sorted(f"{file.package}.{service.name}/{method.name}" for file in descriptors.load(tree.root / "proto").values()
                  for service in file.service for method in service.method if method.options.Extensions[ours.later])


def document(tree):
    lines = [f"| `{reason}` | {code} | {meaning} | {step} |" for _, reason, code, meaning, step in rows(tree.read(CATALOGUE))]
    methods = [f"- `{method}`" for method in later_methods(tree)] or ["None."]
    return HEAD + "\n".join(lines) + "\n" + MORE + LATER + "\n".join(methods) + "\n"


def write(tree):
    (tree.root / DOCUMENT).write_text(document(tree), encoding="utf-8")


def check(tree):
    if not tree.exists(CATALOGUE):
        return []
    try:
        found, wanted = rows(tree.read(CATALOGUE)), document(tree)
    except ValueError as error:
        return [str(error)]
    findings = []
    names = [reason for _, reason, *_ in found]
    for name, reason, _, meaning, step in found:
        if reason != re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper():
            findings.append(f"{CATALOGUE}: {name} is called {reason}")
        if names.count(reason) > 1:
            findings.append(f"{CATALOGUE}: {reason} stands twice")
        for file in re.findall(r"[\w/.-]+\.md", meaning + " " + step):
            if not tree.exists(file) and not tree.exists(f"docs/{file}"):
                findings.append(f"{CATALOGUE}: {reason} sends its reader to {file}, which is not there")
    actual = tree.read(DOCUMENT) if tree.exists(DOCUMENT) else ""
    if actual != wanted:
        here, there = actual.splitlines(), wanted.splitlines()
        at = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), min(len(here), len(there)))
        line = there[at] if at < len(there) else "(nothing)"
        findings.append(f"{DOCUMENT}:{at + 1}: not what {CATALOGUE} and the protos say; there it is: {line}; "
                        "tests/lint/run.py errors_doc --write makes it anew")
    return findings


def header(*reasons):
    return "#define ACCORD_REASONS(X) \\\n" + " \\\n".join(f"  X({reason})" for reason in reasons) + "\n\nnamespace accord {}\n"


def page(*lines, later=("None.",)):
    return HEAD + "".join(f"{line}\n" for line in lines) + MORE + LATER + "".join(f"{line}\n" for line in later)


ONE = 'QueueFull, "QUEUE_FULL", kResourceExhausted, "Too " \\\n "much.", "Wait."'
ONE_ROW = "| `QUEUE_FULL` | RESOURCE_EXHAUSTED | Too much. | Wait. |"
CASES = [
    Case("as the catalogue", {CATALOGUE: header(ONE), DOCUMENT: page(ONE_ROW)}),
    Case("no document", {CATALOGUE: header(ONE)}, "docs/errors.md:1:"),
    Case("another meaning", {CATALOGUE: header(ONE), DOCUMENT: page(ONE_ROW.replace("much", "many"))}, "docs/errors.md:10:"),
    Case("another code", {CATALOGUE: header(ONE.replace("kResourceExhausted", "kAborted")), DOCUMENT: page(ONE_ROW)}, "docs/errors.md:10:"),
    Case("a row too many", {CATALOGUE: header(ONE), DOCUMENT: page(ONE_ROW, ONE_ROW)}, "docs/errors.md:11:"),
    Case("a name that does not fit", {CATALOGUE: header(ONE.replace("QueueFull", "QueueLong")), DOCUMENT: page(ONE_ROW)},
         "QueueLong is called QUEUE_FULL"),
    Case("a word of one letter", {CATALOGUE: header(ONE.replace("QueueFull", "NotAQueue").replace("QUEUE_FULL", "NOT_A_QUEUE")),
                                  DOCUMENT: page(ONE_ROW.replace("QUEUE_FULL", "NOT_A_QUEUE"))}),
    Case("a runbook that is not there", {CATALOGUE: header(ONE.replace("Wait.", "See runbooks/none.md.")),
                                         DOCUMENT: page(ONE_ROW.replace("Wait.", "See runbooks/none.md."))}, "runbooks/none.md"),
    Case("a row that cannot be read", {CATALOGUE: header(ONE, "Other"), DOCUMENT: page(ONE_ROW)}, "cannot be read"),
    Case("a method that comes later and is not listed", {
        CATALOGUE: header(ONE), DOCUMENT: page(ONE_ROW),
        "proto/accord/x/v1/x.proto": 'syntax = "proto3";\npackage accord.x.v1;\nimport "accord/options/v1/options.proto";\n'
                                     "message A {}\nservice S { rpc Do(A) returns (A) { option (accord.options.v1.later) = true; } }\n"},
         "`accord.x.v1.S/Do`"),
]
