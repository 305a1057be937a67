"""docs/storage.md names every family that the code opens, in the part of its store, and no other; and every stored message that a
proto of accord.storage.v1 says belongs to a family says one that exists."""
import re

from tree import Case

DOCUMENT = "docs/storage.md"
# Heading of the part → headers that name its families.
STORES = {
    "## The broker's store": ["services/broker/ledger/ledger_families.h", "services/broker/directory/families.h", "common/storage/commit_log.h"],
    "## An agency service's store": ["common/agent/agency_store.h"],
}
PROTOS = ["proto/accord/storage/v1/broker.proto", "proto/accord/storage/v1/agent.proto"]


def families(text):
    """Names in `kFamilyX = "x"` and `kXFamily = "x"`."""
    return re.findall(r'\bk(?:Family\w+|\w+Family)\s*=\s*"(\w+)"', text)


def check(tree):
    if not any(tree.exists(header) for headers in STORES.values() for header in headers):
        return []
    document = tree.read(DOCUMENT) if tree.exists(DOCUMENT) else ""
    findings, every = [], set()
    for heading, headers in STORES.items():
        named = {family for header in headers if tree.exists(header) for family in families(tree.read(header))}
        every |= named
        at = document.find(heading)
        part = document[at:].partition("\n## ")[0] if at >= 0 else ""
        rows = set()
        for row in re.findall(r"^\| (`[^|]*) \|", part, re.M):
            rows.update(re.findall(r"`(\w+)`", row))
        findings += [f"{DOCUMENT}: family `{family}` has no row under “{heading}”" for family in sorted(named - rows)]
        findings += [f"{DOCUMENT}: `{row}` under “{heading}” is no family of {', '.join(headers)}" for row in sorted(rows - named)]
    for path in PROTOS:
        for number, line in tree.lines(path) if tree.exists(path) else []:
            for family in re.findall(r"\b[Ff]amily `(\w+)`", line):
                if family not in every:
                    findings.append(f"{path}:{number}: family `{family}` does not exist")
    return findings


HEADER = 'inline constexpr std::string_view kFamilyInbox = "inbox";  // digest → StoredReceived\n'
PAGE = "# Storage\n## An agency service's store (RocksDB)\n| family | key |\n|---|---|\n| `inbox` | digest |\n"
AGENCY = STORES["## An agency service's store"][0]
CASES = [
    Case("named", {AGENCY: HEADER, DOCUMENT: PAGE, PROTOS[1]: "// Family `inbox`, key digest.\n"}),
    Case("a new family", {AGENCY: HEADER + HEADER.replace("nbox", "ndex"), DOCUMENT: PAGE}, "family `index` has no row"),
    Case("a family that is gone", {AGENCY: HEADER, DOCUMENT: PAGE + "| `outbox` | id |\n"}, "`outbox` under"),
    Case("in the wrong part", {AGENCY: HEADER, DOCUMENT: PAGE.replace("An agency service's", "Another")}, "family `inbox` has no row"),
    Case("a proto of no family", {AGENCY: HEADER, DOCUMENT: PAGE, PROTOS[1]: "// Family `post`, key digest.\n"}, "family `post`"),
]
