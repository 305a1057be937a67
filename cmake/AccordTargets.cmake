# The ways to add a target. A library `common_crypto` is used by others as
# `accord::common_crypto`.

# accord_add_library(NAME SRCS … HDRS … DEPS … PRIVATE_DEPS … [PCH])
# PCH: the sources include gRPC or Protocol Buffers headers; reuse the project's
# precompiled ones.
function(accord_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 A "PCH" "" "SRCS;HDRS;DEPS;PRIVATE_DEPS")
  if(A_SRCS)
    add_library(${name} STATIC ${A_SRCS} ${A_HDRS})
    target_link_libraries(${name} PUBLIC ${A_DEPS} PRIVATE accord_flags ${A_PRIVATE_DEPS})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
    accord_use_pch(${name} "${A_PCH}")
    accord_use_unity(${name})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${A_DEPS})
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
  endif()
  add_library(accord::${name} ALIAS ${name})
endfunction()

# accord_add_program(NAME SRCS … DEPS … [PCH]): an executable in build/<preset>/bin.
function(accord_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 A "PCH" "" "SRCS;DEPS")
  add_executable(${name} ${A_SRCS})
  target_link_libraries(${name} PRIVATE accord_flags ${A_DEPS} accord_allocator)
  accord_use_pch(${name} "${A_PCH}")
endfunction()

# accord_add_test(NAME [IN PROGRAM] SRCS … DEPS … LABELS … [ARGS …] [TIMEOUT s] [PCH_FROM TARGET])
# A test's own source is compiled without optimisation, what it tests as the preset says: half the time of a build went into
# optimising assertions.
# IN: the tests of several calls make one program, compiled in batches (accord_use_unity) and linked once: most of what a file of tests
# costs is reading the same headers and linking the same libraries. Each stays a test of its own, in a process of its own, that runs what
# is written in its *_test.cc (tests/test_main/test_main.cc); the target NAME builds the program and tests/NAME, which does the same. The
# names in a file, even unnamed namespaces', must be its own: it stands in a namespace called as the file.
function(accord_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 A "" "IN;TIMEOUT;PCH_FROM" "SRCS;DEPS;LABELS;ARGS")
  set(program ${name})
  if(A_IN)
    set(program ${A_IN})
    accord_add_part_of_program(${name} ${program} A_ARGS ${A_SRCS})
  endif()
  if(NOT TARGET ${program})
    accord_add_test_program(${program} ${A_PCH_FROM})
    list(LENGTH A_SRCS sources)
    if(A_IN OR sources GREATER 1)
      accord_use_unity(${program})
    endif()
  endif()
  target_sources(${program} PRIVATE ${A_SRCS})
  target_link_libraries(${program} PRIVATE ${A_DEPS})
  add_test(NAME ${name} COMMAND ${program} ${A_ARGS} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  if(ACCORD_SANITIZE)
    math(EXPR A_TIMEOUT "${A_TIMEOUT} * 5")  # Several times slower, and compiled without optimisation.
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}" TIMEOUT ${A_TIMEOUT})
  if(name MATCHES "^common_" AND "unit" IN_LIST A_LABELS)
    add_dependencies(common_unit_tests ${name})  # What .ci/run builds under the address sanitizer,
    if(name MATCHES "^common_(agent_alert|agent_rpc|base|crypto|rpc|storage|telemetry)_")
      add_dependencies(common_thread_tests ${name})  # and under that of threads: those that start any.
    endif()
  endif()
