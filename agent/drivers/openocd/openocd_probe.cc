#include "agent/drivers/openocd/openocd_probe.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "agent/drivers/openocd/flash_banks.h"
#include "agent/drivers/openocd/long_lived.h"
#include "agent/drivers/openocd/one_shot.h"
#include "agent/drivers/openocd/output.h"

namespace tinyrig::agent::openocd {
namespace {

/// RAM is written fast: small enough that a changed weight costs little.
constexpr uint32_t kBlockBytes = 4096;

/// Reads and removes a dump.
Result<std::vector<uint8_t>> TakeFile(const std::filesystem::path& path, uint32_t size) {
  std::vector<uint8_t> bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  if (bytes.size() != size) {
    return {Code::kUnavailable,
            fmt::format("OpenOCD dumped {} of {} bytes; is the disk full?", bytes.size(), size)};
  }
  return bytes;
}

}  // namespace

OpenOcdProbe::OpenOcdProbe(Adapter adapter, Mode mode,
                           std::map<std::string, std::string> environment,
                           std::filesystem::path work_dir)
    : adapter_(std::move(adapter)), work_dir_(std::move(work_dir)) {
  environment.emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  if (mode == Mode::kOneShot) {
    tool_ = std::make_unique<OneShot>(adapter_, std::move(environment));
  } else {
    auto tool = std::make_unique<LongLived>(adapter_, std::move(environment));
    live_ = tool.get();
    tool_ = std::move(tool);
  }
}

Awaitable<Result<std::string>> OpenOcdProbe::Run(Result<Script> script, Deadline deadline) {
  CO_TRY(script);
  prepared_ = false;
  co_return co_await tool_->Run(std::move(*script), deadline);
}

Awaitable<Result<ProbeIdentity>> OpenOcdProbe::Identify(Deadline deadline) {
  auto script = IdentifyScript(adapter_);
  CO_TRY_ASSIGN(const std::string output, co_await Run(std::move(script), deadline));
  co_return ParseIdentity(output);
}

Awaitable<Result<FlashTarget>> OpenOcdProbe::PrepareFlash(Deadline deadline) {
  auto script = PrepareScript(adapter_, !banks_);
  CO_TRY_ASSIGN(const std::string output, co_await Run(std::move(script), deadline));
  CO_TRY(CheckHalted(output));
  FlashTarget target;
  CO_TRY_ASSIGN(target.identity, ParseIdentity(output));
  if (!banks_) {
    auto banks = ParseBanks(output);
    if (banks.empty() && output.find(kBankMarker) != std::string::npos) {
      co_return Status(Code::kUnavailable,
                       "the board's flash could not be examined; power-cycle the board");
    }
    banks_ = std::move(banks);
  }
  target.memory.sectors = AllSectors(*banks_);
  if (banks_->empty()) target.memory.block_bytes = kBlockBytes;
  prepared_ = true;
  co_return target;
}

Result<FlashWork> OpenOcdProbe::WorkOf(const FlashRequest& request, bool reset) const {
  FlashWork work;
  work.reset = reset;
  work.verify = request.segments;
  std::vector<FlashSector> sectors;
  if (request.only) {
    sectors = *request.only;
  } else {
    TRY_ASSIGN(sectors, TouchedSectors(*banks_, request.segments));
  }
  if (!banks_->empty()) {
    TRY_ASSIGN(work.erase, EraseRanges(*banks_, sectors));
  }
  if (request.only || !banks_->empty()) {
    TRY_ASSIGN(work.write, CutParts(request.segments, sectors, work_dir_));
  } else {
    work.write = request.segments;
  }
  return work;
}

Awaitable<Result<FlashReport>> OpenOcdProbe::Flash(FlashRequest request, Deadline deadline) {
  if (!banks_) CO_TRY(co_await PrepareFlash(deadline));
  const auto work = WorkOf(request, !prepared_);
  CO_TRY(work);
  auto script = FlashScript(adapter_, *banks_, *work, request);
  CO_TRY_ASSIGN(const std::string output, co_await Run(std::move(script), deadline));
  CO_TRY(CheckFlashRun(output, request.mailbox_word));
  FlashReport report;
  CO_TRY_ASSIGN(report.identity, ParseIdentity(output));
  report.phases = ParseTimes(output);
  for (const FlashSegment& part : work->write) {
    std::error_code ignored;
    report.bytes_written += std::filesystem::file_size(part.file, ignored);
  }
  co_return report;
}

Awaitable<Result<std::vector<std::vector<uint8_t>>>> OpenOcdProbe::ReadMemory(
    std::vector<MemoryRange> ranges, Deadline deadline) {
  std::vector<std::filesystem::path> files;
  for (size_t i = 0; i < ranges.size(); ++i) {
    files.push_back(work_dir_ / fmt::format("memory-{}.bin", i));
  }
  auto script = ReadScript(adapter_, ranges, files);
  CO_TRY(co_await Run(std::move(script), deadline));
  std::vector<std::vector<uint8_t>> memory;
  for (size_t i = 0; i < ranges.size(); ++i) {
    CO_TRY_ASSIGN(auto bytes, TakeFile(files[i], ranges[i].size));
    memory.push_back(std::move(bytes));
  }
  co_return memory;
}

Awaitable<Status> OpenOcdProbe::Reset(Deadline deadline) {
  auto script = ResetScript(adapter_);
  const auto run = co_await Run(std::move(script), deadline);
  co_return run.status();
}

}  // namespace tinyrig::agent::openocd
