#!/usr/bin/env bash
# What test_main.cc runs of a program, and that running nothing fails. usage: test_main_test.sh PROGRAM
set -euo pipefail
program=$1
here=tests/test_main

fail() { echo "$*" >&2; exit 1; }

# expect STATUS TEXT ARGUMENTS…: the exit status of the program, and TEXT in what it says.
expect() {
  local status=$1 text=$2 got=0 told
  shift 2
  told=$("$program" "$@" 2>&1) || got=$?
  [ $got = "$status" ] || fail "exit $got, not $status: $*"$'\n'"$told"
  grep -qF -- "$text" <<<"$told" || fail "does not say '$text': $*"$'\n'"$told"
}

expect 1 "7 tests from 4 test suites ran"
expect 0 "4 tests from 2 test suites ran" --only=$here/one.cc
expect 1 "TwoTest.Fails" --only=$here/two.cc --only=$here/three.cc
expect 0 "1 test from 1 test suite ran" --only=$here/one.cc --gtest_filter=OneTest.Passes
expect 0 "3 tests from 2 test suites ran" --only=$here/one.cc --gtest_filter=*-OneTest.PassesToo
expect 0 "SharedTest." --gtest_list_tests

# A suite of the same name in another file: neither runs as if it were the other's.
expect 2 "suite SharedTest is in another file of this program too" --only=$here/two.cc
expect 2 "suite SharedTest is in another file of this program too" --only=$here/three.cc

# What has no test, by a wrong name or a wrong filter.
expect 2 "no test of this program is in $here/four.cc" --only=$here/four.cc
expect 2 "no test of this program is in ne.cc" --only=ne.cc
expect 2 "no test of this program is in $here/four.cc" --only=$here/one.cc --only=$here/four.cc
expect 1 "no test was run" --only=$here/one.cc --gtest_filter=TwoTest.*
expect 1 "no test was run" --gtest_filter=Nothing.*
expect 2 "unknown argument --onl=" --onl=$here/one.cc
