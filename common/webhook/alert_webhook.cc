#include "common/webhook/alert_webhook.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <set>
#include <utility>

#include "common/base/status.h"

namespace accord::webhook {
namespace {

using agent::HookResult;

struct FreeUrl { void operator()(CURLU* url) const { curl_url_cleanup(url); } };
struct FreeEasy { void operator()(CURL* easy) const { curl_easy_cleanup(easy); } };
struct FreeList { void operator()(curl_slist* list) const { curl_slist_free_all(list); } };

absl::Status Invalid(std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("the webhook {}", why), {{"field", "alert.webhook"}});
}

// A part of the address; empty when it has none.
std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

// Once for the process; true when libcurl is ready.
bool Started() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

size_t Discard(char*, size_t size, size_t count, void*) { return size * count; }

// Called at least once a second: what is not 0 ends the transfer.
int Progress(void* stopping, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return *static_cast<std::atomic<bool>*>(stopping) ? 1 : 0; }

std::string Body(const agent::AlertCall& call, const std::string& agency) {
  // An agency's id and a time have no character that JSON would escape.
  return fmt::format(R"({{"alert":"{}","agency":"{}","lane":"immediate","waiting":{},"since":"{}"}})", call.overdue ? "overdue" : "immediate",
                     agency, call.waiting, absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", call.since, absl::UTCTimeZone()));
}

}  // namespace

absl::Status CheckWebhook(const std::string& url) {
  if (url.size() > kWebhookBytesMax) return Invalid(fmt::format("is over {} bytes", kWebhookBytesMax));
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  if (parsed == nullptr || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return Invalid("is no address");
  const std::string scheme = Part(parsed.get(), CURLUPART_SCHEME), host = Part(parsed.get(), CURLUPART_HOST);
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT}) {
    if (!Part(parsed.get(), part).empty()) return Invalid("has a user, a password or a fragment, which are not sent");
  }
  static const std::set<std::string> kLoopback = {"127.0.0.1", "[::1]", "localhost"};
  if (scheme == "https" || (scheme == "http" && kLoopback.contains(host))) return absl::OkStatus();
  return Invalid("is not https://, nor http:// to this machine");
}

absl::StatusOr<std::unique_ptr<AlertWebhook>> AlertWebhook::Make(std::string url, std::string authorities, std::string agency,
                                                                 absl::Duration timeout) {
  if (!Started()) return Error(Reason::kInternal, "libcurl does not start");
  return std::unique_ptr<AlertWebhook>(new AlertWebhook(std::move(url), std::move(authorities), std::move(agency), timeout));
}

HookResult AlertWebhook::Run(const agent::AlertCall& call) {
  if (stopping_) return {HookResult::End::kStopped, 0};
  const std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
  const std::unique_ptr<curl_slist, FreeList> headers(curl_slist_append(nullptr, "Content-Type: application/json"));
  if (easy == nullptr || headers == nullptr) return {HookResult::End::kNotStarted, CURLE_OUT_OF_MEMORY};
  const std::string body = Body(call, agency_);
  bool set = true;
  const auto with = [&](CURLoption option, auto value) { set = set && curl_easy_setopt(easy.get(), option, value) == CURLE_OK; };
  with(CURLOPT_URL, url_.c_str());
  with(CURLOPT_PROTOCOLS_STR, "http,https");
  with(CURLOPT_HTTPHEADER, headers.get());
  with(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  with(CURLOPT_POSTFIELDS, body.c_str());
  with(CURLOPT_SSL_VERIFYPEER, 1L);
  with(CURLOPT_SSL_VERIFYHOST, 2L);
  with(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!authorities_.empty()) with(CURLOPT_CAINFO, authorities_.c_str());
  if (url_.starts_with("http:")) with(CURLOPT_NOPROXY, "*");  // To this machine, whatever the environment says of proxies.
  with(CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(timeout_)));
  with(CURLOPT_NOSIGNAL, 1L);
  with(CURLOPT_WRITEFUNCTION, &Discard);
  with(CURLOPT_NOPROGRESS, 0L);
  with(CURLOPT_XFERINFOFUNCTION, &Progress);
  with(CURLOPT_XFERINFODATA, static_cast<void*>(&stopping_));
  if (!set) return {HookResult::End::kNotStarted, CURLE_BAD_FUNCTION_ARGUMENT};
  const CURLcode ended = curl_easy_perform(easy.get());
  if (ended == CURLE_ABORTED_BY_CALLBACK) return {HookResult::End::kStopped, 0};
  if (ended == CURLE_OPERATION_TIMEDOUT) return {HookResult::End::kTimedOut, 0};
  if (ended != CURLE_OK) return {HookResult::End::kNotStarted, ended};
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  return {HookResult::End::kExited, status >= 200 && status <= 299 ? 0 : static_cast<int>(status)};
}

}  // namespace accord::webhook
