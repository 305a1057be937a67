#!/usr/bin/python3
"""Pushes a referral to accord-police and collects it at accord-idva, with stock grpcio.

Shows what an agency's own system needs to talk to Accord: Debian's python3-grpcio, the published .proto
files and a TLS certificate of the agency. No code of this project is used.

  push_and_collect.py --pki DIR --sample FILE [--police HOST:PORT] [--idva HOST:PORT] [--timeout SECONDS]

Exit status: 0 the Idva service holds the referral and its sections can be read; 1 it does not; 2 wrong use.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid

import grpc
from google.protobuf import json_format

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO_ROOT = os.path.normpath(os.path.join(HERE, "..", "..", "..", "proto"))
PACKAGES = ("options", "type", "admin", "agency", "police")
# What agency_service.proto shows of the broker's own words: cases, holders and notices.
OF_THE_BROKER = ("case_service.proto", "mailbox_service.proto", "sharing_service.proto")


def load_protos(out):
    """Compiles the published .proto files with protoc into the directory `out` and makes them importable."""
    files = [os.path.join(PROTO_ROOT, "accord", "broker", "v1", name) for name in OF_THE_BROKER]
    for package in PACKAGES:
        folder = os.path.join(PROTO_ROOT, "accord", package, "v1")
        files += [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".proto")]
    subprocess.check_call(["protoc", "-I", PROTO_ROOT, "--python_out", out] + files)
    sys.path.insert(0, out)
    return (
        importlib.import_module("accord.police.v1.police_service_pb2"),
        importlib.import_module("accord.agency.v1.agency_service_pb2"),
    )


def read(*parts):
    with open(os.path.join(*parts), "rb") as file:
        return file.read()


def channel(pki, principal, target):
    """An mTLS channel. The server's certificate must chain to the area's TLS authority and name localhost."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read(pki, "tls-ca.crt"),
        private_key=read(pki, principal, "tls.key"),
        certificate_chain=read(pki, principal, "tls.crt"),
    )
    return grpc.secure_channel(target, credentials, options=[("grpc.ssl_target_name_override", "localhost")])


def method(chan, service, name, request_type, response_type):
    return chan.unary_unary(
        f"/{service}/{name}",
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pki", required=True, help="directory with tls-ca.crt, police/ and idva/ (deploy/dev-pki.sh makes one)")
    parser.add_argument("--sample", required=True, help="a ReportIncident case, as in deploy/samples")
    parser.add_argument("--police", default="localhost:7411", help="accord-police (default %(default)s)")
    parser.add_argument("--idva", default="localhost:7415", help="accord-idva (default %(default)s)")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for delivery (default %(default)s)")
    args = parser.parse_args()

    try:
        with open(args.sample, encoding="utf-8") as file:
            case = json.load(file)
    except (OSError, ValueError) as error:
        parser.error(f"--sample: {error}")
    if case.get("call") != "ReportIncident":
        parser.error("--sample: a ReportIncident is needed")
    with tempfile.TemporaryDirectory(prefix="accord-python-client-") as generated:
        police_pb, agency_pb = load_protos(generated)

    request = json_format.ParseDict(case["request"], police_pb.ReportIncidentRequest())
    request.options.request_id = f"python/{uuid.uuid4()}"
    request.options.wait_ms = 10000
    report = method(channel(args.pki, "police", args.police), "accord.police.v1.PoliceService", "ReportIncident",
                    police_pb.ReportIncidentRequest, police_pb.ReportIncidentResponse)
    try:
        result = report(request, timeout=30).result  # Idempotent: after a timeout, push the same request_id again.
    except grpc.RpcError as error:
        print(f"push refused: {error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    print(f"pushed {result.request_id}: {agency_pb.SubmissionState.Name(result.state)} {result.referral}")
    for warning in result.warnings:
        print(f"warning: {warning}")
    if result.state == agency_pb.SUBMISSION_STATE_NEEDS_PERSON:
        print("nothing was sent: a person at the agency has to decide (accordctl referral resolve)", file=sys.stderr)
        return 1
    if not result.referral:
        print("the broker has not answered yet; the service will send it by itself", file=sys.stderr)
        return 1

    idva = channel(args.pki, "idva", args.idva)
    list_inbox = method(idva, "accord.agency.v1.InboxService", "ListInbox",
                        agency_pb.ListInboxRequest, agency_pb.ListInboxResponse)
    read_referral = method(idva, "accord.agency.v1.InboxService", "ReadReferral",
                           agency_pb.ReadReferralRequest, agency_pb.ReadReferralResponse)
    deadline = time.monotonic() + args.timeout
    while time.monotonic() < deadline:
        items = list_inbox(agency_pb.ListInboxRequest(page_size=100), timeout=10).items
        if any(item.referral == result.referral for item in items):
            break
        time.sleep(0.2)  # The inbox is polled; there is nothing to wait on over this interface.
    else:
        print(f"not delivered to the Idva within {args.timeout:g} s", file=sys.stderr)
        return 1

    reading = agency_pb.ReadReferralRequest(request_id=f"python/{uuid.uuid4()}", referral=result.referral)
    reading.worker.CopyFrom(request.options.worker)
    reading.worker.pseudonym = "idva-python"
    opened = read_referral(reading, timeout=30)
    print(f"collected {opened.item.referral} from {opened.item.sender}:")
    for section in opened.sections:
        print(f"  section {section.content.WhichOneof('content')}")
    return 0 if opened.sections else 1


if __name__ == "__main__":
    sys.exit(main())
