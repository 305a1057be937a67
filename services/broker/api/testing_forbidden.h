// What must not be in an answer, and what an answer looks like from outside; for tests of what is given away.
#pragma once

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "accord/type/v1/entry.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/base/bytes.h"
#include "common/ledger/tlog_proof.h"
#include "common/referral/statement.h"
#include "services/broker/api/testing_wire.h"

namespace accord::broker {

// The message that a call of this method answers with; null for a method that nobody linked.
inline std::unique_ptr<google::protobuf::Message> NewResponse(std::string_view method) {
  std::string name(method.substr(1));
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  if (found == nullptr) return nullptr;
  const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(found->output_type());
  return std::unique_ptr<google::protobuf::Message>(prototype->New());
}

// The part behind an opening of a header, statement or entry; null for an unknown label.
inline std::unique_ptr<google::protobuf::Message> PartOf(const type::v1::Opening& opening) {
  static const std::map<std::string, const google::protobuf::Message*, std::less<>> kParts = {
      {"core", &type::v1::HeaderCore::default_instance()},         {"recipient", &type::v1::RecipientPart::default_instance()},
      {"section", &type::v1::SectionPart::default_instance()},     {"tag", &type::v1::TagPart::default_instance()},
      {"subject", &type::v1::SubjectPart::default_instance()},     {"event", &type::v1::EntryEvent::default_instance()},
      {"actor", &type::v1::EntryActor::default_instance()},        {"referral", &type::v1::EntryReferral::default_instance()},
      {"decisions", &type::v1::EntryDecisions::default_instance()}};
  const auto found = kParts.find(opening.label());
  if (found == kParts.end()) return nullptr;
  std::unique_ptr<google::protobuf::Message> part(found->second->New());
  return part->ParseFromString(opening.content()) ? std::move(part) : nullptr;
}

// Calls `visit` for `message` and every message in it, those behind openings and signatures too.
inline void WalkMessages(const google::protobuf::Message& message, const std::function<void(const google::protobuf::Message&)>& visit) {
  visit(message);
  if (const auto* opening = dynamic_cast<const type::v1::Opening*>(&message)) {
    if (const auto part = PartOf(*opening)) WalkMessages(*part, visit);
  } else if (const auto* document = dynamic_cast<const type::v1::SignedPayload*>(&message)) {
    type::v1::Statement statement;
    if (document->payload_type() == referral::kStatementPayloadType && statement.ParseFromString(document->payload()))
      WalkMessages(statement, visit);
  }
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  const auto& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      WalkMessages(reflection.GetMessage(message, field), visit);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) WalkMessages(reflection.GetRepeatedMessage(message, field, i), visit);
  }
}

// What is looked for. Bytes are found as they are and in the text forms of the wire: base64, as in proofs, and hex, as in names and
// error metadata.
class Forbidden {
 public:
  // For whom: an administrator does see the trail with its decisions (docs/threat-model.md), so for it only kContent is forbidden.
  enum class Kind { kContent, kTrace };

  // All of `bytes`, of which there are at least 16.
  void Add(Kind kind, const std::string& what, const std::string& bytes) {
    EXPECT_GE(bytes.size(), kLeast) << what;
    Index(kind, what, bytes);
  }
  // Any 32 bytes on end of `bytes` that do not share 24 with one of `others`: the form that all sealed sections have in common tells
  // nothing, and a window of it with a byte or two of chance would be found by chance.
  void AddWindows(const std::string& what, const std::string& bytes, const std::vector<std::string>& others) {
    std::unordered_set<std::string> common;
    for (const std::string& other : others) {
      for (size_t i = 0; i + kCommon <= other.size(); ++i) common.insert(other.substr(i, kCommon));
    }
    size_t taken = 0;
    for (size_t i = 0; i + kWindow <= bytes.size(); ++i) {
      bool shared = false;
      for (size_t k = 0; k + kCommon <= kWindow; ++k) shared = shared || common.contains(bytes.substr(i + k, kCommon));
      if (shared) continue;
      Index(Kind::kContent, what, bytes.substr(i, kWindow));
      ++taken;
    }
    EXPECT_GT(taken, bytes.size() / 2) << what;
  }
  // Any field that says so, and in errors its name.
  void AddCategory(type::v1::Category category) { categories_.insert(category); }

