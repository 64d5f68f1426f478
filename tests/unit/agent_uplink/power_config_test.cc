#include "agent/config/power_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/bench_file.h"

namespace tinyrig::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<BenchConfig> Parse(const std::string& power) {
  return ParseBenchFile(
      "bench: desk\n"
      "boards:\n"
      "  - id: b1\n"
      "    type: t\n"
      "    probe: {driver: openocd, config: c, serial: S1, uid_address: 0}\n"
      "    link: {driver: uart, port: /dev/tty1}\n"
      "    power: " +
          power + "\n",
      "b.yaml");
}

TEST(PowerConfigTest, EachDriverHasItsKeys) {
  const auto hub = Parse("{driver: uhubctl, hub: 1-1.4, port: 2, usb3_hub: 2-1.4}");
  ASSERT_TRUE(hub.ok()) << hub.status().message();
  EXPECT_EQ(hub->boards[0].power.hub, "1-1.4");
  EXPECT_EQ(hub->boards[0].power.usb3_hub, "2-1.4");
  EXPECT_EQ(hub->boards[0].power.port, 2u);
  const auto command =
      Parse("{driver: command, on: [relay, '{board}-{serial}', 'on'], off: [relay, 'off']}");
  ASSERT_TRUE(command.ok()) << command.status().message();
  EXPECT_THAT(command->boards[0].power.on, ElementsAre("relay", "b1-S1", "on"));
  EXPECT_THAT(command->boards[0].power.off, ElementsAre("relay", "off"));
  EXPECT_TRUE(command->boards[0].power.cycle.empty());
}

TEST(PowerConfigTest, MistakesAreNamedWithTheirLine) {
  for (const auto& [power, words] : {
           std::pair("{driver: uhubctl, hub: 1-1}", "no 'port'"),
           std::pair("{driver: uhubctl, hub: 1-1, port: 0}", "'port'"),
           std::pair("{driver: uhubctl, hub: 1-1, port: 2, on: [x]}", "unknown key 'on'"),
           std::pair("{driver: uhubctl, hub: '-a off', port: 2}", "1-1.4"),
           std::pair("{driver: command, on: relay, off: [relay]}", "list of texts"),
           std::pair("{driver: command, on: [], off: [relay]}", "list of texts"),
           std::pair("{driver: command, on: [[a]], off: [relay]}", "list of texts"),
           std::pair("{driver: command, off: [relay]}", "no 'on'"),
           std::pair("{driver: virtual, hub: 1-1}", "'hub'"),
           std::pair("{hub: 1-1}", "no 'driver'"),
       }) {
    const auto config = Parse(power);
    ASSERT_FALSE(config.ok()) << power;
    EXPECT_THAT(config.status().message(), HasSubstr("b.yaml:7: ")) << power;
    EXPECT_THAT(config.status().message(), HasSubstr(words)) << power;
  }
}

}  // namespace
}  // namespace tinyrig::agent
