#include "common/agent_rpc/agency_config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/agent/alert.h"
#include "common/agent_rpc/own_agency.h"

namespace accord::agent_rpc::agency_config_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The example, without its [alert], and `alert` in its place.
absl::StatusOr<AgencyConfig> LoadWith(const std::string& alert) {
  std::ifstream example("deploy/agency.toml.example");
  std::stringstream text;
  text << example.rdbuf();
  std::string all = text.str();
  const size_t begin = all.find("[alert]"), end = all.find("[work]");
  EXPECT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end);
  all.replace(begin, end - begin, alert + "\n");
  const std::string path = ::testing::TempDir() + "/accord_agency_config_test.toml";
  std::ofstream(path) << all;
  auto config = LoadAgencyConfig(path, 7411);
  std::filesystem::remove(path);
  return config;
}

std::string Wrong(const std::string& alert) { return std::string(LoadWith(alert).status().message()); }

TEST(AgencyConfigTest, NobodyIsCalledUnlessItSaysWhom) {
  const auto config = LoadWith("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->alert_command, IsEmpty());
  EXPECT_EQ(config->alert_repeat, absl::Minutes(2));
  EXPECT_EQ(config->alert_timeout, absl::Seconds(20));
}

TEST(AgencyConfigTest, KeepsSomeRoomOnItsDisk) { EXPECT_EQ(LoadWith("")->disk_floor_bytes, uint64_t{256} << 20); }

TEST(AgencyConfigTest, AWatchedFolderIsThereWhenItIsNamed) {
  EXPECT_EQ(LoadWith("")->folder.directory, "");
  const auto config = LoadWith("[folder]\ndirectory = \"folder\"\nworker = \"records-system\"\nrole = \"supervisor\"\nauthentication = \"single_factor\"\npoll_interval = \"2s\"\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->folder.directory, std::filesystem::path(::testing::TempDir() + "/folder").lexically_normal().string());
  EXPECT_EQ(config->folder.worker.pseudonym(), "records-system");
  EXPECT_EQ(config->folder.worker.role(), type::v1::WORKER_ROLE_SUPERVISOR);
  EXPECT_EQ(config->folder.worker.authentication(), type::v1::AUTHENTICATION_SINGLE_FACTOR);
  EXPECT_EQ(config->folder.poll_interval, absl::Seconds(2));
  const auto least = LoadWith("[folder]\ndirectory = \"folder\"\n");
  ASSERT_TRUE(least.ok()) << least.status();
  EXPECT_EQ(least->folder.worker.role(), type::v1::WORKER_ROLE_SYSTEM);
  EXPECT_EQ(least->folder.worker.authentication(), type::v1::AUTHENTICATION_AUTOMATIC);
  EXPECT_THAT(Wrong("[folder]\nworker = \"records-system\"\n"), HasSubstr("worker"));
  EXPECT_TRUE(LoadWith("[folder]\ndirectory = \"folder\"\nworker = \"" + std::string(64, 'w') + "\"\n").ok());
  EXPECT_THAT(Wrong("[folder]\ndirectory = \"folder\"\nworker = \"" + std::string(65, 'w') + "\"\n"), HasSubstr("worker"));
  EXPECT_THAT(Wrong("[folder]\ndirectory = \"folder\"\nrole = \"nobody\"\n"), HasSubstr("role"));
  EXPECT_THAT(Wrong("[folder]\ndirectory = \"folder\"\npoll_interval = \"99ms\"\n"), HasSubstr("poll_interval"));
}

TEST(AgencyConfigTest, KeepsTheSealingKeysThatWereReplaced) {
  const std::string one = "[[previous_sealing_keys]]\nkey = \"old.key\"\ncertificate = \"old.crt\"\n";
  const auto config = LoadWith(one);
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->previous_sealing_keys.size(), 1u);
  EXPECT_EQ(config->previous_sealing_keys[0].key, std::filesystem::path(::testing::TempDir() + "/old.key").lexically_normal().string());
  EXPECT_EQ(config->previous_sealing_keys[0].certificate, std::filesystem::path(::testing::TempDir() + "/old.crt").lexically_normal().string());
  EXPECT_THAT(LoadWith("")->previous_sealing_keys, IsEmpty());
  EXPECT_THAT(Wrong("[[previous_sealing_keys]]\nkey = \"old.key\"\n"), HasSubstr("certificate"));
  std::string many;
  for (size_t i = 0; i < kPreviousSealingKeysMax; ++i) many += one;
  EXPECT_TRUE(LoadWith(many).ok());
  EXPECT_THAT(Wrong(many + one), HasSubstr("previous_sealing_keys"));
}

TEST(AgencyConfigTest, KeepsTheLinkageKeysThatWereReplacedUntilTheEndOfADay) {
  const std::string one = "[[previous_linkage_keys]]\nkey_id = \"2025-1\"\nkey = \"old-linkage.key\"\nuntil = \"2027-01-31\"\n";
  const auto config = LoadWith(one);
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->previous_linkage_keys.size(), 1u);
  const AgencyConfig::PreviousLinkage& previous = config->previous_linkage_keys[0];
  EXPECT_EQ(previous.domain, config->linkage_domain);
  EXPECT_EQ(previous.key_id, "2025-1");
  EXPECT_EQ(previous.sent_until, absl::FromCivil(absl::CivilDay(2027, 2, 1), absl::UTCTimeZone()));
  EXPECT_THAT(LoadWith("")->previous_linkage_keys, IsEmpty());

  const auto with = [&](const std::string& wrong, const std::string& in_place_of) {
    std::string text = one;
    return Wrong(text.replace(text.find(in_place_of), in_place_of.size(), wrong));
  };
  EXPECT_THAT(with("2027-02-31", "2027-01-31"), HasSubstr("until"));
  EXPECT_THAT(with("2027-01", "2027-01-31"), HasSubstr("until"));
  EXPECT_THAT(with("2027-01-31x", "2027-01-31"), HasSubstr("until"));
  EXPECT_THAT(with("", "until = \"2027-01-31\"\n"), HasSubstr("until")) << "nothing is sent under an old key for ever";
  EXPECT_THAT(with("2026-1", "2025-1"), HasSubstr("key_id")) << "the present key's";
  EXPECT_THAT(with(std::string(65, 'k'), "2025-1"), HasSubstr("over 64 bytes"));
  EXPECT_THAT(Wrong(one + one), HasSubstr("key_id"));
  EXPECT_THAT(Wrong(one + "domain = \"southshire\"\n"), HasSubstr("domain"));
  std::string many;
  for (size_t i = 0; i < kPreviousLinkageKeysMax; ++i) {
    many += one;
    many.replace(many.rfind("2025-1"), 6, "old-" + std::to_string(i));
  }
  EXPECT_TRUE(LoadWith(many).ok());
  EXPECT_THAT(Wrong(many + one), HasSubstr("previous_linkage_keys"));
}