  // What was found, in words; empty: nothing.
  std::vector<std::string> FindIn(const WireAnswer& answer, bool content_only = false) const {
    std::set<std::string> found;
    for (const std::string& message : answer.messages) {
      FindBytes(message, content_only, found);
      const auto parsed = NewResponse(answer.method);
      if (parsed == nullptr || !parsed->ParseFromString(message)) {
        found.insert("a message that does not parse");
      } else if (!content_only) {
        FindCategories(*parsed, found);
      }
    }
    for (const auto& [key, value] : answer.metadata) FindBytes(value, content_only, found);
    FindBytes(answer.details, content_only, found);
    FindBytes(answer.words, content_only, found);
    if (!content_only) FindNames(answer.words + answer.details, found);
    return {found.begin(), found.end()};
  }

 private:
  static constexpr size_t kLeast = 16, kWindow = 32, kCommon = 24;
  struct Needle {
    Kind kind;
    std::string what, bytes;
  };

  void Index(Kind kind, const std::string& what, const std::string& bytes) {
    index_[bytes.substr(0, kLeast)].push_back({kind, what, bytes});
  }

  void FindBytes(std::string_view bytes, bool content_only, std::set<std::string>& found) const {
    Search(bytes, content_only, found);
    // Every run of base64, from each of its four beginnings, and of hex, from both.
    Runs(
        bytes, [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/'; },
        [&](std::string_view run) {
          for (size_t skip = 0; skip < 4 && skip < run.size(); ++skip) {
            const std::string_view rest = run.substr(skip), whole = rest.substr(0, rest.size() / 4 * 4);
            // With what a last group of two or three characters says; a run that merely looks like base64 may end in none.
            auto decoded = FromBase64(std::string(rest) + std::string((4 - rest.size() % 4) % 4, '='));
            if (!decoded.has_value()) decoded = FromBase64(whole);
            if (decoded.has_value()) Search(*decoded, content_only, found);
          }
        });
    Runs(
        bytes, [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); },
        [&](std::string_view run) {
          for (size_t skip = 0; skip < 2 && skip < run.size(); ++skip) {
            const std::string_view whole = run.substr(skip, (run.size() - skip) / 2 * 2);
            if (const auto decoded = FromHex(whole)) Search(*decoded, content_only, found);
          }
        });
  }
  template <typename Is>
  static void Runs(std::string_view bytes, Is is, const std::function<void(std::string_view)>& use) {
    for (size_t begin = 0; begin < bytes.size();) {
      size_t end = begin;
      while (end < bytes.size() && is(bytes[end])) ++end;
      if (end - begin >= kLeast) use(bytes.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  void Search(std::string_view bytes, bool content_only, std::set<std::string>& found) const {
    for (size_t i = 0; i + kLeast <= bytes.size(); ++i) {
      const auto rows = index_.find(std::string(bytes.substr(i, kLeast)));
      if (rows == index_.end()) continue;
      for (const Needle& needle : rows->second) {
        if (content_only && needle.kind != Kind::kContent) continue;
        if (bytes.substr(i, needle.bytes.size()) == needle.bytes) found.insert(needle.what);
      }
    }
  }
  void FindCategories(const google::protobuf::Message& message, std::set<std::string>& found) const {
    WalkMessages(message, [&](const google::protobuf::Message& part) {
      std::vector<const google::protobuf::FieldDescriptor*> fields;
      const auto& reflection = *part.GetReflection();
      reflection.ListFields(part, &fields);
      for (const auto* field : fields) {
        if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_ENUM || field->enum_type() != type::v1::Category_descriptor())
          continue;
        const int count = field->is_repeated() ? reflection.FieldSize(part, field) : 1;
        for (int i = 0; i < count; ++i) {
          const int value = field->is_repeated() ? reflection.GetRepeatedEnumValue(part, field, i) : reflection.GetEnumValue(part, field);
          if (categories_.contains(value)) found.insert("the category, in " + field->full_name());
        }
      }
    });
  }
  void FindNames(std::string_view words, std::set<std::string>& found) const {
    const std::string text = absl::AsciiStrToLower(absl::string_view(words.data(), words.size()));
    for (const int category : categories_) {
      const std::string name = absl::AsciiStrToLower(type::v1::Category_Name(category)).substr(std::string_view("category_").size());
      if (text.find(name) != text.npos) found.insert("the category's name, in an error");
    }
  }

  std::unordered_map<std::string, std::vector<Needle>> index_;  // By their first kLeast bytes.
  std::set<int> categories_;
};

// The outside of a message: which fields are set, how many of each, how long, and the value of every code. Two messages of one shape
// have the same serialised size but for the three things that are left out here, because they differ between any two runs and follow
// from nothing that an answer is about:
//   - 64-bit integers count as set or not set: entry indexes, sequences and times are varints, whose length follows from what else the
//     broker has done and when.
//   - ECDSA signatures and certificates are DER, whose length follows from leading zero bits of random numbers.
//   - of a proof, leaf and form count, and neither the numbers nor the length of the path, which follow from the size of the tree.
inline std::string ShapeOf(const google::protobuf::Message& message) {
  std::string shape = "{";
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  const auto& reflection = *message.GetReflection();
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    using Field = google::protobuf::FieldDescriptor;
    const auto one = [&](int i) -> std::string {
      const bool many = field->is_repeated();
      std::string scratch;
      switch (field->cpp_type()) {
        case Field::CPPTYPE_MESSAGE:
          return ShapeOf(many ? reflection.GetRepeatedMessage(message, field, i) : reflection.GetMessage(message, field));
        case Field::CPPTYPE_STRING:
          break;
        case Field::CPPTYPE_ENUM:
          return fmt::format("{}", many ? reflection.GetRepeatedEnumValue(message, field, i) : reflection.GetEnumValue(message, field));
        case Field::CPPTYPE_BOOL:
          return many ? "bool" : reflection.GetBool(message, field) ? "true" : "false";
        case Field::CPPTYPE_UINT32:
          return many ? "u32" : fmt::format("{}", reflection.GetUInt32(message, field));
        case Field::CPPTYPE_INT32:
          return many ? "i32" : fmt::format("{}", reflection.GetInt32(message, field));
        default:
          return "number";
      }
      const std::string& text = many ? reflection.GetRepeatedStringReference(message, field, i, &scratch)
                                     : reflection.GetStringReference(message, field, &scratch);
      if (field->name() == "tlog_proof") {
        const auto proof = ledger::ParseTlogProof(text);
        return proof.ok() ? fmt::format("leaf of {}", proof->extra.size()) : "no proof";
      }
      if (field->name() == "signature" || absl::StrContains(field->name(), "certificate")) return "DER";
      if (field->name() == "content" || field->name() == "payload") return "";  // Below.
      return fmt::format("{} bytes", text.size());
    };
    shape += field->name() + "=";
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) shape += one(i) + ",";
  }
  if (const auto* opening = dynamic_cast<const type::v1::Opening*>(&message)) {
    const auto part = PartOf(*opening);
    shape += part == nullptr ? fmt::format("{} bytes", opening->content().size()) : ShapeOf(*part);
  } else if (const auto* document = dynamic_cast<const type::v1::SignedPayload*>(&message)) {
    type::v1::Statement statement;
    const bool is = document->payload_type() == referral::kStatementPayloadType && statement.ParseFromString(document->payload());
    shape += is ? ShapeOf(statement) : fmt::format("{} bytes", document->payload().size());
  }
  return shape + "}";
}
// Of a whole answer.
inline std::string ShapeOf(const WireAnswer& answer) {
  std::string shape = fmt::format("{} {} {}", answer.method, static_cast<int>(answer.code), answer.words);
  for (const auto& [key, value] : answer.metadata) shape += fmt::format(" {}:{}", key, value.size());
  for (const std::string& message : answer.messages) {
    const auto parsed = NewResponse(answer.method);
    EXPECT_TRUE(parsed != nullptr && parsed->ParseFromString(message));
    if (parsed != nullptr) shape += "\n  " + ShapeOf(*parsed);
  }
  return shape;
}

}  // namespace accord::broker
