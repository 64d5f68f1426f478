#include "agent/drivers/registry.h"

#include <fmt/format.h>

#include "agent/drivers/native/native_probe.h"
#include "agent/drivers/openocd/openocd_probe.h"
#include "agent/drivers/power_command/power_command.h"
#include "agent/drivers/probe_memory/probe_memory_link.h"
#include "agent/drivers/uart/uart_link.h"
#include "agent/drivers/uhubctl/uhubctl_power.h"
#include "agent/drivers/virtual_power/virtual_power.h"

namespace tinyrig::agent {
namespace {

Status NoDriver(std::string_view kind, std::string_view name, std::string_view known) {
  return {Code::kInvalidArgument,
          fmt::format("no {} driver '{}'; there is: {}", kind, name, known)};
}

}  // namespace

Result<std::unique_ptr<Probe>> MakeProbe(const ProbeConfig& config,
                                         const std::filesystem::path& share_dir,
                                         const std::filesystem::path& work_dir) {
  if (config.driver == "native") {
    return std::unique_ptr<Probe>(
        std::make_unique<native::NativeProbe>(config.folder, config.serial));
  }
  if (config.driver != "openocd") return NoDriver("probe", config.driver, "native, openocd");
  openocd::Adapter adapter;
  adapter.config = config.config.find('/') == std::string::npos
                       ? (share_dir / "openocd" / config.config).string()
                       : config.config;
  adapter.serial = config.serial;
  adapter.uid_address = config.uid_address;
  adapter.dpidr = config.dpidr;
  const auto mode = config.one_shot ? openocd::Mode::kOneShot : openocd::Mode::kLongLived;
  return std::unique_ptr<Probe>(
      std::make_unique<openocd::OpenOcdProbe>(std::move(adapter), mode, config.env, work_dir));
}

Result<std::unique_ptr<LinkPort>> MakeLinkPort(const LinkConfig& config, Probe& probe,
                                               asio::io_context& io) {
  std::unique_ptr<LinkPort> cable;
  if (config.driver == "uart") {
    cable = std::make_unique<uart::UartPort>(io, config.port, config.baud_hz);
  } else if (!config.driver.empty()) {
    return NoDriver("link", config.driver, "uart, probe_memory");
  }
  if (!config.probe_in && !config.probe_out) return cable;
  LiveMemory* memory = probe.live_memory();
  if (memory == nullptr) {
    return Status(Code::kInvalidArgument,
                  "a link through probe_memory needs a probe that stays connected: driver openocd "
                  "with mode long_lived");
  }
  probe_memory::Directions rings;
  rings.in = config.probe_in;
  rings.out = config.probe_out;
  std::string path = "probe_memory";
  if (cable) path = (rings.out ? "probe_memory out, in " : "probe_memory in, out ") + config.port;
  return std::unique_ptr<LinkPort>(std::make_unique<probe_memory::ProbeMemoryPort>(
      std::move(cable), *memory, rings, std::move(path)));
}

Result<std::unique_ptr<PowerSwitch>> MakePowerSwitch(const PowerConfig& config) {
  if (config.driver.empty()) return std::unique_ptr<PowerSwitch>();
  if (config.driver == "uhubctl") {
    std::vector<uhubctl::Port> ports = {{config.hub, config.port}};
    if (!config.usb3_hub.empty()) ports.push_back({config.usb3_hub, config.port});
    return std::unique_ptr<PowerSwitch>(std::make_unique<uhubctl::UhubctlPower>(std::move(ports)));
  }
  if (config.driver == "command") {
    power_command::CommandPower::Commands commands{config.on, config.off, config.cycle};
    return std::unique_ptr<PowerSwitch>(
        std::make_unique<power_command::CommandPower>(std::move(commands)));
  }
  if (config.driver != "virtual") {
    return NoDriver("power", config.driver, "command, uhubctl, virtual");
  }
  return std::unique_ptr<PowerSwitch>(
      std::make_unique<virtual_power::VirtualPowerSwitch>(config.control));
}

}  // namespace tinyrig::agent
