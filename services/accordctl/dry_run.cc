#include "services/accordctl/dry_run.h"

#include <absl/strings/cord.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include "accord/options/v1/options.pb.h"
#include "common/base/text.h"
#include "common/console/message_text.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

constexpr char kDryRunPayload[] = "accordctl/dry-run";

// The methods that take `request`: each has a request of its own, beside its service.
std::vector<const google::protobuf::MethodDescriptor*> MethodsOf(const google::protobuf::Descriptor& request) {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  const auto& file = *request.file();
  for (int i = 0; i < file.service_count(); ++i) {
    for (int j = 0; j < file.service(i)->method_count(); ++j) {
      if (file.service(i)->method(j)->input_type() == &request) methods.push_back(file.service(i)->method(j));
    }
  }
  return methods;
}

std::string MethodOf(const google::protobuf::Message& request) {
  const auto methods = MethodsOf(*request.GetDescriptor());
  return methods.empty() ? request.GetDescriptor()->full_name() : methods.front()->full_name();
}

absl::Status DryRunStatus(const DryRunEnd& end) {
  absl::Status status = absl::CancelledError(ToAbsl(end.text));
  status.SetPayload(kDryRunPayload, absl::Cord(end.document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  return status;
}

}  // namespace

bool IsChange(const google::protobuf::Descriptor& request) {
  const auto methods = MethodsOf(request);
  for (const auto* method : methods) {
    if (!method->options().GetExtension(options::v1::reads_only)) return true;
  }
  return methods.empty();
}

absl::Status WouldAsk(std::string_view who, const google::protobuf::Message& request) {
  const std::string method = MethodOf(request);
  return DryRunStatus({fmt::format("dry run: nothing was changed. {} would be asked for {} with\n{}", who, method, console::MessageText(request, 2)),
                       {{"dryRun", true}, {"who", std::string(who)}, {"method", method}, {"request", ToJson(request)}}});
}

absl::Status WouldBeDone(std::string_view who, const google::protobuf::Message& request, const google::protobuf::Message& answer) {
  const std::string text = console::MessageText(answer, 2);
  return DryRunStatus({fmt::format("dry run: nothing was changed. {} judged it and would do it{}\n{}", who, text.empty() ? "" : "; it would stand as", text),
                       {{"dryRun", true}, {"who", std::string(who)}, {"method", MethodOf(request)}, {"answer", ToJson(answer)}}});
}

absl::Status WouldDo(std::string_view what) {
  return DryRunStatus({fmt::format("dry run: nothing was changed. It would {}\n", what), {{"dryRun", true}, {"would", std::string(what)}}});
}

std::optional<DryRunEnd> DryRunOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kDryRunPayload);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(FromAbsl(status.message()));
  const size_t begin = text.find("dry run: ");  // Annotate puts the endpoint before it.
  return DryRunEnd{begin == std::string::npos ? text : text.substr(begin), nlohmann::json::parse(std::string(*payload), nullptr, /*allow_exceptions=*/false)};
}

}  // namespace accord::accordctl
