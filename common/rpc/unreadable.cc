#include "common/rpc/unreadable.h"

#include <utility>

#include "common/base/status.h"
#include "common/rpc/error_mapping.h"

namespace accord::rpc {
namespace {

class Interceptor final : public grpc::experimental::Interceptor {
 public:
  Interceptor(grpc::experimental::ServerRpcInfo* call, const UnreadableReport& report) : call_(*call), report_(report) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      // Our own UNIMPLEMENTED, COMES_LATER, carries its reason; an unknown method is answered without interceptors.
      const grpc::Status status = methods->GetSendStatus();
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED && status.error_details().empty()) {
        const absl::Status answer =
            Error(Reason::kTextNotUtf8, "the request cannot be read: text in it is not UTF-8, or it is no message of its type",
                  {{"field", "request"}});
        methods->ModifySendStatus(ToGrpc(answer));
        if (report_) report_(call_.server_context()->auth_context(), call_.method(), answer);
      }
    }
    methods->Proceed();
  }

 private:
  grpc::experimental::ServerRpcInfo& call_;  // Lives as long as the call.
  const UnreadableReport& report_;
};

class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(UnreadableReport report) : report_(std::move(report)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    // gRPC takes and deletes it.
    return new Interceptor(info, report_);
  }

 private:
  const UnreadableReport report_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeUnreadableInterceptors(UnreadableReport report) {
  return std::make_unique<Factory>(std::move(report));
}

}  // namespace accord::rpc
