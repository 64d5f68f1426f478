#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "server/cli/report/csv.h"
#include "server/cli/report/junit.h"
#include "tests/unit/cli/sample.h"

namespace tinyrig::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Splits by RFC 4180, independently of the writer.
std::vector<std::vector<std::string>> ReadCsv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& field = rows.back().back();
    if (text[i] == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      field += text[i++];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == ',' && !quoted) {
      rows.back().emplace_back();
    } else if (text[i] == '\r' && !quoted) {
      EXPECT_EQ(text[++i], '\n');
      rows.emplace_back(1);
    } else {
      field += text[i];
    }
  }
  EXPECT_EQ(rows.back(), std::vector<std::string>(1));  // The last row ends with CRLF, too.
  rows.pop_back();
  return rows;
}

TEST(CsvReport, HasOneRowAJobAndTheSameColumnsInEach) {
  const auto rows = ReadCsv(CsvReport(SampleCampaign().jobs));
  ASSERT_EQ(rows.size(), 12u);
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  const auto column = [&](const char* name) {
    return static_cast<size_t>(std::ranges::find(rows[0], name) - rows[0].begin());
  };
  EXPECT_EQ(rows[2][column("job_id")], "2");
  EXPECT_EQ(rows[2][column("instructions_p50")], "961204");
  EXPECT_EQ(rows[2][column("kernels")], "dsp");
  EXPECT_EQ(std::stod(rows[2][column("accuracy_top1")]), 359.0 / 360);
  EXPECT_EQ(rows[8][column("failure_owner")], "variant");
  EXPECT_EQ(rows[8][column("failure_message")], "wrong output: " + kHostile);
  EXPECT_EQ(rows[8][column("instructions_p50")], "");
  EXPECT_EQ(rows[11][column("state")], "queued");
}

TEST(CsvReport, NumbersReadBackExactly) {
  EXPECT_EQ(PlainNumber(43'040'000), "43040000");
  for (const double value : {0.1, 1.0 / 3, 1e300, 123456.789, -0.5})
    EXPECT_EQ(std::stod(PlainNumber(value)), value);
}

TEST(JunitReport, MapsOutcomes) {
  const std::string xml = JunitReport(SampleCampaign());
  EXPECT_THAT(
      xml,
      HasSubstr("<testsuite name=\"demo\" tests=\"11\" failures=\"1\" errors=\"2\" skipped=\"2\" "
                "time=\"2.500\" timestamp=\"2026-11-20T"));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"demo.virtual_m4\" name=\"digits_cnn.tflite "
                             "kernels=reference,weights=int8\" time=\"2.500\">"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"needs 1,203,004 B of flash"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"the job is cancelled\"/>"));
  EXPECT_THAT(xml, HasSubstr("<failure type=\"variant\" message=\"wrong output: "));
  EXPECT_THAT(xml, HasSubstr("<error type=\"bench\" message=\"no HELLO from m4-2 in 3 s\">"));
  EXPECT_THAT(xml, HasSubstr("<error type=\"queued\" message=\"the job is queued\">"));
  EXPECT_THAT(xml, HasSubstr("instructions_p50=961204 instructions\n"));
}

/// What Jenkins' xunit plugin accepts (junit-10.xsd), as far as we use it: an element's parent and
/// attributes.
struct SchemaElement {
  std::string parent;
  std::set<std::string> required;
  std::set<std::string> optional;
};
const std::map<std::string, SchemaElement> kSchema = {
    {"testsuites", {"", {}, {}}},
    {"testsuite",
     {"testsuites", {"name", "tests", "failures", "errors"}, {"skipped", "time", "timestamp"}}},
    {"properties", {"testsuite", {}, {}}},
    {"property", {"properties", {"name", "value"}, {}}},
    {"testcase", {"testsuite", {"name"}, {"classname", "time"}}},
    {"skipped", {"testcase", {}, {"message", "type"}}},
    {"failure", {"testcase", {}, {"message", "type"}}},
    {"error", {"testcase", {}, {"message", "type"}}},
    {"system-out", {"testcase", {}, {}}},
};

TEST(JunitReport, KeepsToTheSchema) {
  const std::string xml = JunitReport(SampleCampaign());
  const std::string body = xml.substr(xml.find("?>") + 2);
  const std::regex tag("<(/?)([a-z-]+)((?: [a-z]+=\"[^\"<]*\")*)(/?)>");
  const std::regex attribute("([a-z]+)=\"");
  const std::regex time("[0-9]+\\.[0-9]+");
  std::vector<std::string> open = {""};
  size_t tags = 0;
  for (std::sregex_iterator it(body.begin(), body.end(), tag), end; it != end; ++it, ++tags) {
    const std::string name = (*it)[2];
    if ((*it)[1].length() > 0) {
      ASSERT_EQ(open.back(), name);
      open.pop_back();
      continue;
    }
    ASSERT_TRUE(kSchema.contains(name)) << name;
    const SchemaElement& element = kSchema.at(name);
    EXPECT_EQ(open.back(), element.parent) << name;
    const std::string attributes = (*it)[3];
    std::set<std::string> missing = element.required;
    for (std::sregex_iterator a(attributes.begin(), attributes.end(), attribute); a != end; ++a) {
      const std::string key = (*a)[1];
      EXPECT_TRUE(element.required.contains(key) || element.optional.contains(key))
          << name << " " << key;
      missing.erase(key);
    }
    EXPECT_TRUE(missing.empty()) << name;
    if ((*it)[4].length() == 0) open.push_back(name);
  }
  EXPECT_EQ(open.size(), 1u);
  // Every '<' was one of the tags: nothing else is markup.
  EXPECT_EQ(static_cast<size_t>(std::ranges::count(body, '<')), tags);
  std::smatch found;
  ASSERT_TRUE(std::regex_search(xml, found, std::regex(" time=\"([^\"]*)\"")));
  EXPECT_TRUE(std::regex_match(found[1].str(), time));
}

TEST(JunitReport, EscapesEverything) {
  const std::string xml = JunitReport(SampleCampaign());
  EXPECT_THAT(xml, Not(HasSubstr("<script>")));
  EXPECT_THAT(xml, Not(HasSubstr("\x1b")));
  EXPECT_THAT(xml, Not(HasSubstr("\xff")));
}

}  // namespace
}  // namespace tinyrig::cli
