#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "server/cli/bench/imports.h"
#include "server/cli/bench/pairing.h"
#include "server/cli/bench/serial_watch.h"
#include "tests/unit/cli/fake_machine.h"

namespace tinyrig::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;

class BenchInitTest : public FakeMachine {
 protected:
  void PlugSerial(const std::string& name, const fs::path& interface) {
    AddClass("tty", name, interface, 0666);
  }

  void Udev(const std::string& kind, const std::string& name, const std::string& node) {
    fs::create_directories(root_ / "dev/serial" / kind);
    fs::create_symlink("../../" + node, root_ / "dev/serial" / kind / name);
  }

  Machine Scan() { return ScanMachine(root_, person_); }
};

BoardDraft Complete() {
  BoardDraft board;
  board.id = "left";
  board.type = "nucleo_f412zg";
  board.probe_serial = "066DFF";
  board.port = "/dev/ttyACM0";
  return board;
}

TEST_F(BenchInitTest, AProbesOwnPortIsTakenByItsLastingName) {
  PlugSerial("ttyACM0", Plug("1-2", "0483", "374b", "STM32 STLink", "066DFF", 7, 0666));
  Udev("by-id", "usb-STM_066DFF-if02", "ttyACM0");
  Udev("by-path", "pci-0-usb-0:2", "ttyACM0");
  const Pairing pairing = PairUp(Scan(), root_);
  ASSERT_EQ(pairing.boards.size(), 1u);
  EXPECT_EQ(pairing.boards[0].probe_serial, "066DFF");
  EXPECT_EQ(pairing.boards[0].port, "/dev/serial/by-id/usb-STM_066DFF-if02");
  EXPECT_TRUE(pairing.loose.empty());
  EXPECT_EQ(MissingIn(pairing.boards[0]), "its type");
}

TEST_F(BenchInitTest, SerialsThatManyHaveNameNothing) {
  const fs::path bridge = Plug("1-3", "10c4", "ea60", "CP2102", "0001", 8, 0666);
  PlugSerial("ttyUSB0", bridge);
  Udev("by-id", "usb-Silicon_Labs_0001-if00", "ttyUSB0");
  Udev("by-path", "pci-0-usb-0:3", "ttyUSB0");
  Plug("1-4", "0d28", "0204", "CMSIS-DAP", "0001", 9, 0666);
  const Pairing pairing = PairUp(Scan(), root_);
  ASSERT_EQ(pairing.loose.size(), 1u);
  EXPECT_EQ(pairing.loose[0].stable, "/dev/serial/by-path/pci-0-usb-0:3");
  ASSERT_EQ(pairing.boards.size(), 1u);
  EXPECT_EQ(pairing.boards[0].probe_serial, "");
  EXPECT_THAT(pairing.boards[0].notes, Contains(HasSubstr("tells it from no other")));
}

TEST_F(BenchInitTest, IncompleteBoardsStayComments) {
  BoardDraft open = Complete();
  open.id = "right";
  open.type = "";
  open.port = "";
  BenchDraft bench{"desk", "unix:/run/t.sock", "/var/lib/t", {Complete(), open}};
  const YAML::Node root = YAML::Load(RenderBench(bench));
  ASSERT_EQ(root["boards"].size(), 1u);
  EXPECT_EQ(root["boards"][0]["id"].as<std::string>(), "left");
  EXPECT_EQ(root["boards"][0]["probe"]["uid_address"].as<uint32_t>(), 0x1FFF7A10u);
  EXPECT_THAT(RenderBench(bench),
              HasSubstr("Left out until somebody adds its type and its serial"));
  bench.boards = {open};
  EXPECT_EQ(YAML::Load(RenderBench(bench))["boards"].size(), 0u);
}

TEST_F(BenchInitTest, NamesFromOutsideStayText) {
  BoardDraft board = Complete();
  board.probe_serial = "a\"\nboards: []\n#";
  board.probe = "evil\nbench: other";
  const YAML::Node root = YAML::Load(RenderBench({"desk", "unix:/s", "/d", {board}}));
  EXPECT_EQ(root["bench"].as<std::string>(), "desk");
  EXPECT_EQ(root["boards"][0]["probe"]["serial"].as<std::string>(), "a\"?boards: []?#");
  EXPECT_EQ(MakeBoardId("../../\x1b[31m", {}), "31m");
  EXPECT_EQ(MakeBoardId("left", {Complete()}), "left-2");
}

