"""docs/access.md says who may call which method of the broker: made from the options `callers` and `roles` of the protos by
`run.py access_doc --write`. A method that administrators may call says which of them, others name no roles. The same table is held to what
the broker does by services/broker/adapter/access_test.cc."""
import re

import descriptors
from tree import Case

DOCUMENT = "docs/access.md"
BEGIN, END = "<!-- Made from the protos: tests/lint/run.py access_doc --write -->", "<!-- End of what is made. -->"
PACKAGES = ("accord.broker.v1", "accord.admin.v1", "accord.inspection.v1")
CALLERS = {1: "agency", 2: "administrator", 3: "inspector"}
ROLES = {1: "administrator", 2: "approver", 3: "data-protection officer", 4: "auditor", 5: "operator"}
# Whoever was enrolled before there were roles.
OF_OLD = {1, 2, 3}
COLUMNS = ["agency", *(ROLES[r] for r in sorted(ROLES)), "no role", "inspector", "unknown"]


def methods(tree):
    """(service, method, callers, roles) of every method of the broker, in the order of files and declarations."""
    ours = descriptors.options()
    for file in descriptors.load(tree.root / "proto").values():
        if file.package not in PACKAGES:
            continue
        for service in file.service:
            for method in service.method:
                options = method.options.Extensions
                yield f"{file.package}.{service.name}", method.name, set(options[ours.callers]), list(options[ours.roles])


def row(name, callers, roles):
    may = {"agency": 1 in callers, "inspector": 3 in callers, "unknown": False,
           "no role": 2 in callers and bool(OF_OLD & set(roles)), **{ROLES[r]: 2 in callers and r in roles for r in ROLES}}
    return f"| `{name}` | " + " | ".join("yes" if may[c] else "-" for c in COLUMNS) + " |"


def table(tree):
    lines, before = [BEGIN], None
    for service, name, callers, roles in methods(tree):
        if service != before:
            lines += ["", f"## {service}", "| method | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
            before = service
        lines.append(row(name, callers, roles))
    return "\n".join([*lines, "", END])


def parts(document):
    """What stands before, between and after the marks; None when they are not there."""
    found = re.fullmatch(rf"(.*?)({re.escape(BEGIN)}.*?{re.escape(END)})(.*)", document, re.S)
    return found.groups() if found else None


def write(tree):
    before, _, after = parts(tree.read(DOCUMENT))
    (tree.root / DOCUMENT).write_text(before + table(tree) + after, encoding="utf-8")


def check(tree):
    if not tree.files(".proto", under="proto"):
        return []
    findings = []
    try:
        for service, name, callers, roles in methods(tree):
            full = f"{service}/{name}"
            if not callers:
                findings.append(f"{full}: nobody may call it: it needs the option `callers`")
            if (2 in callers) != bool(roles):
                findings.append(f"{full}: names roles without administrators as callers" if roles else f"{full}: says not which administrators: it needs the option `roles`")
            if len(set(roles)) != len(roles) or 0 in roles:
                findings.append(f"{full}: a role stands twice, or is none")
        wanted = table(tree)
    except ValueError as error:
        return [str(error)]
    if findings:
        return findings
    found = parts(tree.read(DOCUMENT)) if tree.exists(DOCUMENT) else None
    if found is None:
        return [f"{DOCUMENT}: has no table between the marks of tests/lint/access_doc.py"]
    here, there = found[1].splitlines(), wanted.splitlines()
    if here == there:
        return []
    at = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), min(len(here), len(there)))
    line = there[at] if at < len(there) else "(nothing)"
    return [f"{DOCUMENT}: not what the protos say; there it is: {line}; tests/lint/run.py access_doc --write makes it anew"]


def proto(options):
    return ('syntax = "proto3";\npackage accord.admin.v1;\nimport "accord/options/v1/options.proto";\nmessage A {}\n'
            "service S { rpc Do(A) returns (A) { " + " ".join(f"option (accord.options.v1.{name}) = {value};" for name, value in options) + " } }\n")


AGENCY, ADMIN = ("callers", "CALLER_AGENCY"), ("callers", "CALLER_ADMIN")
AUDITOR, APPROVER = ("roles", "OFFICER_ROLE_AUDITOR"), ("roles", "OFFICER_ROLE_APPROVER")
PAGE = "\n".join(["# Who may call what", BEGIN, "", "## accord.admin.v1.S", "| method | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|",
                  "| `Do` | yes | - | yes | - | - | - | yes | - | - |", "", END, "More."])
FILE = "proto/accord/admin/v1/x.proto"
CASES = [
    Case("as the protos", {FILE: proto([AGENCY, ADMIN, APPROVER]), DOCUMENT: PAGE}),
    Case("a role more", {FILE: proto([AGENCY, ADMIN, APPROVER, AUDITOR]), DOCUMENT: PAGE}, "there it is: | `Do`"),
    Case("no document", {FILE: proto([AGENCY, ADMIN, APPROVER])}, "has no table"),
    Case("administrators without roles", {FILE: proto([AGENCY, ADMIN]), DOCUMENT: PAGE}, "says not which administrators"),
    Case("roles without administrators", {FILE: proto([AGENCY, AUDITOR]), DOCUMENT: PAGE}, "names roles without administrators"),
    Case("a role twice", {FILE: proto([AGENCY, ADMIN, AUDITOR, AUDITOR]), DOCUMENT: PAGE}, "a role stands twice"),
    Case("nobody", {FILE: proto([]), DOCUMENT: PAGE}, "nobody may call it"),
]
