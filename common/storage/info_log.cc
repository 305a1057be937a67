#include "common/storage/info_log.h"

#include <absl/time/time.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "common/base/clock.h"

namespace accord::storage {
namespace {

constexpr size_t kLineBytesMax = 8 << 10;  // The rest of a longer line is cut off.

}  // namespace

std::shared_ptr<rocksdb::Logger> InfoLog::Open(const std::string& directory) {
  std::shared_ptr<InfoLog> log(new InfoLog(directory));
  absl::MutexLock lock(&log->mu_);
  log->RollLocked();
  return log;
}

InfoLog::~InfoLog() {
  absl::MutexLock lock(&mu_);
  if (fd_ >= 0) close(fd_);
}

void InfoLog::RollLocked() {
  if (fd_ >= 0) close(fd_);
  std::rename(path_.c_str(), (path_ + ".old").c_str());
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bytes_ = 0;
}

void InfoLog::Logv(const char* format, va_list arguments) {
  std::string line = fmt::format("{} ", std::string(absl::FormatTime(absl::RFC3339_full, SystemClock().Now(), absl::UTCTimeZone())));
  const size_t head = line.size();
  line.resize(head + kLineBytesMax);
  const int printed = std::vsnprintf(line.data() + head, kLineBytesMax, format, arguments);
  if (printed < 0) return;
  line.resize(head + std::min(static_cast<size_t>(printed), kLineBytesMax - 1));
  line += '\n';

  absl::MutexLock lock(&mu_);
  if (bytes_ + line.size() > kInfoLogBytesMax) RollLocked();
  if (fd_ < 0) return;
  if (const ssize_t written = write(fd_, line.data(), line.size()); written > 0) bytes_ += static_cast<uint64_t>(written);
}

size_t InfoLog::GetLogFileSize() const {
  absl::MutexLock lock(&mu_);
  return bytes_;
}

}  // namespace accord::storage
