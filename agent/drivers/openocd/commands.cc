#include "agent/drivers/openocd/commands.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>
#include <span>

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

class ScriptBuilder {
 public:
  explicit ScriptBuilder(const Adapter& adapter) : script_(ContactScript(adapter)) {}

  void Add(std::string command) { script_.push_back(std::move(command)); }
  void Check(std::string_view what, std::string_view word) {
    if (status_.ok()) status_ = CheckWord(what, word);
  }
  void ReadUid(uint32_t address) {
    Add(fmt::format("echo \"{} [read_memory {:#010x} 32 3]\"", kUidMarker, address));
  }
  void AddState() { Add(fmt::format("echo \"{} [[target current] curstate]\"", kStateMarker)); }
  void AddResetHalt() {
    Add("reset halt");
    AddState();
  }
  void Time(std::string_view name) { Add(fmt::format("echo \"{} {} [ms]\"", kTimeMarker, name)); }
  /// OpenOCD says OK to much that failed: only a script that got here did everything.
  Result<Script> Finish() {
    TRY(status_);
    Add(fmt::format("echo \"{}\"", kDoneMarker));
    return std::move(script_);
  }

 private:
  Script script_;
  Status status_;
};

}  // namespace

Result<std::vector<std::string>> StartCommand(const Adapter& adapter, Service service) {
  TRY(CheckWord("the configuration path", adapter.config));
  std::vector<std::string> argv = {"openocd", "-f", adapter.config};
  const auto add = [&argv](std::string command) {
    argv.push_back("-c");
    argv.push_back(std::move(command));
  };
  if (!adapter.serial.empty()) {
    TRY(CheckWord("the probe's serial", adapter.serial));
    add(fmt::format("adapter serial {{{}}}", adapter.serial));
  }
  // Boards run in parallel: no port that could collide.
  add("gdb_port disabled");
  add("telnet_port disabled");
  add(service == Service::kPipe ? "tcl_port pipe" : "tcl_port disabled");
  add("init");
  // What is looked at is looked at on purpose: nothing else runs on the debug port in between.
  add("poll off");
  return argv;
}

Script ContactScript(const Adapter& adapter) {
  Script script = {"set dpidr [[lindex [dap names] 0] dpreg 0]",
                   fmt::format("echo \"{} $dpidr\"", kDpMarker)};
  if (adapter.dpidr != 0) {
    script.push_back(
        fmt::format("if {{$dpidr != {0:#010x}}} {{echo \"{1} expected {0:#010x}, found $dpidr\"; "
                    "error \"another debug port\"}}",
                    adapter.dpidr, kWrongDpidrMarker));
  }
  // Unlike memory accesses, a poll that one bad transfer spoils is not repeated by OpenOCD.
  script.push_back("if {[catch {[target current] arp_poll}]} {[target current] arp_poll}");
  script.push_back("echo [version]");
  return script;
}

Result<Script> IdentifyScript(const Adapter& adapter) {
  ScriptBuilder script(adapter);
  script.ReadUid(adapter.uid_address);
  return script.Finish();
}

Result<Script> PrepareScript(const Adapter& adapter, bool banks) {
  ScriptBuilder script(adapter);
  script.ReadUid(adapter.uid_address);
  script.AddResetHalt();
  if (banks) {
    // A bank that its driver cannot read (say, a memory that is not fitted) is no bank of ours.
    script.Add(
        fmt::format("for {{set i 0}} {{$i < [llength [flash list]]}} {{incr i}} {{"
                    "if {{[catch {{flash info $i}} info]}} {{set info unreadable}}; "
                    "echo \"{} $info\"}}",
                    kBankMarker));
  }
  return script.Finish();
}

