"""docs/audit-events.md has exactly one row for each value of accord.type.v1.EventType, and the other way round."""
import re

from tree import Case

PROTO, DOCUMENT = "proto/accord/type/v1/entry.proto", "docs/audit-events.md"


def check(tree):
    if not tree.exists(PROTO):
        return []
    body = re.search(r"\benum EventType \{(.*?)^\}", tree.read(PROTO), re.S | re.M)
    values = re.findall(r"^\s*EVENT_TYPE_(\w+)\s*=", body.group(1), re.M) if body else []
    rows = re.findall(r"^\| `([A-Z_]+)` \|", tree.read(DOCUMENT) if tree.exists(DOCUMENT) else "", re.M)
    findings = [f"{DOCUMENT}: no row for {value}" for value in values if value != "UNSPECIFIED" and value not in rows]
    findings += [f"{DOCUMENT}: {row} is not a value of EventType" for row in rows if row not in values or row == "UNSPECIFIED"]
    findings += [f"{DOCUMENT}: {row} has {rows.count(row)} rows" for row in sorted(set(rows)) if rows.count(row) > 1]
    if not values:
        findings.append(f"{PROTO}: no EventType found")
    return findings


ENUM = "enum EventType {\n  // None.\n  EVENT_TYPE_UNSPECIFIED = 0;\n  EVENT_TYPE_RELEASED = 1;\n}\n"
ROW = "| `RELEASED` | when | chains | parts |\n"
CASES = [
    Case("one row each", {PROTO: ENUM, DOCUMENT: ROW}),
    Case("no row", {PROTO: ENUM, DOCUMENT: "| `released` |\n"}, "no row for RELEASED"),
    Case("row of no event", {PROTO: ENUM, DOCUMENT: ROW + "| `DROPPED` | a |\n"}, "DROPPED is not a value"),
    Case("two rows", {PROTO: ENUM, DOCUMENT: ROW + ROW}, "RELEASED has 2 rows"),
    Case("no enum", {PROTO: "enum Other {}\n", DOCUMENT: ""}, "no EventType found"),
]
