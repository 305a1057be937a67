#!/usr/bin/python3
"""Goal: what was published stays readable. A client, a stored value and a signed document of any earlier release must mean the
same to this one, so a published element of the protos is never removed, renumbered, renamed or retyped.

Method: the interface is written as one line an element (proto/baseline/README.md) and compared with the checked-in lines of
proto/baseline/v1.txt. Every line of the baseline must still be there; new lines are additions and pass, but a field of a published
message may not become required, for old callers do not fill it. Before that, copies of the protos are changed in each forbidden
way, and each change must be found.

usage: proto_compat_test.py [--write]    --write makes the baseline of today's protos (README.md says when that is right)"""
import pathlib
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lint"))

import descriptors  # noqa: E402

BASELINE = ROOT / "proto" / "baseline" / "v1.txt"


def interface(files):
    """The lines, sorted, of the files (name → FileDescriptorProto)."""
    required = descriptors.options().FIELD_BEHAVIOR_REQUIRED
    lines = set()
    for file in files.values():
        for name, message, _ in descriptors.messages(file):
            lines.add(f"message {name}")
            entries = {f".{name}.{nested.name}": nested for nested in message.nested_type if nested.options.map_entry}
            for field in message.field:
                of_type = descriptors.type_name(field)
                shape = "repeated " if descriptors.is_repeated(field) else "optional " if field.proto3_optional else ""
                if field.type_name in entries:
                    key, value = entries[field.type_name].field
                    shape, of_type = "", f"map<{descriptors.type_name(key)}, {descriptors.type_name(value)}>"
                if field.HasField("oneof_index") and not field.proto3_optional:
                    shape = f"oneof {message.oneof_decl[field.oneof_index].name} "
                lines.add(f"field {name} {field.number} {shape}{of_type} {field.name}")
                if required in field.options.Extensions[descriptors.options().behavior]:
                    lines.add(f"required {name} {field.number}")
            for taken in message.reserved_range:
                lines.update(f"reserved {name} {number}" for number in range(taken.start, min(taken.end, taken.start + 1000)))
            lines.update(f"reserved {name} {taken}" for taken in message.reserved_name)
        for name, enum, _ in descriptors.enums(file):
            lines.add(f"enum {name}")
            lines.update(f"value {name} {value.number} {value.name}" for value in enum.value)
        for service in file.service:
            lines.add(f"service {file.package}.{service.name}")
            for method in service.method:
                arrows = ("stream " if method.client_streaming else "", "stream " if method.server_streaming else "")
                lines.add(f"method {file.package}.{service.name}/{method.name} {arrows[0]}{method.input_type[1:]} → "
                          f"{arrows[1]}{method.output_type[1:]}")
        for extension in file.extension:
            lines.add(f"extension {file.package}.{extension.name} {extension.extendee[1:]} {extension.number} {descriptors.type_name(extension)}")
    return sorted(lines)


def breaks(published, now):
    """What of `now` breaks `published`; both are lists of lines."""
    # A field may stop being required: whoever fills it still does.
    found = [f"gone or changed: {line}" for line in published if line not in now and not line.startswith("required ")]
    for line in now:
        if line.startswith("required ") and line not in published and f"message {line.split()[1]}" in published:
            found.append(f"newly required in a published message: {line}")
    return found


def copy_of(files):
    copies = {}
    for name, file in files.items():
        copies[name] = type(file)()
        copies[name].CopyFrom(file)
    return copies