TEST(AgencyConfigTest, KnowsTheLinkageDomainsOfOtherAreasByTheirAgencies) {
  const std::string one =
      "[[other_linkage_domains]]\ndomain = \"southshire\"\nkey_id = \"2026-1\"\nkey = \"south.key\"\nagencies = [\"south-idva\"]\n";
  const auto config = LoadWith(one + "[[previous_linkage_keys]]\ndomain = \"southshire\"\nkey_id = \"2025-1\"\nkey = \"o.key\"\nuntil = \"2027-01-31\"\n");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->other_linkage_domains.size(), 1u);
  EXPECT_EQ(config->other_linkage_domains[0].domain, "southshire");
  EXPECT_THAT(config->other_linkage_domains[0].agencies, ElementsAre("south-idva"));
  EXPECT_EQ(config->previous_linkage_keys.at(0).domain, "southshire");
  EXPECT_THAT(Wrong(one + one), HasSubstr("domain"));
  const auto with = [&](const std::string& wrong, const std::string& in_place_of) {
    std::string text = one;
    return Wrong(text.replace(text.find(in_place_of), in_place_of.size(), wrong));
  };
  EXPECT_THAT(with("northshire", "southshire"), HasSubstr("domain")) << "it is our own";
  EXPECT_THAT(with("[]", "[\"south-idva\"]"), HasSubstr("agencies"));
  EXPECT_THAT(with("South Idva", "south-idva"), HasSubstr("agencies"));
  std::string many;
  for (size_t i = 0; i <= kOtherLinkageDomainsMax; ++i) {
    many += one;
    many.replace(many.rfind("southshire"), 10, "area-" + std::to_string(i));
  }
  EXPECT_THAT(Wrong(many), HasSubstr("other_linkage_domains"));
}

