#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>

#include "agent/config/bench_file.h"
#include "agent/instruments/link.h"
#include "agent/instruments/power_switch.h"
#include "agent/instruments/probe.h"

namespace tinyrig::agent {

/// Makes instruments from their configuration: the only place that names drivers.
/// Errors of all: kInvalidArgument: no driver of that name; the message lists those there are.
/// `share_dir` is the program's data folder, where OpenOCD configs without a slash are looked for;
/// `work_dir` is private to the board, for temporary files.
Result<std::unique_ptr<Probe>> MakeProbe(const ProbeConfig& config,
                                         const std::filesystem::path& share_dir,
                                         const std::filesystem::path& work_dir);
/// `probe`: the board's; it must outlive the port. Also kInvalidArgument: it has no live memory.
Result<std::unique_ptr<LinkPort>> MakeLinkPort(const LinkConfig& config, Probe& probe,
                                               asio::io_context& io);
/// Null when config.driver is empty.
Result<std::unique_ptr<PowerSwitch>> MakePowerSwitch(const PowerConfig& config);

}  // namespace tinyrig::agent
