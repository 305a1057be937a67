"""Protos follow style.md §8: a comment on every element; the package is the folder; enums prefixed with a zero `_UNSPECIFIED`; each
RPC has its own request and response; a method that changes something takes a request id; lists are paged; every method says who
may call it; public protos never import storage."""
import posixpath
import re

import descriptors
from descriptors import Field
from tree import Case

# Paged like a list, though named otherwise.
ALSO_LISTS = {"accord.inspection.v1.TrailService.QueryTrail"}
# A table of the program and not of a store: whole in one answer.
FIXED_LISTS = {"accord.inspection.v1.TrailService.ListQuestions"}
# The same content is the same thing, so that a repeat needs no id.
SAME_BY_CONTENT = {"accord.agency.v1.AttachmentsService.UploadAttachment"}


def check(tree):
    if not tree.files(".proto", under="proto"):
        return []
    try:
        files = descriptors.load(tree.root / "proto")
    except ValueError as error:
        return [f"proto: {error}"]
    everything = {name: message for file in files.values() for name, message, _ in descriptors.messages(file)}
    findings = []
    users = {}  # request or response message → the methods that use it.
    for file in files.values():
        findings += [f"proto/{file.name}:{line}: {what}" for line, what in of_file(file, everything, users)]
    for message, methods in sorted(users.items()):
        if len(methods) > 1:
            findings.append(f"proto: {message} is used by {' and '.join(methods)}; each RPC has its own")
    return findings


def of_file(file, everything, users):
    where = descriptors.Locations(file)
    if file.syntax != "proto3":
        yield 1, "not proto3"
    if file.package.replace(".", "/") != posixpath.dirname(file.name):
        yield 1, f"package {file.package} in folder {posixpath.dirname(file.name)}"
    if not re.fullmatch(r"accord\.[a-z]+\.v\d+", file.package):
        yield 1, f"package {file.package} is not accord.<area>.v<number>"
    if not file.package.startswith("accord.storage."):
        for dependency in file.dependency:
            if dependency.startswith("accord/storage/"):
                yield 1, f"a public proto imports {dependency}"
    if file.service and file.message_type and where.line((6, len(file.service) - 1)) > where.line((4, 0)):
        yield where.line((6, len(file.service) - 1)), "services stand first"
    for name, message, path in descriptors.messages(file):
        yield from comment(where, path, name)
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", message.name):
            yield where.line(path), f"{name} is not in PascalCase"
        for i, field in enumerate(message.field):
            yield from comment(where, path + (2, i), f"{name}.{field.name}")
            if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", field.name):
                yield where.line(path + (2, i)), f"{name}.{field.name} is not in snake_case"
        for i, oneof in enumerate(message.oneof_decl):
            if not oneof.name.startswith("_"):  # Those of `optional` have no place of their own.
                yield from comment(where, path + (8, i), f"{name}.{oneof.name}")
    for name, enum, path in descriptors.enums(file):
        yield from comment(where, path, name)
        prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
        for i, value in enumerate(enum.value):
            yield from comment(where, path + (2, i), f"{name}.{value.name}")
            if not value.name.startswith(prefix):
                yield where.line(path + (2, i)), f"{value.name} is not prefixed with {prefix}"
            if value.number == 0 and value.name != prefix + "UNSPECIFIED":
                yield where.line(path + (2, i)), f"the zero value is {value.name}, not {prefix}UNSPECIFIED"
        if enum.options.allow_alias:
            yield where.line(path), f"{name} has aliases"
    for i, extension in enumerate(file.extension):
        yield from comment(where, (7, i), f"{file.package}.{extension.name}")
    for i, service in enumerate(file.service):
        yield from comment(where, (6, i), service.name)
        for j, method in enumerate(service.method):
            for what in of_method(f"{file.package}.{service.name}", method, everything, users):
                yield where.line((6, i, 2, j)), what
            yield from comment(where, (6, i, 2, j), f"{service.name}.{method.name}")


def of_method(service, method, everything, users):
    ours = descriptors.options()
    name = f"{service}.{method.name}"
    for type_name, ending in ((method.input_type, "Request"), (method.output_type, "Response")):
        users.setdefault(type_name.removeprefix("."), []).append(name)
        if type_name.rsplit(".", 1)[-1] != method.name + ending:
            yield f"{name}: {type_name.rsplit('.', 1)[-1]} is not {method.name}{ending}"
    callers = method.options.Extensions[ours.callers]
    if not callers or ours.CALLER_UNSPECIFIED in callers or len(set(callers)) != len(callers):
        yield f"{name}: does not say who may call it"
    request = fields(everything, method.input_type)
    response = fields(everything, method.output_type)
    if not method.options.Extensions[ours.reads_only]:
        id_field = request.get("request_id")
        if id_field is None:  # A push carries it in its options.
            options = request.get("options")
            id_field = fields(everything, options.type_name).get("request_id") if options is not None else None
        if name not in SAME_BY_CONTENT and (id_field is None or id_field.type != Field.TYPE_STRING):
            yield f"{name}: changes something (it is not reads_only) and takes no request_id"
    if (method.name.startswith("List") and name not in FIXED_LISTS) or name in ALSO_LISTS:
        for of, field, kind in ((request, "page_size", Field.TYPE_INT32), (request, "page_token", Field.TYPE_STRING),
                                (response, "next_page_token", Field.TYPE_STRING)):
            if field not in of or of[field].type != kind:
                yield f"{name}: a list without {field}"