endfunction()
# accord_add_test_program(NAME [PCH-TARGET]): an executable in build/<preset>/tests, yet without sources.
function(accord_add_test_program name)
  add_executable(${name})
  target_compile_options(${name} PRIVATE -O0)
  target_link_libraries(${name} PRIVATE accord_flags accord::test_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  set(from ${ARGN} ${ACCORD_TEST_PCH_FROM})
  list(GET from 0 from)
  accord_use_pch(${name} ON ${from})
endfunction()
# accord_add_part_of_program(NAME PROGRAM ARGUMENTS SOURCE…): the target NAME, which builds PROGRAM; into the variable ARGUMENTS goes
# what the program needs to be told to run the tests of the sources alone.
function(accord_add_part_of_program name program arguments)
  set(only "")
  foreach(source ${ARGN})
    if(source MATCHES "_test\\.cc$")
      cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE folder)
      list(APPEND only --only=${folder}/${source})
    endif()
  endforeach()
  list(JOIN only " " words)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${name}.sh)
  file(CONFIGURE OUTPUT ${script} CONTENT "#!/bin/sh\nexec \"\$(dirname \"\$0\")/${program}\" ${words} \"\$@\"\n" @ONLY)
  file(CHMOD ${script} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  set(alone ${CMAKE_BINARY_DIR}/tests/${name})
  add_custom_command(OUTPUT ${alone} COMMAND ${CMAKE_COMMAND} -E copy ${script} ${alone} DEPENDS ${script} COMMENT "" VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${alone})
  add_dependencies(${name} ${program})
  set(${arguments} ${only} ${${arguments}} PARENT_SCOPE)
endfunction()
add_custom_target(common_unit_tests)
add_custom_target(common_thread_tests)

# accord_add_fuzz(NAME DEPS … [PCH]): NAME_fuzz.cc, one LLVMFuzzerTestOneInput. The `fuzz` preset makes a libFuzzer program of
# it; all others make a test that replays the kept corpus/NAME, so that what was found once fails in every build.
function(accord_add_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 A "PCH" "" "DEPS")
  set(target fuzz_${name})
  add_executable(${target} ${name}_fuzz.cc)
  target_link_libraries(${target} PRIVATE accord_flags ${A_DEPS})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  accord_use_pch(${target} "${A_PCH}")
  if(ACCORD_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    target_link_libraries(${target} PRIVATE fmt::fmt)
    add_test(NAME ${target} COMMAND ${target} ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${target} PROPERTIES LABELS compat TIMEOUT 60)
  endif()
endfunction()

# accord_add_benchmark(NAME SRCS … DEPS …): a Google Benchmark program, not a test.
function(accord_add_benchmark name)
  cmake_parse_arguments(PARSE_ARGV 1 A "PCH" "" "SRCS;DEPS")
  add_executable(${name} ${A_SRCS})
  target_link_libraries(${name} PRIVATE accord_flags ${A_DEPS} benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  accord_use_pch(${name} "${A_PCH}")
endfunction()

# accord_add_proto_library(NAME PROTOS … DEPS … [GRPC]): one static library from
# .proto files, paths relative to proto/. Include as "accord/type/v1/agency.pb.h".
# Also writes the descriptor set with comments that the lints read.
function(accord_add_proto_library name)
  cmake_parse_arguments(PARSE_ARGV 1 A "GRPC" "" "PROTOS;DEPS")
  set(out ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(generated "")
  foreach(proto ${A_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    if(EXISTS ${PROJECT_SOURCE_DIR}/proto/${proto})
      set(source ${PROJECT_SOURCE_DIR}/proto/${proto})
    else()
      set(source ${ACCORD_GOOGLEAPIS_DIR}/${proto})
    endif()
    set(files ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(command protobuf::protoc -I ${PROJECT_SOURCE_DIR}/proto -I ${ACCORD_GOOGLEAPIS_DIR} --cpp_out=${out})
    if(A_GRPC)
      list(APPEND files ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      list(APPEND command --grpc_out=${out} --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
    endif()
    add_custom_command(OUTPUT ${files} COMMAND ${command} ${proto} DEPENDS ${source}
      COMMENT "Generating ${stem}" VERBATIM)
    list(APPEND generated ${files})
  endforeach()
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC ${A_DEPS} protobuf::libprotobuf)
  if(A_GRPC)
    target_link_libraries(${name} PUBLIC gRPC::grpc++)
  endif()
  # Generated code is not ours: sanitized, not held to our warnings.
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_compile_options(${name} PRIVATE $<TARGET_PROPERTY:accord_flags_generated,INTERFACE_COMPILE_OPTIONS>)
  # With precompiled headers, and the services in batches, it took 0.7 of the time. Of messages each file has names of its own that are
  # called the same.
  if(ACCORD_PCH)
    target_precompile_headers(${name} REUSE_FROM accord_pch)
  endif()
  accord_use_unity(${name})
  list(FILTER generated INCLUDE REGEX "[^c]\\.pb\\.cc$")
  set_source_files_properties(${generated} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  add_library(accord::${name} ALIAS ${name})
endfunction()

add_library(accord_flags_generated INTERFACE)
target_compile_options(accord_flags_generated INTERFACE -w -fno-omit-frame-pointer -pthread $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
if(ACCORD_SANITIZE)
  target_compile_options(accord_flags_generated INTERFACE -fsanitize=${ACCORD_SANITIZE} -fno-sanitize-recover=all)
endif()

# The precompiled headers of gRPC and Protocol Buffers, and for tests of GoogleTest too: parsing them costs seconds a file. One
# target compiles each, all others reuse it.
if(ACCORD_PCH)
  set(accord_pch_libraries gRPC::grpc++ protobuf::libprotobuf fmt::fmt absl::statusor absl::synchronization)
  set(accord_pch_headers
    <grpcpp/grpcpp.h> <google/protobuf/message.h> <google/protobuf/map.h> <google/protobuf/generated_message_reflection.h>
    <google/protobuf/util/json_util.h> <absl/status/statusor.h> <absl/synchronization/mutex.h> <fmt/format.h>
    <map> <memory> <string> <string_view> <vector> <functional> <optional>)
  file(WRITE ${CMAKE_BINARY_DIR}/accord_pch.cc "// Only carries a precompiled header.\n")
  add_library(accord_pch OBJECT ${CMAKE_BINARY_DIR}/accord_pch.cc)
  target_link_libraries(accord_pch PRIVATE accord_flags ${accord_pch_libraries})
  target_precompile_headers(accord_pch PRIVATE ${accord_pch_headers})
  add_library(accord_test_pch OBJECT ${CMAKE_BINARY_DIR}/accord_pch.cc)
  target_compile_options(accord_test_pch PRIVATE -O0)
  target_link_libraries(accord_test_pch PRIVATE accord_flags ${accord_pch_libraries} GTest::gmock)
  target_precompile_headers(accord_test_pch PRIVATE ${accord_pch_headers} <gmock/gmock.h> <gtest/gtest.h>)
endif()
# accord_add_pch(NAME [TEST] DEPS … HEADERS …): precompiled headers of our own beside those, for a part whose files share heavy ones;
# TEST: for tests. A folder names those of its files, and of all below it, by ACCORD_PCH_FROM and ACCORD_TEST_PCH_FROM.
function(accord_add_pch name)
  if(ACCORD_PCH)
    cmake_parse_arguments(PARSE_ARGV 1 A "TEST" "" "DEPS;HEADERS")
    add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/accord_pch.cc)
    target_link_libraries(${name} PRIVATE accord_flags ${accord_pch_libraries} ${A_DEPS})
    if(A_TEST)
      target_compile_options(${name} PRIVATE -O0)
      target_link_libraries(${name} PRIVATE GTest::gmock)
      list(PREPEND A_HEADERS <gmock/gmock.h> <gtest/gtest.h>)
    endif()
    target_precompile_headers(${name} PRIVATE ${accord_pch_headers} ${A_HEADERS})
  endif()
endfunction()
set(ACCORD_PCH_FROM accord_pch)
set(ACCORD_TEST_PCH_FROM accord_test_pch)

# accord_use_unity(NAME): compiles its sources in batches, where the preset says so: most of the time of a file goes into headers and
# templates that its neighbours need too. So a name is defined once in a library, even in unnamed namespaces.
option(ACCORD_UNITY "Compile the sources of a library in batches: less than half the time from nothing, more for one file" OFF)
function(accord_use_unity name)
  if(ACCORD_UNITY)
    # Of accordctl two batches of eight took 64 s of processors, one of sixteen 38 s. The sanitized builds are of fewer, small libraries.
    set(batch 16)
    if(ACCORD_SANITIZE)
      set(batch 8)
    endif()
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${batch})
  endif()
endfunction()

# accord_use_pch(NAME WANTED [PCH-TARGET])
function(accord_use_pch name wanted)
  if(ACCORD_PCH AND wanted)
    set(from ${ARGN} ${ACCORD_PCH_FROM})
    list(GET from 0 from)
    target_link_libraries(${name} PRIVATE ${accord_pch_libraries})
    target_precompile_headers(${name} REUSE_FROM ${from})
  endif()
endfunction()
