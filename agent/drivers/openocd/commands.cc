#include "agent/drivers/openocd/commands.h"

#include <fmt/format.h>

namespace tinyrig::agent::openocd {
namespace {

/// Text that goes between Tcl braces.
Status CheckWord(std::string_view what, std::string_view word) {
  for (const char c : word) {
    if (c == '{' || c == '}' || c == '\\' || static_cast<unsigned char>(c) < ' ') {
      return {Code::kInvalidArgument,
              fmt::format("{} '{}' has a character that OpenOCD's Tcl would misread; rename it",
                          what, word)};
    }
  }
  return OkStatus();
}

class CommandLine {
 public:
  explicit CommandLine(const Adapter& adapter) {
    argv_ = {"openocd", "-f", adapter.config};
    status_ = CheckWord("the configuration path", adapter.config);
    if (!adapter.serial.empty()) {
      Check("the probe's serial", adapter.serial);
      Add(fmt::format("adapter serial {{{}}}", adapter.serial));
    }
    // Boards run in parallel: no port that could collide.
    Add("gdb_port disabled");
    Add("telnet_port disabled");
    Add("tcl_port disabled");
    Add("init");
    if (adapter.dpidr != 0) {
      Add("set dpidr [[lindex [dap names] 0] dpreg 0]");
      Add(fmt::format(
          "if {{$dpidr != {0:#010x}}} {{error \"{1} expected {0:#010x}, found $dpidr\"}}",
          adapter.dpidr, kDpidrMarker));
    }
  }

  void Check(std::string_view what, std::string_view word) {
    if (status_.ok()) status_ = CheckWord(what, word);
  }
  void Add(std::string command) {
    argv_.push_back("-c");
    argv_.push_back(std::move(command));
  }
  void ReadUid(uint32_t address) {
    Add(fmt::format("echo \"{} [read_memory {:#010x} 32 3]\"", kUidMarker, address));
  }
  /// OpenOCD answers 0 to much that failed: only a run that got here did everything.
  Result<std::vector<std::string>> Finish() {
    TRY(status_);
    Add(fmt::format("echo \"{}\"", kDoneMarker));
    Add("shutdown");
    return std::move(argv_);
  }

 private:
  std::vector<std::string> argv_;
  Status status_;
};

}  // namespace

Result<std::vector<std::string>> IdentifyCommand(const Adapter& adapter) {
  CommandLine line(adapter);
  line.ReadUid(adapter.uid_address);
  return line.Finish();
}

Result<std::vector<std::string>> FlashCommand(const Adapter& adapter, const FlashRequest& request) {
  CommandLine line(adapter);
  line.ReadUid(adapter.uid_address);
  line.Add("reset halt");
  line.Add(fmt::format("echo \"{} [[target current] curstate]\"", kStateMarker));
  for (const FlashSegment& segment : request.segments) {
    line.Check("the image path", segment.file.string());
    line.Add(fmt::format("load_image {{{}}} {:#010x} bin", segment.file.string(), segment.address));
  }
  for (const FlashSegment& segment : request.segments) {
    line.Add(
        fmt::format("verify_image {{{}}} {:#010x} bin", segment.file.string(), segment.address));
  }
  line.Add(fmt::format("write_memory {:#010x} 32 {:#010x}", request.mailbox_address,
                       request.mailbox_word));
  line.Add(fmt::format("echo \"{} [read_memory {:#010x} 32 1]\"", kMailboxMarker,
                       request.mailbox_address));
  line.Add("reset run");
  return line.Finish();
}

Result<std::vector<std::string>> ReadCommand(const Adapter& adapter,
                                             const std::vector<MemoryRange>& ranges,
                                             const std::vector<std::filesystem::path>& files) {
  CommandLine line(adapter);
  line.Add("halt");
  for (size_t i = 0; i < ranges.size(); ++i) {
    line.Check("the dump path", files[i].string());
    line.Add(fmt::format("dump_image {{{}}} {:#010x} {}", files[i].string(), ranges[i].address,
                         ranges[i].size));
  }
  line.Add("resume");
  return line.Finish();
}

Result<std::vector<std::string>> ResetCommand(const Adapter& adapter) {
  CommandLine line(adapter);
  line.Add("reset run");
  return line.Finish();
}

}  // namespace tinyrig::agent::openocd
