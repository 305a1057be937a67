#!/usr/bin/env python3
"""Runs accord-bench with tiny windows and holds its JSON to its form.

usage: bench_smoke.py PROGRAM

Speed is not judged: a machine that builds and tests at the same time has none. What is judged is that the whole
path works (both servers, both ways to submit, answers checked, receipts verified), that every figure is there and
possible, that nothing is left behind, and that wrong use is told apart from failure.
"""

import json
import os
import subprocess
import sys
import tempfile


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def expect(condition, what):
    if not condition:
        sys.exit(f"bench_smoke: {what}")


def check_series(report, server, mode):
    series = report[server][mode]
    expect(series["operations"] >= 64, f"{server} {mode}: too few operations")
    for field in ("per_second", "p50_ms", "p99_ms", "client_cpu_us"):
        expect(series[field] > 0, f"{server} {mode}: {field} is {series[field]}")
    expect(series["p50_ms"] <= series["p99_ms"], f"{server} {mode}: p50 is over p99")
    # In steps of 10 ms, so a tiny window may show none.
    expect(series["server_cpu_us"] >= 0 and series["disk_bytes"] >= 0, f"{server} {mode}: a negative figure")


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="accord-bench-smoke-") as directory:
        done = run(program, "--seconds", "1", "--rounds", "1", "--outstanding", "16", "--json", "--dir", directory)
        expect(done.returncode == 0, f"status {done.returncode}: {done.stderr}")
        report = json.loads(done.stdout)
        for server in ("ceiling", "accord"):
            for mode in ("unary", "streamed"):
                check_series(report, server, mode)
        for mode in ("unary", "streamed"):
            ratio = report["ratio"][mode]
            expect(0 < ratio["least"] <= ratio["median"] <= ratio["most"], f"{mode}: the ratio makes no sense: {ratio}")
        referral = report["referral"]
        expect(referral["plaintext_bytes"] == 2048 and referral["sections"] == 4 and referral["recipients"] == 3,
               "not the referral of docs/performance.md")
        # Four sections padded to 1 KiB each, sealed, and an answer with a receipt.
        expect(referral["request_bytes"] > 4096 and referral["answer_bytes"] > 1024, f"sizes make no sense: {referral}")
        expect(report["receipts_verified"] >= 2, "no receipt was verified")
        expect(os.listdir(directory) == [], f"left behind: {os.listdir(directory)}")

        expect(run(program, "--rounds", "0").returncode == 2, "wrong use is not status 2")
        missing = run(program, "--only", "accord", "--broker", "/nonexistent", "--dir", directory)
        expect(missing.returncode == 1 and "/nonexistent" in missing.stderr, "a missing broker is not status 1")
        expect(os.listdir(directory) == [], "a failed run left files behind")
    expect(run(program, "--version").returncode == 0, "--version fails")


if __name__ == "__main__":
    main()
