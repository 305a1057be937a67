// The verbs of accordctl. Each function adds one family of them to the command line; the callback of the verb that was
// given puts what is to be done into `chosen`.
#pragma once

#include "services/accordctl/command_line.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {

inline constexpr int kRowsDefault = 50;
inline constexpr int kRowsMax = 20'000;
inline constexpr int kPageRowsMax = 500;  // Of every list RPC.

void AddReferralVerbs(Command& app, Verb& chosen);  // submit, preview, show, list, resolve, and those of AddChangeVerbs
void AddChangeVerbs(Command& referral, Verb& chosen);  // consent, correct, recall, withdraw, regrade, holders, answer, not-shared, sent-outside
void AddSharingVerbs(Command& app, Verb& chosen);   // gap list|review, breach list|assess, sharing list|count, notices
void AddInboxVerbs(Command& app, Verb& chosen);     // list, read, accept, decline, decide, return, redirect, action, outcome, close, forum, erase
void AddInboxTeamVerbs(Command& inbox, Verb& chosen);  // search, assign
void AddWorkerVerbs(Command& app, Verb& chosen);    // workers put, end, list; journal
void AddImportVerb(Command& app, Verb& chosen);     // import
void AddChecksVerbs(Command& app, Verb& chosen);    // request, show, answer
void AddForumVerbs(Command& app, Verb& chosen);     // agenda, list, research, hear; action add, done, list
void AddTenantVerbs(Command& app, Verb& chosen);    // unlock, status
void AddTodayVerbs(Command& app, Verb& chosen);     // today
void AddTrailVerbs(Command& app, Verb& chosen);     // referral, case, agency, find
void AddBundleVerbs(Command& app, Verb& chosen);    // bundle export
void AddTimelineVerb(Command& cases, Verb& chosen);  // case timeline
// checkpoint(s), export, prove, status; receipt get, export, upgrade. Returns `ledger`, for the verbs that are offline.
Command& AddLedgerVerbs(Command& app, Verb& chosen);
void AddDeliveryVerbs(Command& app, Verb& chosen);  // deadletter list, requeue, discard; mailbox replay
void AddCaseVerbs(Command& app, Verb& chosen);      // case links, confirm, reject, undo, history
void AddWaitingVerbs(Command& app, Verb& chosen);   // waiting
void AddRecordsVerbs(Command& app, Verb& chosen);   // export
void AddCasePackVerb(Command& cases, Verb& chosen);  // case pack
void AddEraseVerbs(Command& app, Verb& chosen);     // erase; erase status
void AddHoldVerbs(Command& app, Verb& chosen);      // set, lift, list, answer
void AddSupportVerbs(Command& app, Verb& chosen);   // support publish, room, list
void AddAuditVerbs(Command& app, Verb& chosen);     // audit flows, withheld, … : one for each audit of sharing
void AddQuestionVerbs(Command& app, Verb& chosen);  // question list, show, ask; sample draw
void AddAdminVerbs(Command& app, Verb& chosen);     // propose, show, approve, withdraw, changes, agencies, and those of AddOfficerVerbs; status
void AddOfficerVerbs(Command& admin, Verb& chosen);  // officers, put-officer, suspend, reinstate, onboard, leaving, connection, maintenance
void AddWarrantVerbs(Command& app, Verb& chosen);   // warrant propose, activate, suspend, resume, end, resolve, show, list, watch; looks
void AddDisclosureVerbs(Command& app, Verb& chosen);  // request, list, collect; show, release, refuse

}  // namespace accord::accordctl
