// The verbs of accordctl. Each function adds one family of them to the command line; the callback of the verb that was
// given puts what is to be done into `chosen`.
#pragma once

#include <CLI/CLI.hpp>

#include "services/accordctl/session.h"

namespace accord::accordctl {

inline constexpr int kRowsDefault = 50;
inline constexpr int kRowsMax = 20'000;
inline constexpr int kPageRowsMax = 500;  // Of every list RPC.

void AddReferralVerbs(CLI::App& app, Verb& chosen);  // submit, preview, show, list, resolve, and those of AddChangeVerbs
void AddChangeVerbs(CLI::App& referral, Verb& chosen);  // consent, correct, recall, withdraw, regrade, holders, answer, not-shared, sent-outside
void AddSharingVerbs(CLI::App& app, Verb& chosen);   // gap list|review, breach list|assess, sharing list|count, notices
void AddInboxVerbs(CLI::App& app, Verb& chosen);     // list, read, accept, decline, decide, return, redirect, action, outcome, close, forum, erase
void AddChecksVerbs(CLI::App& app, Verb& chosen);    // request, show, answer
void AddTodayVerbs(CLI::App& app, Verb& chosen);     // today
void AddTrailVerbs(CLI::App& app, Verb& chosen);     // referral, case, agency
void AddLedgerVerbs(CLI::App& app, Verb& chosen);    // checkpoint(s), export, prove, status; receipt get, export, upgrade
void AddDeliveryVerbs(CLI::App& app, Verb& chosen);  // deadletter list, requeue, discard; mailbox replay
void AddCaseVerbs(CLI::App& app, Verb& chosen);      // case links, confirm, reject, undo, history
void AddEraseVerbs(CLI::App& app, Verb& chosen);     // erase; erase status
void AddHoldVerbs(CLI::App& app, Verb& chosen);      // set, lift, list, answer
void AddAdminVerbs(CLI::App& app, Verb& chosen);     // propose, show, approve, changes, agencies; status
// What design.md §8 names and this version does not do; needs no configuration.
void AddLaterVerbs(CLI::App& app, bool& later);

}  // namespace accord::accordctl