TEST(AgencyConfigTest, KnowsTheForcesThatAreHeardOf) {
  EXPECT_THAT(LoadWith("")->force_codes, IsEmpty());
  EXPECT_THAT(LoadWith("[identifiers]\nforce_codes = [\"06\", \"20\"]\n")->force_codes, ElementsAre("06", "20"));
  for (const char* wrong : {"6", "00", "020", "GM"}) {
    EXPECT_THAT(Wrong("[identifiers]\nforce_codes = [\"20\", \"" + std::string(wrong) + "\"]\n"), HasSubstr("force_codes")) << wrong;
  }
}

TEST(AgencyConfigTest, TakesTheHookWithinItsLimits) {
  for (const char* repeat : {"30s", "1h"}) {
    const auto config = LoadWith(std::string("[alert]\ncommand = [\"/bin/pager\", \"an argument\"]\nrepeat = \"") + repeat + "\"\ntimeout = \"1s\"");
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_THAT(config->alert_command, ElementsAre("/bin/pager", "an argument"));
    EXPECT_EQ(config->alert_timeout, agent::kAlertTimeoutMin);
  }
  EXPECT_THAT(Wrong("[alert]\nrepeat = \"29s\""), HasSubstr("alert.repeat"));
  EXPECT_THAT(Wrong("[alert]\nrepeat = \"61m\""), HasSubstr("alert.repeat"));
  EXPECT_THAT(Wrong("[alert]\ntimeout = \"500ms\""), HasSubstr("alert.timeout"));
  EXPECT_THAT(Wrong("[alert]\ntimeout = \"6m\""), HasSubstr("alert.timeout"));
}

TEST(AgencyConfigTest, RefusesAHookThatAShellWouldHaveToFind) {
  EXPECT_THAT(Wrong("[alert]\ncommand = [\"pager\"]"), HasSubstr("alert.command"));
  EXPECT_THAT(Wrong("[alert]\ncommand = [\"\"]"), HasSubstr("alert.command"));
  EXPECT_THAT(Wrong("[alert]\ncommand = \"/bin/pager\""), HasSubstr("alert.command"));
}

TEST(AgencyConfigTest, TakesAWebhookInPlaceOfACommand) {
  const auto config = LoadWith("[alert]\nwebhook = \"https://pager.example/desk\"\nauthorities = \"/etc/pager.pem\"");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->alert_webhook, "https://pager.example/desk");
  EXPECT_EQ(config->alert_authorities, "/etc/pager.pem");
  EXPECT_THAT(Wrong("[alert]\nwebhook = \"http://pager.example/desk\""), HasSubstr("alert.webhook"));
  EXPECT_THAT(Wrong("[alert]\nwebhook = \"https://pager.example\"\ncommand = [\"/bin/pager\"]"), HasSubstr("alert.webhook"));
  EXPECT_THAT(Wrong("[alert]\nauthorities = \"/etc/pager.pem\""), HasSubstr("alert.authorities"));
}

TEST(AgencyConfigTest, HasTheBuiltInInstrumentsUnlessItNamesADirectory) {
  EXPECT_EQ(LoadWith("")->instruments.all().size(), 5u);
  const std::string directory = ::testing::TempDir() + "/accord_agency_config_instruments";
  std::filesystem::remove_all(directory);
  const std::string section = "[instruments]\ndirectory = \"" + directory + "\"\n";
  EXPECT_THAT(Wrong(section), HasSubstr("instruments.directory"));
  std::filesystem::create_directory(directory);
  std::filesystem::copy("deploy/instruments/s-dash-2009.toml", directory);
  const auto config = LoadWith(section);
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->instruments.all().size(), 1u) << "the directory is the whole set";
  EXPECT_EQ(config->instruments.all()[0].code, "s-dash");
  std::ofstream(directory + "/s-dash-2009.toml", std::ios::app) << "\nage = 16\n";
  EXPECT_THAT(Wrong(section), HasSubstr("s-dash-2009.toml"));
  std::filesystem::remove_all(directory);
}