TEST_F(BenchInitTest, ZephyrsHardwareMap) {
  const auto boards = ImportZephyrMap(
      "- connected: true\n  id: 066DFF\n  platform: nucleo_f412zg\n  product: STM32 STLink\n"
      "  runner: openocd\n  serial: /dev/ttyACM0\n  baud: 921600\n"
      "- connected: false\n  id: '000683'\n  platform: [nrf52840dk/nrf52840, other]\n"
      "  runner: nrfjprog\n  serial: null\n"
      "- connected: true\n  id: unknown\n  platform: nucleo_f412zg\n  serial_pty: ./pty.py\n",
      "map.yml");
  ASSERT_TRUE(boards.ok()) << boards.status().message();
  ASSERT_EQ(boards->size(), 3u);
  EXPECT_EQ(MissingIn((*boards)[0]), "");
  EXPECT_EQ((*boards)[0].baud_hz, 921600u);
  EXPECT_EQ((*boards)[0].id, "nucleo_f412zg");
  EXPECT_EQ((*boards)[1].type, "nrf52840dk");
  EXPECT_EQ((*boards)[1].probe_serial, "000683");
  EXPECT_THAT((*boards)[1].notes, Contains(HasSubstr("flashes it by nrfjprog")));
  EXPECT_EQ((*boards)[2].id, "nucleo_f412zg-2");
  EXPECT_EQ(MissingIn((*boards)[2]), "the serial number of its probe and its serial port");
  for (const char* bad : {"", "a: b\n", "- 3\n", "- {connected: true}\n", "- [\n", "- a: 'x\n"}) {
    const auto refused = ImportZephyrMap(bad, "map.yml");
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_THAT(refused.status().message(), HasSubstr("map.yml:1: ")) << bad;
  }
}

TEST_F(BenchInitTest, LabgridsExporter) {
  PlugSerial("ttyUSB0", Plug("1-2.3", "0403", "6001", "FT232R", "P-00-00682", 8, 0666));
  Plug("1-2.1", "0d28", "0204", "CMSIS-DAP", "D1", 9, 0666);
  const auto boards = ImportLabgridExporter(
      "left:\n  location: desk\n"
      "  USBSerialPort:\n    match: {'@ID_SERIAL_SHORT': P-00-00682}\n    speed: 921600\n"
      "  swd:\n    cls: USBDebugger\n    match:\n      ID_PATH: pci-0000:00:14.0-usb-0:2.1:1.0\n"
      "  NetworkPowerPort: {model: gude, host: h, index: 1}\n"
      "right:\n  RawSerialPort: {port: /dev/ttyS1, speed: 115200}\n"
      "  USBDebugger: {match: {ID_PATH: 'pci-0-usb-0:9:1.0'}}\n",
      "exporter.yaml", Scan());
  ASSERT_TRUE(boards.ok()) << boards.status().message();
  ASSERT_EQ(boards->size(), 2u);
  const BoardDraft& left = (*boards)[0];
  EXPECT_EQ(left.id, "left");
  EXPECT_EQ(left.port, "/dev/ttyUSB0");
  EXPECT_EQ(left.baud_hz, 921600u);
  EXPECT_EQ(left.probe_serial, "D1");
  EXPECT_EQ(MissingIn(left), "its type");
  EXPECT_THAT(left.notes, Contains(HasSubstr("NetworkPowerPort: tinyrig has no use")));
  EXPECT_EQ((*boards)[1].port, "/dev/ttyS1");
  EXPECT_THAT((*boards)[1].notes, Contains(HasSubstr("USB port 9) is not plugged in here")));
  for (const char* bad : {"", "- a\n", "left: 3\n", "left: {a: [\n"}) {
    EXPECT_FALSE(ImportLabgridExporter(bad, "exporter.yaml", Scan()).ok()) << bad;
  }
}

TEST_F(BenchInitTest, APortThatVanishesIsTheOne) {
  Write("dev/ttyUSB0", "");
  Write("dev/ttyUSB1", "");
  int asked = 0;
  const auto pull = [&] {
    if (++asked == 2) fs::remove(root_ / "dev/ttyUSB1");
    return false;
  };
  const auto sign =
      WatchPorts(root_, {"/dev/ttyUSB0", "/dev/ttyUSB1"}, std::chrono::seconds(30), pull);
  ASSERT_TRUE(sign);
  EXPECT_EQ(sign->port, 1u);
  EXPECT_EQ(sign->sign, Sign::kVanished);
  EXPECT_FALSE(WatchPorts(root_, {"/dev/ttyUSB0"}, std::chrono::seconds(30), [] { return true; }));
}

}  // namespace
}  // namespace tinyrig::cli