def fields(everything, type_name):
    message = everything.get(type_name.removeprefix("."))
    return {field.name: field for field in message.field} if message is not None else {}


def comment(where, path, what):
    if not where.commented(path):
        yield where.line(path), f"{what} has no comment"


HEAD = 'syntax = "proto3";\npackage accord.x.v1;\nimport "accord/options/v1/options.proto";\n'
GOOD = HEAD + """// A service.
service S {
  // Puts.
  rpc Put(PutRequest) returns (PutResponse) { option (accord.options.v1.callers) = CALLER_AGENCY; }
  // Lists.
  rpc ListThings(ListThingsRequest) returns (ListThingsResponse) {
    option (accord.options.v1.callers) = CALLER_ADMIN; option (accord.options.v1.reads_only) = true;
  }
}
// Request.
message PutRequest {
  // Id.
  string request_id = 1;
  // One of two.
  oneof either {
    // A.
    bool a = 2;
  }
  // Perhaps.
  optional bool perhaps = 3;
  // By name.
  map<string, string> by_name = 4;
}
// Response.
message PutResponse {}
// Request.
message ListThingsRequest {
  // Size.
  int32 page_size = 1;
  // Token.
  string page_token = 2;
}
// Response.
message ListThingsResponse {
  // Token.
  string next_page_token = 1;
  // Inner.
  message Inner {
    // A.
    bool a = 1;
  }
}
// Kinds.
enum TheKind {
  // None.
  THE_KIND_UNSPECIFIED = 0;
  // One.
  THE_KIND_ONE = 1;
}
"""


SECOND = """// Another service, with its own request.
service T {
  // Puts.
  rpc Put(Deep.PutRequest) returns (PutResponse) { option (accord.options.v1.callers) = CALLER_AGENCY; }
}
// Holds it.
message Deep {
  // Request.
  message PutRequest {
    // Id.
    string request_id = 1;
  }
}
"""


def broken(title, old, new, finding):
    assert old in GOOD, old
    return Case(title, {"proto/accord/x/v1/x.proto": GOOD.replace(old, new, 1)}, finding)


CASES = [
    Case("good", {"proto/accord/x/v1/x.proto": GOOD}),
    Case("folder", {"proto/accord/y/v1/x.proto": GOOD}, "package accord.x.v1 in folder accord/y/v1"),
    broken("service without comment", "// A service.\n", "", "S has no comment"),
    broken("method without comment", "  // Puts.\n", "", "S.Put has no comment"),
    broken("message without comment", "// Response.\nmessage PutResponse", "message PutResponse", "PutResponse has no comment"),
    broken("nested message without comment", "  // Inner.\n", "", "Inner has no comment"),
    broken("field without comment", "  // Id.\n", "", "request_id has no comment"),
    broken("oneof without comment", "  // One of two.\n", "", "either has no comment"),
    broken("enum without comment", "// Kinds.\n", "", "TheKind has no comment"),
    broken("value without comment", "  // One.\n", "", "THE_KIND_ONE has no comment"),
    broken("value without prefix", "THE_KIND_ONE", "KIND_ONE", "not prefixed with THE_KIND_"),
    broken("zero value", "THE_KIND_UNSPECIFIED", "THE_KIND_NONE", "the zero value is THE_KIND_NONE"),
    broken("no callers", "{ option (accord.options.v1.callers) = CALLER_AGENCY; }", ";", "who may call"),
    broken("mutation without request id", "request_id", "some_id", "takes no request_id"),
    broken("list without size", "int32 page_size", "int32 size", "a list without page_size"),
    broken("list without next token", "next_page_token", "next", "a list without next_page_token"),
    Case("response of another name", {"proto/accord/x/v1/x.proto": GOOD.replace("PutResponse", "PutAnswer")},
         "PutAnswer is not PutResponse"),
    broken("two methods, one response", "// Request.\n", SECOND + "// Request.\n", "each RPC has its own"),
    broken("field name", "string request_id = 1;\n", "string request_id = 1;\n  // B.\n  bool Bad = 9;\n", "not in snake_case"),
    Case("public imports storage", {"proto/accord/x/v1/x.proto": GOOD.replace(HEAD, HEAD + 'import "accord/storage/v1/s.proto";\n'),
                                    "proto/accord/storage/v1/s.proto": 'syntax = "proto3";\npackage accord.storage.v1;\n'},
         "a public proto imports accord/storage/v1/s.proto"),
    Case("does not compile", {"proto/accord/x/v1/x.proto": GOOD + "message {"}, "proto: accord/x/v1/x.proto"),
]
