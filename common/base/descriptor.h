// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

namespace accord {

// Thread-compatible.
class Descriptor {
 public:
  // `fd` as open gave it; a negative one is nothing to close.
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace accord
