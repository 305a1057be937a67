// Reads golden vectors for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/crypto/certificate.h"
#include "common/crypto/commitment.h"

namespace accord::golden {

using nlohmann::json;

inline std::string File(const std::string& path) {
  auto bytes = ReadFile("tests/golden/" + path);
  EXPECT_TRUE(bytes.ok()) << path << ": " << bytes.status();
  return bytes.value_or("");
}

inline json Vector(const std::string& name) {
  return json::parse(File("vectors/" + name + ".json"));
}

// The array `key` of a vector. By value: a loop over a member of a temporary would see nothing, and test
// nothing.
inline json Vectors(const std::string& name, const std::string& key) {
  json array = Vector(name).at(key);
  EXPECT_FALSE(array.empty()) << name << " " << key;
  return array;
}

inline std::string Hex(const json& value) {
  return FromHex(value.get<std::string>()).value();
}
inline std::string Base64(const json& value) {
  return FromBase64(value.get<std::string>()).value();
}

inline crypto::Opening Opening(const json& value) {
  return {value["label"].get<std::string>(), Hex(value["salt"]), Hex(value["content"])};
}

inline crypto::Certificate Certificate(const std::string& name) {
  return crypto::Certificate::FromPem(File("keys/" + name + ".cert.pem")).value();
}
inline std::string KeyPem(const std::string& name) {
  return File("keys/" + name + ".key.pem");
}

// `bytes` with its last bit changed; something where there was nothing.
inline std::string Altered(std::string bytes) {
  if (bytes.empty()) return "x";
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  return bytes;
}

// Gives out what it is told, in order, and then what a seed gives: so that the product can be asked to make a
// golden vector again. Thread-compatible.
class PlaybackRandom : public Random {
 public:
  void Next(std::string bytes) { next_.push_back(std::move(bytes)); }
  bool played() const { return next_.empty(); }
  std::string Bytes(size_t count) override {
    if (next_.empty()) return rest_.Bytes(count);
    std::string bytes = std::move(next_.front());
    next_.pop_front();
    EXPECT_EQ(bytes.size(), count);
    return bytes;
  }

 private:
  std::deque<std::string> next_;
  FakeRandom rest_{1};
};

}  // namespace accord::golden