Result<Script> FlashScript(const Adapter& adapter, const std::vector<FlashBank>& banks,
                           const FlashWork& work, const FlashRequest& request) {
  ScriptBuilder script(adapter);
  script.ReadUid(adapter.uid_address);
  if (work.reset) {
    script.AddResetHalt();
  } else {
    script.AddState();
  }
  script.Time("flash.write");
  for (const EraseRange& range : work.erase) {
    script.Add(fmt::format("flash erase_sector {} {} {}", range.bank, range.first, range.last));
  }
  for (const FlashSegment& part : work.write) {
    script.Check("the image path", part.file.string());
    const bool flash = BankOf(banks, part.address) != nullptr;
    script.Add(fmt::format("{} {{{}}} {:#010x} bin", flash ? "flash write_image" : "load_image",
                           part.file.string(), part.address));
  }
  script.Time("flash.verify");
  for (const FlashSegment& segment : work.verify) {
    script.Check("the image path", segment.file.string());
    if (const FlashBank* bank = BankOf(banks, segment.address)) {
      // Reads back; `verify_image` would believe a checksum that the board computes.
      script.Add(fmt::format("flash verify_bank {} {{{}}} {:#x}", bank->number,
                             segment.file.string(), segment.address - bank->address));
    } else {
      script.Add(
          fmt::format("verify_image {{{}}} {:#010x} bin", segment.file.string(), segment.address));
    }
  }
  script.Time("flash.start");
  script.Add(fmt::format("write_memory {:#010x} 32 {:#010x}", request.mailbox_address,
                         request.mailbox_word));
  script.Add(fmt::format("echo \"{} [read_memory {:#010x} 32 1]\"", kMailboxMarker,
                         request.mailbox_address));
  if (request.rings_address != 0) {
    script.Add(fmt::format("write_memory {:#010x} 32 0", request.rings_address));
  }
  script.Add("reset run");
  script.Time("");
  return script.Finish();
}

Result<Script> ReadScript(const Adapter& adapter, const std::vector<MemoryRange>& ranges,
                          const std::vector<std::filesystem::path>& files) {
  ScriptBuilder script(adapter);
  script.Add("halt");
  for (size_t i = 0; i < ranges.size(); ++i) {
    script.Check("the dump path", files[i].string());
    script.Add(fmt::format("dump_image {{{}}} {:#010x} {}", files[i].string(), ranges[i].address,
                           ranges[i].size));
  }
  script.Add("resume");
  return script.Finish();
}

std::string AccessCommand(const std::vector<MemoryAccess>& steps) {
  std::string command = "set tinyrig_words {}\n";
  const auto write = [&command](uint32_t address, std::span<const uint8_t> bytes, size_t width) {
    if (bytes.empty()) return;
    fmt::format_to(std::back_inserter(command), "write_memory {:#x} {} {{", address, 8 * width);
    for (size_t i = 0; i + width <= bytes.size(); i += width) {
      uint32_t value = 0;
      std::memcpy(&value, bytes.data() + i, width);
      fmt::format_to(std::back_inserter(command), "{:#x} ", value);
    }
    command += "}\n";
  };
  for (const MemoryAccess& step : steps) {
    if (step.words > 0) {
      fmt::format_to(std::back_inserter(command),
                     "append tinyrig_words \" \" [read_memory {:#x} 32 {}]\n", step.address,
                     step.words);
      continue;
    }
    // Whole words where there are any: a probe moves them four times as fast.
    const std::span<const uint8_t> bytes(step.bytes);
    const size_t lead = std::min<size_t>(bytes.size(), (4 - step.address % 4) % 4);
    const size_t whole = (bytes.size() - lead) / 4 * 4;
    const auto address = [&step](size_t at) { return step.address + static_cast<uint32_t>(at); };
    write(step.address, bytes.first(lead), 1);
    write(address(lead), bytes.subspan(lead, whole), 4);
    write(address(lead + whole), bytes.subspan(lead + whole), 1);
  }
  return command + "set tinyrig_words";
}

Result<Script> ResetScript(const Adapter& adapter) {
  ScriptBuilder script(adapter);
  script.Add("reset run");
  return script.Finish();
}

}  // namespace tinyrig::agent::openocd
