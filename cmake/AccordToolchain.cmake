# How every target of this project is compiled. Uses ccache, mold and thread
# sanitizers' runtime where they are found; nothing is downloaded.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)

set(ACCORD_SANITIZE "" CACHE STRING "Sanitizers for every target: '', 'address,undefined' or 'thread'")
option(ACCORD_COVERAGE "Instrument for gcovr" OFF)
option(ACCORD_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(ACCORD_PCH "Precompile the gRPC and Protocol Buffers headers" ON)

find_program(ACCORD_CCACHE ccache)
if(ACCORD_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${ACCORD_CCACHE})
  # ccache accepts a precompiled header only with these sloppinesses. By the dependencies that the compiler writes it needs no
  # preprocessor of its own, which cost up to a third of compiling a file that was not there yet.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${ACCORD_CCACHE})
endif()

# One interface target holds the flags, so that no flag is directory-wide.
add_library(accord_flags INTERFACE)
target_include_directories(accord_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(accord_flags INTERFACE
  -Wall -Wextra -Werror -Wno-missing-field-initializers -Wnon-virtual-dtor -Woverloaded-virtual
  -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # ccache needs the preprocessor's PCH pragma kept in its input.
  target_compile_options(accord_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
else()
  # ccache may give back a precompiled header whose files were written anew since, with the same bytes, as an upgrade of packages does.
  target_compile_options(accord_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wthread-safety> "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
find_program(ACCORD_MOLD mold)
if(ACCORD_MOLD)
  target_link_options(accord_flags INTERFACE -fuse-ld=mold)
endif()
if(ACCORD_SANITIZE)
  target_compile_definitions(accord_flags INTERFACE ACCORD_SANITIZED)
  target_compile_options(accord_flags INTERFACE -fsanitize=${ACCORD_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(accord_flags INTERFACE -fsanitize=${ACCORD_SANITIZE})
endif()
if(ACCORD_FUZZ)
  target_compile_options(accord_flags INTERFACE -fsanitize=fuzzer-no-link)  # What a fuzzer steers by.
endif()
if(ACCORD_COVERAGE)
  target_compile_options(accord_flags INTERFACE --coverage)
  target_link_options(accord_flags INTERFACE --coverage)
endif()

# Debian's absl is not instrumented: under the thread sanitizer our calls of its locks go through
# common/base/tsan_mutex.cc.
if(ACCORD_SANITIZE MATCHES "thread")
  add_library(accord_tsan_mutex STATIC ${PROJECT_SOURCE_DIR}/common/base/tsan_mutex.cc)
  target_compile_features(accord_tsan_mutex PRIVATE cxx_std_20)
  target_link_libraries(accord_flags INTERFACE accord_tsan_mutex)
  foreach(symbol
      Mutex4LockEv Mutex6UnlockEv Mutex10ReaderLockEv Mutex12ReaderUnlockEv Mutex5AwaitERKNS0_9ConditionE
      Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE)
    target_link_options(accord_flags INTERFACE -Wl,--wrap=_ZN4absl7debian35${symbol})
  endforeach()
  foreach(symbol
      N4absl7debian312Notification6NotifyEv NK4absl7debian312Notification19WaitForNotificationEv
      NK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE
      N4absl7debian315BlockingCounter14DecrementCountEv N4absl7debian315BlockingCounter4WaitEv)
    target_link_options(accord_flags INTERFACE -Wl,--wrap=_Z${symbol})
  endforeach()
endif()
