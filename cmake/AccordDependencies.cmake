# Every library this project uses, all from Debian 12 (deploy/packages.txt).
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(benchmark CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CURL REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc i18n)

# CSV, which has no CMake configuration of its own.
find_path(ACCORD_CSV_DIR csv.h REQUIRED)
find_library(ACCORD_CSV csv REQUIRED)

# The programs' allocator: messages are made on one thread and freed on another, glibc's worst case (docs/performance.md).
# Sanitizers bring their own.
find_library(ACCORD_JEMALLOC jemalloc REQUIRED)
add_library(accord_allocator INTERFACE)
if(NOT ACCORD_SANITIZE)
  target_link_libraries(accord_allocator INTERFACE ${ACCORD_JEMALLOC})
endif()

# google/rpc/*.proto: Debian has no C++ package of them, this one ships the files.
find_path(ACCORD_GOOGLEAPIS_DIR google/rpc/error_details.proto
  PATHS /usr/share/gocode/src/github.com/gogo/googleapis REQUIRED)
