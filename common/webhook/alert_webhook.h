// Posts to a web address of the agency's own when somebody must be called: the gateway of a pager or of text messages. libcurl lives
// only here.
//
// The body is JSON of some hundred bytes, of no personal data and without the referral:
//   {"alert":"immediate","agency":"idva","lane":"immediate","waiting":2,"since":"2026-11-28T02:10:00Z"}
// with the meanings of alert_hook.h. The service's certificate is verified. A status from 200 to 299 says that somebody was called; no
// redirect is followed, and what is answered is not looked at.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <memory>
#include <string>

#include "common/agent/alert_hook.h"

namespace accord::webhook {

inline constexpr size_t kWebhookBytesMax = 2048;  // Of the address.

// FIELD_INVALID, with why, unless `url` is one to post to: https://, or http:// to this machine alone (127.0.0.1, [::1], localhost);
// without user, password or fragment. Thread-safe.
absl::Status CheckWebhook(const std::string& url);

// Thread-safe; one run at a time.
class AlertWebhook : public agent::AlertCaller {
 public:
  // `authorities`: a file of the certificates, PEM, that the service's chains to; empty: the machine's. INTERNAL when libcurl does not
  // start. REQUIRES: CheckWebhook of `url`.
  static absl::StatusOr<std::unique_ptr<AlertWebhook>> Make(std::string url, std::string authorities, std::string agency,
                                                            absl::Duration timeout);

  // Posts and waits for the answer, at most `timeout`. kExited with status 0, or with the HTTP status that was none from 200 to 299;
  // kNotStarted with libcurl's code when nothing answered, or not who should.
  agent::HookResult Run(const agent::AlertCall& call) override;
  void Stop() override { stopping_ = true; }

 private:
  AlertWebhook(std::string url, std::string authorities, std::string agency, absl::Duration timeout)
      : url_(std::move(url)), authorities_(std::move(authorities)), agency_(std::move(agency)), timeout_(timeout) {}

  const std::string url_, authorities_, agency_;
  const absl::Duration timeout_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace accord::webhook