TEST(AgencyConfigTest, TakesWhomASupportServiceTakesWithinItsLimits) {
  const auto config = LoadWith("[[support_service]]\nagency = \"idva\"\nage_from = 16\nage_to = 120\ngenders = [\"female\"]\nareas = [\"E08000001\"]\n"
                               "grades = [\"high\", \"medium\"]\nlanguages = [\"polish\"]\ntakes_new = false\n");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->support_services.size(), 1u);
  const agent::SupportService& service = config->support_services[0];
  EXPECT_EQ(service.agency, "idva");
  EXPECT_EQ(service.age_from, 16u);
  EXPECT_EQ(service.age_to, 120u);
  EXPECT_THAT(service.genders, ElementsAre("female"));
  EXPECT_THAT(service.areas, ElementsAre("E08000001"));
  EXPECT_THAT(service.grades, ElementsAre(type::v1::RISK_GRADE_HIGH, type::v1::RISK_GRADE_MEDIUM));
  EXPECT_THAT(service.languages, ElementsAre("polish"));
  EXPECT_FALSE(service.takes_new);
  EXPECT_TRUE(LoadWith("[[support_service]]\nagency = \"idva\"\n")->support_services[0].takes_new);
  EXPECT_THAT(LoadWith("")->support_services, IsEmpty());
  EXPECT_THAT(Wrong("[[support_service]]\nage_from = 16\n"), HasSubstr("support_service[0].agency"));
  EXPECT_THAT(Wrong("[[support_service]]\nagency = \"idva-2\"\n"), HasSubstr("is not in [routing]"));
  EXPECT_THAT(Wrong("[[support_service]]\nagency = \"idva\"\nage_to = 121\n"), HasSubstr("age_to"));
  EXPECT_THAT(Wrong("[[support_service]]\nagency = \"idva\"\nage_from = 18\nage_to = 17\n"), HasSubstr("is below age_from"));
  EXPECT_THAT(Wrong("[[support_service]]\nagency = \"idva\"\nareas = [\"Northshire\"]\n"), HasSubstr("no GSS code"));
  EXPECT_THAT(Wrong("[[support_service]]\nagency = \"idva\"\ngrades = [\"severe\"]\n"), HasSubstr("`severe`"));
  EXPECT_THAT(Wrong("[[support_service]]\nagency = \"idva\"\n[[support_service]]\nagency = \"idva\"\n"), HasSubstr("has two rows"));
}

absl::StatusOr<AgencyConfig> LoadWithDesk(const std::string& line) {
  std::ifstream example("deploy/agency.toml.example");
  std::stringstream text;
  text << line << "\n" << example.rdbuf();
  const std::string path = ::testing::TempDir() + "/accord_agency_desk_test.toml";
  std::ofstream(path) << text.str();
  auto config = LoadAgencyConfig(path, 7411);
  std::filesystem::remove(path);
  return config;
}

TEST(AgencyConfigTest, ADeskIsTheMainOneUnlessItSaysOtherwise) {
  EXPECT_EQ(LoadWithDesk("")->desk, type::v1::DESK_MAIN);
  EXPECT_EQ(LoadWithDesk("desk = \"main\"")->desk, type::v1::DESK_MAIN);
  EXPECT_EQ(LoadWithDesk("desk = \"confidential\"")->desk, type::v1::DESK_CONFIDENTIAL);
  EXPECT_THAT(std::string(LoadWithDesk("desk = \"other\"").status().message()), HasSubstr("desk"));
}

TEST(OwnAgencyTest, AConfidentialDeskIsCalledWithItsOwnCertificateAlone) {
  const auto peer = [](const char* agency, const char* workload) {
    rpc::Peer peer;
    peer.kind = rpc::PeerKind::kAgency;
    peer.id = agency;
    peer.workload = workload;
    return peer;
  };
  OwnAgencyOnly main("idva", type::v1::DESK_MAIN), confidential("idva", type::v1::DESK_CONFIDENTIAL);
  EXPECT_TRUE(main.Authorize(peer("idva", ""), "").ok());
  EXPECT_TRUE(main.Authorize(peer("idva", "outbox"), "").ok());
  EXPECT_TRUE(confidential.Authorize(peer("idva", "confidential"), "").ok());
  for (const char* workload : {"", "outbox"}) EXPECT_TRUE(HasReason(confidential.Authorize(peer("idva", workload), ""), Reason::kRoleNotAllowed));
  EXPECT_TRUE(HasReason(confidential.Authorize(peer("police", "confidential"), ""), Reason::kRoleNotAllowed));
}

TEST(OwnAgencyTest, EachDeskWatchesItsOwnCertificateInTheDirectory) {
  admin::v1::Agency row;
  row.set_sealing_certificate("main");
  row.set_confidential_sealing_certificate("confidential");
  EXPECT_EQ(DirectorySealing(row, type::v1::DESK_MAIN), "main");
  EXPECT_EQ(DirectorySealing(row, type::v1::DESK_UNSPECIFIED), "main");
  EXPECT_EQ(DirectorySealing(row, type::v1::DESK_CONFIDENTIAL), "confidential");
}

