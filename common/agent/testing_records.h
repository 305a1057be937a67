// Records as an agency's system may have them, made by chance, for tests that a mapping loses nothing of them: request to draft and
// back to an equal request.
#pragma once

#include <fmt/format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/options/v1/options.pb.h"
#include "common/agent/testing_mapping.h"
#include "common/base/random.h"

namespace accord::agent::testing {

// Fills messages by reflection, so that a field that is added is in the test by itself: each field is there or not, however deep, with
// text in any script. What a mapping asks of a field is said by Text, Without and After. Single-thread.
class RecordMaker {
 public:
  using Words = std::function<std::string(RecordMaker&)>;

  // The same records for the same seed.
  explicit RecordMaker(uint64_t seed) : random_(seed) {
    const Words day = [](RecordMaker& m) { return m.Day(1940, 2020); };
    const Words partial = [](RecordMaker& m) { return m.Day(1940, 2020).substr(0, std::vector<size_t>{4, 7, 10}[m.Below(3)]); };
    const Words agency = [](RecordMaker& m) { return fmt::format("agency-{}", m.Below(100)); };
    const Words ods = [](RecordMaker& m) { return fmt::format("{}{:05}", "ABGJRY"[m.Below(6)], m.Below(100'000)); };
    Text("dates_of_birth", partial).Text("at", partial).Text("Identifier.from", partial).Text("Identifier.until", partial);
    Text("expected_on", [](RecordMaker& m) { return m.Day(2027, 2028); });
    Text("Order.from", day).Text("Order.until", [](RecordMaker& m) { return m.Day(2021, 2040); });
    Text("do_not_disclose_to", agency).Text("recipients", agency);
    Text("ods_code", ods).Text("practice_ods_code", ods);
    Text("school_urn", [](RecordMaker& m) { return fmt::format("{:06}", m.Below(1'000'000)); });
    Text("caused_by", [](RecordMaker& m) { return fmt::format("referrals/{:064x}", m.Below(1u << 30)); });
    Text("instrument_version", [](RecordMaker& m) { return fmt::format("{}.{}", m.Below(9), m.Below(9)); });
    Text("scheme", [](RecordMaker& m) { return fmt::format("own_number_{}", m.Below(9)); });
    for (const char* name : {"supervisor", "assessor", "caldicott_guardian"}) Text(name, [](RecordMaker& m) { return fmt::format("w-{}", m.Below(100)); });
    Without("status");  // Of an identifier: each scheme has codes of its own.
    Without("area");    // Chooses who is asked, and goes to nobody.
    // An unborn child has no date of birth.
    After("Child", [](google::protobuf::Message& message) {
      auto& child = static_cast<type::v1::Child&>(message);
      if (!child.expected_on().empty()) child.mutable_person()->clear_dates_of_birth();
      if (child.person().ByteSizeLong() == 0) child.clear_person();
    });
  }

  // What to write into a field, named by itself or as `Message.field`, which counts first.
  RecordMaker& Text(const std::string& field, Words words) { return texts_[field] = std::move(words), *this; }
  // A field that is left out.
  RecordMaker& Without(const std::string& field) { return without_.insert(field), *this; }
  // Makes a message of this name hold together, once it is filled.
  RecordMaker& After(const std::string& message, std::function<void(google::protobuf::Message&)> fix) {
    return after_[message].push_back(std::move(fix)), *this;
  }

  void Fill(google::protobuf::Message& message, int depth = 0) {
    const auto& descriptor = *message.GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const auto& field = *descriptor.field(i);
      const bool required = IsRequired(field);
      if (without_.contains(field.name()) || without_.contains(Qualified(field)) || (!required && Below(2) == 0)) continue;
      if (!required && depth >= kDepthMax && field.message_type() != nullptr) continue;
      for (uint64_t n = field.is_repeated() ? 1 + Below(3) : 1; n > 0; --n) FillField(message, field, depth);
    }
    for (const auto& fix : after_[descriptor.name()]) fix(message);
  }

  uint64_t Below(uint64_t bound) { return random_.Below(bound); }
  std::string Day(int first_year, int last_year) {
    return fmt::format("{:04}-{:02}-{:02}", first_year + static_cast<int>(Below(static_cast<uint64_t>(last_year - first_year) + 1)), 1 + Below(12),
                       1 + Below(28));
  }
  // One word or several, of scripts, marks, signs and line ends.
  std::string AnyText() {
    static const std::vector<std::string> kPieces = {
        "a", "Z", "0", " ", "\n", "\t", "\"", "\\", "'", "<&>", "%s", "{}", "é", "e\u0301", "ß", "ı", "Ł", "Ω", "Ж", "ش", "م", "א", "ਸ", "ட", "愛", "あ",
        "한", "\u200f", "\u200d", "👩‍👧", "𠮷", "O’Brien", ": ", "; ", " (RX9AB)", "\n\n", "\u00a0", "Miriam", "Łucja", "Đặng", "محمد"};
    std::string text;
    for (uint64_t n = 1 + Below(8); n > 0; --n) text += kPieces[Below(kPieces.size())];
    return text;
  }

 private:
  static constexpr int kDepthMax = 4;

  static bool IsRequired(const google::protobuf::FieldDescriptor& field) {
    const auto& options = field.options();
    for (int i = 0; i < options.ExtensionSize(options::v1::behavior); ++i) {
      if (options.GetExtension(options::v1::behavior, i) == options::v1::FIELD_BEHAVIOR_REQUIRED) return true;
    }
    return false;
  }
  static std::string Qualified(const google::protobuf::FieldDescriptor& field) { return field.containing_type()->name() + "." + field.name(); }

  std::string TextOf(const google::protobuf::FieldDescriptor& field) {
    for (const std::string& name : {Qualified(field), field.name()}) {
      const auto words = texts_.find(name);
      if (words != texts_.end()) return words->second(*this);
    }
    return AnyText();
  }

  void FillField(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int depth) {
    using Field = google::protobuf::FieldDescriptor;
    const auto& reflection = *message.GetReflection();
    const bool many = field.is_repeated();
    switch (field.cpp_type()) {
      case Field::CPPTYPE_STRING: {
        std::string text = field.type() == Field::TYPE_BYTES ? random_.Bytes(1 + Below(9)) : TextOf(field);
        return many ? reflection.AddString(&message, &field, std::move(text)) : reflection.SetString(&message, &field, std::move(text));
      }
      case Field::CPPTYPE_ENUM: {
        const auto& type = *field.enum_type();  // Its first value says nothing.
        const int value = type.value(1 + static_cast<int>(Below(static_cast<uint64_t>(type.value_count()) - 1)))->number();
        return many ? reflection.AddEnumValue(&message, &field, value) : reflection.SetEnumValue(&message, &field, value);
      }
      case Field::CPPTYPE_BOOL: return many ? reflection.AddBool(&message, &field, true) : reflection.SetBool(&message, &field, true);
      case Field::CPPTYPE_INT32: return reflection.SetInt32(&message, &field, 1 + static_cast<int32_t>(Below(100)));
      case Field::CPPTYPE_UINT32: return reflection.SetUInt32(&message, &field, 1 + static_cast<uint32_t>(Below(100)));
      case Field::CPPTYPE_INT64: return reflection.SetInt64(&message, &field, 1 + static_cast<int64_t>(Below(1'700'000'000'000)));
      case Field::CPPTYPE_UINT64: return reflection.SetUInt64(&message, &field, 1 + Below(1'000'000));
      case Field::CPPTYPE_MESSAGE: {
        auto& inner = many ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field);
        for (int tries = 0; inner.ByteSizeLong() == 0 && tries < 20; ++tries) Fill(inner, depth + 1);
        if (inner.ByteSizeLong() > 0) return;
        return many ? reflection.RemoveLast(&message, &field) : reflection.ClearField(&message, &field);  // An empty one says nothing.
      }
      default: ADD_FAILURE() << field.full_name() << ": no records are made with such a field";
    }
  }

  FakeRandom random_;
  std::map<std::string, Words> texts_;
  std::set<std::string> without_;
  std::map<std::string, std::vector<std::function<void(google::protobuf::Message&)>>> after_;
};

// Maps `count` records, and makes each again from what recipients and the header have of it: `back(draft, request)`. The options are
// given to `back` as they were pushed; `prepare` makes a record one that the mapping takes.
template <typename Request, typename Map, typename Prepare, typename Back>
void ExpectNothingIsLost(RecordMaker& maker, int count, Map map, Prepare prepare, Back back) {
  for (int i = 0; i < count && !::testing::Test::HasFailure(); ++i) {
    Request request;
    maker.Fill(request);
    *request.mutable_options() = Options({"idva"});
    prepare(request);
    auto draft = map(request, Context());
    ASSERT_EQ(Told(draft), "OK") << "record " << i << ": " << draft.status() << "\n" << request.DebugString();
    for (DraftSection& section : draft->sections) {  // As it travels.
      type::v1::SectionContent content;
      ASSERT_TRUE(content.ParseFromString(section.content.SerializeAsString()));
      section.content = std::move(content);
    }
    Request again;
    *again.mutable_options() = request.options();
    back(*draft, again);
    google::protobuf::util::MessageDifferencer differencer;
    std::string difference;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(request, again)) << "record " << i << ": " << difference;
  }
}

}  // namespace accord::agent::testing
