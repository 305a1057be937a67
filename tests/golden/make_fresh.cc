// Writes a header, a statement and a sealed section, made now with the golden keys, into the folder of its
// argument, for stock_openssl_test.sh to judge. The CHECKs are the test's own.
#include <string>

#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/referral/header.h"
#include "common/referral/section.h"
#include "common/referral/statement.h"
#include "tests/golden/golden.h"

namespace accord::golden {
namespace {

void Write(const std::string& folder) {
  const auto save = [&](const std::string& name, std::string_view bytes) {
    ACCORD_CHECK(WriteFileDurably(folder + "/" + name, bytes).ok());
  };
  const auto signing_key = [](const std::string& name) {
    return crypto::SigningKey::FromPem(KeyPem(name)).value();
  };
  SystemRandom random;

  const json header = Vector("header");
  std::vector<type::v1::Opening> openings;
  for (const json& opening : header["openings"]) {
    openings.emplace_back();
    openings.back().set_label(opening["label"]);
    openings.back().set_salt(Hex(opening["salt"]));
    openings.back().set_content(Hex(opening["content"]));
  }
  type::v1::SignedPayload golden;
  ACCORD_CHECK(golden.ParseFromString(Hex(header["signed_payload"])));
  const auto parts = referral::OpenHeader(referral::ParseHeader(golden).value(), openings)->Parts();
  const auto made = referral::SignHeader(parts, signing_key("northshire-police-signing"), random).value();
  save("header", made.header.payload());
  save("header.sig", made.header.signature());

  type::v1::Statement statement;
  ACCORD_CHECK(statement.ParseFromString(Hex(Vectors("statement", "statements")[0]["payload"])));
  statement.set_header_digest(referral::DigestOf(made.header));
  const auto said = referral::SignStatement(statement, signing_key("northshire-idva-signing")).value();
  save("statement", said.payload());
  save("statement.sig", said.signature());

  const std::string plaintext = Base64(Vectors("section", "sections")[0]["plaintext_base64"]);
  const std::vector<std::string> agencies = {"northshire-police", "northshire-idva", "northshire-childrens"};
  std::vector<crypto::Certificate> recipients;
  for (const std::string& agency : agencies) recipients.push_back(Certificate(agency + "-sealing"));
  const std::string sealed = crypto::cms::Seal(plaintext, recipients).value();
  save("plaintext", plaintext);
  save("sealed", sealed);
  save("sealed.digest", ToHex(crypto::cms::Parse(sealed)->digest));
  for (size_t i = 0; i < agencies.size(); ++i) {
    save("sealed." + agencies[i], crypto::cms::ForRecipient(sealed, recipients[i].subject_key_id()).value());
  }
}

}  // namespace
}  // namespace accord::golden

int main(int argc, char** argv) {
  ACCORD_CHECK(argc == 2);
  accord::golden::Write(argv[1]);
}