TEST(AgencyConfigTest, SaysWhatAnAgencyOfAnyKindMayPush) {
  const std::string push = "[[push]]\nname = \"referral\"\ntypes = [\"referral\", \"response\"]\npurposes = [\"support\"]\ncategories = [\"risk\", \"voice\"]\nto = [\"idva\"]\n";
  const auto config = LoadWith(push + "[forum]\nid = \"marac-northshire\"\nmembers = [\"police\"]\n");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->push_profiles.size(), 1u);
  EXPECT_EQ(config->push_profiles[0].name, "referral");
  EXPECT_THAT(config->push_profiles[0].types, ElementsAre(type::v1::REFERRAL_TYPE_REFERRAL, type::v1::REFERRAL_TYPE_RESPONSE));
  EXPECT_THAT(config->push_profiles[0].purposes, ElementsAre(type::v1::PURPOSE_SUPPORT));
  EXPECT_THAT(config->push_profiles[0].categories, ElementsAre(type::v1::CATEGORY_RISK, type::v1::CATEGORY_VOICE));
  EXPECT_THAT(config->push_profiles[0].recipients, ElementsAre(type::v1::AGENCY_KIND_IDVA));
  EXPECT_TRUE(config->push_profiles[0].childrens_services_if_concerned);
  EXPECT_EQ(config->forum, "marac-northshire");
  EXPECT_THAT(config->forum_members, ElementsAre("police"));
  EXPECT_EQ(config->kind, type::v1::AGENCY_KIND_UNSPECIFIED);
  EXPECT_FALSE(config->passphrase);
  EXPECT_THAT(Wrong(push + push), HasSubstr("another [[push]]"));
  EXPECT_THAT(Wrong("[[push]]\nname = \"a\"\npurposes = [\"support\"]\n"), HasSubstr("types"));
  EXPECT_THAT(Wrong("[[push]]\nname = \"a\"\ntypes = [\"referral\"]\n"), HasSubstr("purposes"));
  EXPECT_THAT(Wrong("[[push]]\nname = \"a\"\ntypes = [\"correction\"]\npurposes = [\"support\"]\n"), HasSubstr("a call of its own"));
  EXPECT_THAT(Wrong("[[push]]\nname = \"a\"\ntypes = [\"gossip\"]\npurposes = [\"support\"]\n"), HasSubstr("gossip"));
  EXPECT_THAT(Wrong("[forum]\nid = \"marac\"\n"), HasSubstr("members"));
  std::string many;
  for (size_t i = 0; i <= agent::kPushProfilesMax; ++i) many += fmt::format("[[push]]\nname = \"p{}\"\ntypes = [\"referral\"]\npurposes = [\"support\"]\n", i);
  EXPECT_THAT(Wrong(many), HasSubstr("more than 16"));
}

TEST(AgencyConfigTest, TheExampleOfPushesIsTaken) {
  std::ifstream example("deploy/push.toml.example");
  std::stringstream text;
  text << example.rdbuf();
  const auto config = LoadWith(text.str());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->push_profiles.size(), 3u);
}

TEST(AgencyConfigTest, KindAndPassphraseStandWhereTheExampleHasThem) {
  std::ifstream example("deploy/agency.toml.example");
  std::stringstream text;
  text << example.rdbuf();
  const auto load = [&](std::string_view kind) {
    std::string all = text.str();
    for (const std::string_view line : {"# passphrase = true", "# kind = \"police\""}) {
      const size_t at = all.find(line);
      EXPECT_NE(at, std::string::npos) << line;
      all.erase(at, 2);
    }
    all.replace(all.find("kind = \"police\""), 15, fmt::format("kind = \"{}\"", kind));
    const std::string path = ::testing::TempDir() + "/accord_agency_config_kind_test.toml";
    std::ofstream(path) << all;
    auto config = LoadAgencyConfig(path, 7411);
    std::filesystem::remove(path);
    return config;
  };
  const auto config = load("mental_health");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->kind, type::v1::AGENCY_KIND_MENTAL_HEALTH);
  EXPECT_TRUE(config->passphrase);
  EXPECT_THAT(std::string(load("bank").status().message()), HasSubstr("bank"));
}

}  // namespace
}  // namespace accord::agent_rpc::agency_config_test
