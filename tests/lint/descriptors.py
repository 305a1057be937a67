"""The protos of a tree as descriptors, with comments and with our own options, for the lints over protos and tests/compat.

protoc is run on the files as they are, so that no build is needed. ACCORD_PROTOC and ACCORD_GOOGLEAPIS_DIR say where it and
google/rpc/*.proto are; the defaults are Debian's."""
import importlib.util
import os
import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

PROTOC = os.environ.get("ACCORD_PROTOC", "/usr/bin/protoc")
GOOGLEAPIS = os.environ.get("ACCORD_GOOGLEAPIS_DIR", "/usr/share/gocode/src/github.com/gogo/googleapis")
OPTIONS = "accord/options/v1/options.proto"
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
Field = descriptor_pb2.FieldDescriptorProto

_options = None


def options():
    """The generated module of options.proto: importing it makes our options readable on every descriptor."""
    global _options
    if _options is None:
        with tempfile.TemporaryDirectory(prefix="accord-lint-") as out:
            subprocess.run([PROTOC, f"-I{REPOSITORY}/proto", f"--python_out={out}", OPTIONS], check=True)
            spec = importlib.util.spec_from_file_location("accord_options", pathlib.Path(out) / OPTIONS.replace(".proto", "_pb2.py"))
            _options = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(_options)
    return _options


def load(proto_root):
    """Every FileDescriptorProto under `proto_root`/accord, by name, with source info. Raises ValueError on what does not compile."""
    options()
    root = pathlib.Path(proto_root)
    names = sorted(p.relative_to(root).as_posix() for p in root.glob("accord/**/*.proto"))
    if not names:
        raise ValueError(f"no protos under {proto_root}")
    with tempfile.NamedTemporaryFile(prefix="accord-lint-") as out:
        # The repository's own options.proto serves trees that are cases and do not carry one.
        done = subprocess.run([PROTOC, f"-I{root}", f"-I{REPOSITORY}/proto", f"-I{GOOGLEAPIS}", "--include_source_info",
                               f"--descriptor_set_out={out.name}", *names], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ValueError(done.stderr.strip())
        files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
    return {file.name: file for file in files.file}


def messages(file):
    """Every message of a file, nested ones too, as (full name, DescriptorProto, source path); map entries are left out."""
    def walk(prefix, message, path):
        if message.options.map_entry:
            return
        name = f"{prefix}.{message.name}"
        yield name, message, path
        for i, nested in enumerate(message.nested_type):
            yield from walk(name, nested, path + (3, i))
    for i, message in enumerate(file.message_type):
        yield from walk(file.package, message, (4, i))


def enums(file):
    """Every enum of a file as (full name, EnumDescriptorProto, source path)."""
    for i, enum in enumerate(file.enum_type):
        yield f"{file.package}.{enum.name}", enum, (5, i)
    for name, message, path in messages(file):
        for i, enum in enumerate(message.enum_type):
            yield f"{name}.{enum.name}", enum, path + (4, i)


def type_name(field):
    """The type as it is written, without the leading dot."""
    if field.type in (Field.TYPE_MESSAGE, Field.TYPE_ENUM):
        return field.type_name.removeprefix(".")
    return Field.Type.Name(field.type).removeprefix("TYPE_").lower()


def is_repeated(field):
    return field.label == Field.LABEL_REPEATED


class Locations:
    """Comments and lines of a file by source path."""

    def __init__(self, file):
        self._by_path = {tuple(location.path): location for location in file.source_code_info.location}

    def line(self, path):
        return self._by_path[path].span[0] + 1 if path in self._by_path else 1

    def commented(self, path):
        """True when a comment stands right before the element."""
        return path in self._by_path and bool(self._by_path[path].leading_comments.strip())
