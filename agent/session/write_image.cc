#include "agent/session/write_image.h"

#include <spdlog/spdlog.h>

#include <map>

#include "agent/session/flash_plan.h"

namespace tinyrig::agent {
namespace {

/// Which of the sectors have to be written, and what that makes of the statistics.
struct Choice {
  std::vector<FlashSector> sectors;
  std::vector<uint32_t> addresses;
  v1::FlashStats stats;
};

Choice Choose(const std::vector<SectorPlan>& plans, const FlashRecord& record) {
  Choice choice;
  v1::FlashStats& stats = choice.stats;
  for (const SectorPlan& plan : plans) {
    if (record.Holds(plan.sector.address, plan.hash)) {
      stats.set_sectors_saved(stats.sectors_saved() + 1);
      stats.set_bytes_saved(stats.bytes_saved() + plan.image_bytes);
      continue;
    }
    stats.set_sectors_written(stats.sectors_written() + 1);
    stats.set_bytes_written(stats.bytes_written() + plan.image_bytes);
    choice.sectors.push_back(plan.sector);
    choice.addresses.push_back(plan.sector.address);
  }
  return choice;
}

Status CommitAll(const std::vector<SectorPlan>& plans, FlashRecord& record) {
  std::map<uint32_t, std::string> hashes;
  for (const SectorPlan& plan : plans) hashes.emplace(plan.sector.address, plan.hash);
  return record.Commit(hashes);
}

/// A probe that writes whole images only.
Awaitable<Result<Written>> WriteWhole(Probe& probe, FlashRequest request, Deadline deadline) {
  CO_TRY_ASSIGN(FlashReport report, co_await probe.Flash(std::move(request), deadline));
  Written written;
  written.phases = std::move(report.phases);
  written.stats.set_bytes_written(report.bytes_written);
  co_return written;
}

}  // namespace

Awaitable<Result<Written>> WriteImage(Probe& probe, FlashRecord& record, FlashTarget target,
                                      FlashRequest request, Deadline deadline) {
  const ProgramMemory& memory = target.memory;
  if (memory.sectors.empty() && memory.block_bytes == 0) {
    co_return co_await WriteWhole(probe, std::move(request), deadline);
  }
  const auto plans = PlanSectors(request.segments, memory);
  CO_TRY(plans);
  record.Select(UidHex(target.identity.uid), !memory.sectors.empty());
  bool record_was_wrong = false;
  while (true) {
    Choice choice = Choose(*plans, record);
    CO_TRY(record.Begin(choice.addresses));
    FlashRequest part = request;
    part.only = choice.sectors;
    auto report = co_await probe.Flash(std::move(part), deadline);
    if (report.ok()) {
      const Status kept = CommitAll(*plans, record);
      if (!kept.ok()) spdlog::warn("the next job writes more than it has to: {}", kept.message());
      Written written;
      written.phases = std::move(report->phases);
      written.stats = std::move(choice.stats);
      written.stats.set_record_was_wrong(record_was_wrong);
      written.stats.set_max_erasures(record.max_erasures());
      co_return written;
    }
    CO_TRY(record.Forget());
    if (report.status().code() != Code::kDataLoss || choice.stats.sectors_saved() == 0) {
      co_return report.status();
    }
    record_was_wrong = true;
  }
}

}  // namespace tinyrig::agent