def mutations(files):
    """(title, changed copy, whether it breaks): each forbidden change once, and each kind of addition."""
    def changed(title, broken, change):
        copy = copy_of(files)
        change(copy["accord/type/v1/referral.proto"], copy["accord/type/v1/vocabulary.proto"], copy["accord/broker/v1/referral_service.proto"])
        return title, copy, broken

    # Worker: pseudonym = 1, role = 2, authentication = 3. AgencyKind's first values. SubmitReferrals is a stream both ways.
    worker = next(i for i, message in enumerate(files["accord/type/v1/referral.proto"].message_type) if message.name == "Worker")
    kind = next(i for i, enum in enumerate(files["accord/type/v1/vocabulary.proto"].enum_type) if enum.name == "AgencyKind")

    def field(file, number=0):
        return file.message_type[worker].field[number]

    def method(file, name):
        return next(m for m in file.service[0].method if m.name == name)

    def set_type(f, to):
        f.type = to

    def added(message, name, number, required):
        new = message.field.add(name=name, number=number, type=descriptors.Field.TYPE_STRING, label=descriptors.Field.LABEL_OPTIONAL)
        if required:
            new.options.Extensions[descriptors.options().behavior].append(descriptors.options().FIELD_BEHAVIOR_REQUIRED)

    yield changed("nothing", False, lambda t, v, b: None)
    yield changed("a field is removed", True, lambda t, v, b: t.message_type[worker].field.pop())
    yield changed("a field is renumbered", True, lambda t, v, b: setattr(field(t), "number", 9))
    yield changed("a field is renamed", True, lambda t, v, b: setattr(field(t), "name", "alias"))
    yield changed("a field is retyped", True, lambda t, v, b: set_type(field(t), descriptors.Field.TYPE_BYTES))
    yield changed("a field becomes repeated", True, lambda t, v, b: setattr(field(t), "label", descriptors.Field.LABEL_REPEATED))
    yield changed("a field's message becomes another", True, lambda t, v, b: setattr(field(t, 1), "type_name", ".accord.type.v1.AgencyKind"))
    yield changed("a message is removed", True, lambda t, v, b: t.message_type.pop(worker))
    yield changed("a value is removed", True, lambda t, v, b: v.enum_type[kind].value.pop())
    yield changed("a value is renumbered", True, lambda t, v, b: setattr(v.enum_type[kind].value[1], "number", 99))
    yield changed("an enum is removed", True, lambda t, v, b: v.enum_type.pop(kind))
    yield changed("a method is removed", True, lambda t, v, b: b.service[0].method.pop())
    yield changed("a service is removed", True, lambda t, v, b: b.service.pop())
    yield changed("a stream becomes unary", True, lambda t, v, b: setattr(method(b, "SubmitReferrals"), "client_streaming", False))
    yield changed("a response is replaced", True, lambda t, v, b: setattr(method(b, "GetReferral"), "output_type", ".accord.type.v1.Worker"))
    yield changed("a field moves into a oneof", True, lambda t, v, b: (
        t.message_type[worker].oneof_decl.add(name="who"), setattr(field(t), "oneof_index", 0)))
    yield changed("a new required field", True, lambda t, v, b: added(t.message_type[worker], "badge", 9, required=True))
    yield changed("a field becomes required", True, lambda t, v, b: [
        f.options.Extensions[descriptors.options().behavior].append(descriptors.options().FIELD_BEHAVIOR_REQUIRED)
        for m in t.message_type if m.name == "RecipientPart" for f in m.field if f.name == "on_behalf_of"])
    yield changed("a field is added", False, lambda t, v, b: added(t.message_type[worker], "badge", 9, required=False))
    yield changed("a message with a required field is added", False,
                  lambda t, v, b: added(t.message_type.add(name="Badge"), "number", 1, required=True))
    yield changed("a value is added", False, lambda t, v, b: v.enum_type[kind].value.add(name="AGENCY_KIND_COURT", number=99))
    yield changed("a method is added", False, lambda t, v, b: b.service[0].method.add(
        name="Withdraw", input_type=".accord.type.v1.Worker", output_type=".accord.type.v1.Worker"))
    yield changed("a field is no longer required", False, lambda t, v, b: field(t).options.Clear())


def main(arguments):
    if arguments not in ([], ["--write"]):
        print(__doc__, file=sys.stderr)
        return 2
    files = descriptors.load(ROOT / "proto")
    now = interface(files)
    if arguments:
        BASELINE.write_text("\n".join(now) + "\n", encoding="utf-8")
        return 0
    failures, count = 0, 0
    for title, copy, broken in mutations(files):
        count += 1
        found = breaks(now, interface(copy))
        if bool(found) != broken:
            failures += 1
            print(f"“{title}” must {'break' if broken else 'pass'}, but: {found}")
    found = breaks(BASELINE.read_text(encoding="utf-8").splitlines(), now)
    for finding in found:
        print(finding)
    print(f"proto_compat_test: {count} changes tried, {failures} judged wrongly; {len(now)} elements now, {len(found)} published ones broken")
    return 1 if failures or found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
