#include "agent/config/bench_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tinyrig::agent {
namespace {

constexpr char kWhole[] = R"(bench: desk
server: unix:/run/tinyrigd.sock
state_dir: state/agent
boards:
  - id: b1
    type: virtual_m4
    probe:
      driver: openocd
      config: virtual_m4.cfg
      serial: "0001"
      uid_address: 0x003FFFF0
      env: {LD_PRELOAD: /lib/x.so, DAP: /tmp/d.sock}
    link: {driver: uart, port: /tmp/tty1, baud: 921600}
    power: {driver: virtual, control: /tmp/c.sock}
  - id: b2
    type: virtual_m4
    probe: {driver: openocd, config: virtual_m4.cfg, serial: VB0002, uid_address: 4194288, dpidr: 0x2BA01477}
    link: {driver: uart, port: /tmp/tty2}
)";

TEST(BenchFile, ReadsEverything) {
  const Result<BenchConfig> config = ParseBenchFile(kWhole, "bench.yaml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->bench, "desk");
  EXPECT_EQ(config->server, "unix:/run/tinyrigd.sock");
  EXPECT_EQ(config->state_dir, "state/agent") << "relative paths stay as they are";
  ASSERT_EQ(config->boards.size(), 2u);
  const BoardConfig& first = config->boards[0];
  EXPECT_EQ(first.id, "b1");
  EXPECT_EQ(first.type, "virtual_m4");
  EXPECT_EQ(first.probe.driver, "openocd");
  EXPECT_EQ(first.probe.serial, "0001");
  EXPECT_EQ(first.probe.uid_address, 0x003FFFF0u);
  EXPECT_EQ(first.probe.env.at("DAP"), "/tmp/d.sock");
  EXPECT_EQ(first.link.baud_hz, 921600u);
  EXPECT_EQ(first.power.control, "/tmp/c.sock");
  const BoardConfig& second = config->boards[1];
  EXPECT_EQ(second.probe.uid_address, 0x003FFFF0u) << "decimal";
  EXPECT_EQ(first.probe.dpidr, 0u) << "not checked";
  EXPECT_EQ(second.probe.dpidr, 0x2BA01477u);
  EXPECT_EQ(second.link.baud_hz, 115200u);
  EXPECT_EQ(second.power.driver, "");
}

TEST(BenchFile, ANativeBoardHasAFolder) {
  const std::string head = "bench: desk\nboards:\n  - id: n1\n    type: native\n    probe: ";
  const std::string tail = "\n    link: {driver: uart, port: /tmp/n1/tty}\n";
  const auto config =
      ParseBenchFile(head + "{driver: native, serial: N1, folder: /tmp/n1}" + tail, "b.yaml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->boards[0].probe.folder, "/tmp/n1");
  EXPECT_EQ(config->boards[0].probe.serial, "N1");
  const std::pair<const char*, const char*> wrong[] = {
      {"{driver: native, serial: N1}", "boards[0].probe has no 'folder'"},
      {"{driver: native, serial: N1, folder: /tmp/n1, uid_address: 4}", "'uid_address'"},
      {"{driver: openocd, serial: N1, folder: /tmp/n1}", "'folder'"}};
  for (const auto& [probe, message] : wrong) {
    const Status status = ParseBenchFile(head + probe + tail, "b.yaml").status();
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_THAT(status.message(), testing::HasSubstr(message));
  }
}

TEST(BenchFile, OpenOcdStaysUnlessToldOtherwise) {
  const auto mode_of = [](const char* line) {
    return ParseBenchFile(std::string("bench: desk\nboards:\n  - id: a\n    type: t\n"
                                      "    probe: {driver: openocd, config: c, serial: s, "
                                      "uid_address: 0") +
                              line + "}\n    link: {driver: uart, port: p}\n",
                          "b.yaml");
  };
  EXPECT_FALSE(mode_of("")->boards[0].probe.one_shot);
  EXPECT_FALSE(mode_of(", mode: long_lived")->boards[0].probe.one_shot);
  EXPECT_TRUE(mode_of(", mode: one_shot")->boards[0].probe.one_shot);
  EXPECT_THAT(mode_of(", mode: twice").status().message(), testing::HasSubstr("b.yaml:5: 'mode'"));
}

TEST(BenchFile, ALinksDirectionsAreChosenApart) {
  const auto link = [](const char* text) {
    return ParseBenchFile(std::string("bench: desk\nboards:\n  - id: a\n    type: t\n"
                                      "    probe: {driver: openocd, config: c, serial: s, "
                                      "uid_address: 0}\n    link: ") +
                              text + "\n",
                          "b.yaml");
  };
  const auto mixed = link("{in: {driver: uart, port: p, baud: 9600}, out: {driver: probe_memory}}");
  ASSERT_TRUE(mixed.ok()) << mixed.status().ToString();
  EXPECT_EQ(mixed->boards[0].link.port, "p");
  EXPECT_EQ(mixed->boards[0].link.baud_hz, 9600u);
  EXPECT_TRUE(mixed->boards[0].link.probe_out);
  EXPECT_FALSE(mixed->boards[0].link.probe_in);
  const auto rings = link("{in: {driver: probe_memory}, out: {driver: probe_memory}}");
  ASSERT_TRUE(rings.ok()) << rings.status().ToString();
  EXPECT_EQ(rings->boards[0].link.driver, "");
  EXPECT_TRUE(link("{in: {driver: uart, port: p}, out: {driver: uart, port: p}}").ok());
  const auto error = [&link](const char* text) { return link(text).status().message(); };
  EXPECT_THAT(error("{in: {driver: uart, port: p}, out: {driver: uart, port: q}}"),
              testing::HasSubstr("b.yaml:6: two cables"));
  EXPECT_THAT(error("{in: {driver: uart, port: p}}"), testing::HasSubstr("has no 'out'"));
  EXPECT_THAT(error("{in: {driver: uart, port: p}, out: {driver: probe_memory, port: q}}"),
              testing::HasSubstr("unknown key 'port'"));
}

TEST(BenchFile, ABenchMayBeEmpty) {
  const Result<BenchConfig> config = ParseBenchFile("bench: desk\nboards: []\n", "b.yaml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_TRUE(config->boards.empty());
}

struct Bad {
  const char* name;
  std::string from;  ///< Part of kWhole ...
  std::string to;    ///< ... and what stands there instead.
  std::string message;
};

class BenchFileErrors : public testing::TestWithParam<Bad> {};

TEST_P(BenchFileErrors, NamesFileLineAndRemedy) {
  std::string text = kWhole;
  const size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().from.size(), GetParam().to);
  const Result<BenchConfig> config = ParseBenchFile(text, "bench.yaml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(config.status().message(), testing::HasSubstr(GetParam().message));
  EXPECT_THAT(config.status().message(), testing::StartsWith("bench.yaml:"));
}

INSTANTIATE_TEST_SUITE_P(
    All, BenchFileErrors,
    testing::Values(
        Bad{"UnknownKey", "state_dir:", "statedir:", "bench.yaml:3: unknown key 'statedir'"},
        Bad{"UnknownProbeKey", "      env:", "      envs:", "bench.yaml:12: unknown key 'envs'"},
        Bad{"RepeatedKey", "server: unix:/run/tinyrigd.sock", "bench: two",
            "bench.yaml:2: 'bench' is there twice in the bench file, first in line 1"},
        Bad{"MissingType", "    type: virtual_m4\n    probe:\n", "    probe:\n",
            "bench.yaml:5: boards[0] has no 'type'"},
        Bad{"MissingBench", "bench: desk\n", "", "has no 'bench'"},
        Bad{"BadName", "bench: desk", "bench: ../desk", "bench.yaml:1: 'bench' must be"},
        Bad{"BadId", "id: b2", "id: a/b", "bench.yaml:15: 'id' must be"},
        Bad{"LongId", "id: b2", "id: " + std::string(65, 'x'), "bench.yaml:15: 'id' must be"},
        Bad{"SameId", "id: b2", "id: b1", "bench.yaml:15: id 'b1' is board b1's already"},
        Bad{"SameSerial", "VB0002", "\"0001\"",
            "bench.yaml:17: probe serial '0001' is board b1's already"},
        Bad{"SamePort", "/tmp/tty2", "/tmp/tty1",
            "bench.yaml:18: link port '/tmp/tty1' is board b1's already"},
        Bad{"BaudNoNumber", "921600", "fast", "bench.yaml:13: 'baud' of boards[0].link is 'fast'"},
        Bad{"BaudZero", "921600", "0", "bench.yaml:13: 'baud'"},
        Bad{"BaudTrailing", "921600", "921600x", "bench.yaml:13: 'baud'"},
        Bad{"AddressTooLarge", "0x003FFFF0", "0x100000000", "bench.yaml:11: 'uid_address'"},
        Bad{"AddressOnlyPrefix", "0x003FFFF0", "0x", "bench.yaml:11: 'uid_address'"},
        Bad{"DpidrZero", "0x2BA01477", "0", "bench.yaml:17: 'dpidr'"},
        Bad{"AddressNegative", "0x003FFFF0", "-1", "bench.yaml:11: 'uid_address'"},
        Bad{"EmptyValue", "config: virtual_m4.cfg\n      serial", "config:\n      serial",
            "bench.yaml:9: 'config' of boards[0].probe must be a single value"},
        Bad{"ListForText", "bench: desk", "bench: [desk]", "bench.yaml:1: 'bench'"},
        Bad{"TextForMap", "link: {driver: uart, port: /tmp/tty2}", "link: uart",
            "bench.yaml:18: boards[1].link must be a mapping"},
        Bad{"ListForEnv", "env: {LD_PRELOAD: /lib/x.so, DAP: /tmp/d.sock}", "env: [a]",
            "bench.yaml:12: boards[0].probe.env must be a mapping"},
        Bad{"PowerHalf", "power: {driver: virtual, control: /tmp/c.sock}",
            "power: {driver: virtual}", "bench.yaml:14: boards[0].power has no 'control'"},
        Bad{"Syntax", "bench: desk", "bench: [desk", "bench.yaml:"},
        Bad{"Document", "  - id: b2", "---\n  - id: b2", "the document has ended before"},
        Bad{"StrayBracket", "  - id: b2", "]\n  - id: b2", "bench.yaml:15: "}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(BenchFileErrors, OfFilesThatAreNoMapping) {
  for (const char* text : {"", "boards", "- a\n- b\n", "\xff\xfe\x00", "&a [*a]", "{[a]: b}"}) {
    const Result<BenchConfig> config = ParseBenchFile(text, "x.yaml");
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_THAT(config.status().message(), testing::StartsWith("x.yaml:1: "));
  }
}

TEST(BenchFileErrors, BoardsMustBeAList) {
  const Result<BenchConfig> config = ParseBenchFile("bench: a\nboards: b1\n", "x.yaml");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(), testing::StartsWith("x.yaml:2: 'boards' must be a list"));
}

TEST(BenchFileErrors, DeepNestingIsAnErrorNotACrash) {
  const std::string deep = "bench: " + std::string(100'000, '[');
  const Result<BenchConfig> config = ParseBenchFile(deep, "x.yaml");
  EXPECT_FALSE(config.ok());
}

}  // namespace
}  // namespace tinyrig::agent
