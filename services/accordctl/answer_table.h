// Answers of named questions, audits and samples (accord.inspection.v1.Table), as a person, a spreadsheet and a program read them.
//
// Pure, but for PrintAnswer. Thread-safe.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "accord/inspection/v1/table.pb.h"
#include "services/accordctl/query_proof.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

// Title, definition, the rows as a table of at most `width`, notes, coverage, and that the question is in the log. Times are London's, such as
// "2026-11-26 14:02"; a cell that is empty reads "no record in Accord", or "*" where a small count was left out.
std::string AnswerText(const inspection::v1::Table& table, const QueryProof& proof, size_t width);

// The rows alone as RFC 4180 has them: a line of headings, lines that end in CR LF, quotes only where needed. A column of lengths of
// time is in minutes and one of shares in per cent, and their headings say so; times have London's offset: "2026-07-01T09:30:00+01:00";
// an empty cell means no record. Two more columns: `entries`, the leaf indices with spaces between, and `suppressed`. A text that a
// spreadsheet would take for a formula has an apostrophe before it.
std::string AnswerCsv(const inspection::v1::Table& table);

// The same as one document: `title`, `definition`, `columns`, `rows` (objects by the columns' names, with numbers, booleans and times as
// in AnswerCsv, null for no record, and `entries` and `suppressed`), `notes`, `coverage`, `completeness`, `queryIndex`, `treeSize`,
// `referrals`, `proof` (QueryProofJson). Lengths of time are milliseconds.
nlohmann::json AnswerJson(const inspection::v1::Table& table, const QueryProof& proof);

// On standard output in the form asked for; with `csv` what is not rows goes to standard error, so that a file has rows alone.
// Not thread-safe.
void PrintAnswer(const Session& session, const inspection::v1::Table& table, const QueryProof& proof, bool csv);

}  // namespace accord::accordctl
