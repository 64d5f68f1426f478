#include "agent/virtual/target.h"

#include <spdlog/spdlog.h>

#include <array>

#include "agent/virtual/coresight_ids.h"

namespace tinyrig::agent::vboard {
Target::Target(Config config, FaultSet& faults)
    : config_(std::move(config)),
      faults_(faults),
      machine_(*config_.type, config_.qemu, config_.qemu_log),
      core_(*config_.type, machine_),
      chip_(config_.type->flash ? std::make_unique<Stm32Chip>(*config_.type, machine_, faults)
                                : nullptr),
      memory_(*config_.type, machine_, core_, chip_.get(), faults),
      port_(memory_, {config_.type->dpidr, config_.type->ap_idr, kRomTableBase | 3}) {
  if (chip_) {
    core_.hosted = &chip_->loader();
    core_.before_run = [this] { return chip_->Flush(); };
    core_.on_reset = [this] {
      chip_->Reset();
      return chip_->Flush();
    };
  }
  memory_.revive = [this] { return Revive(); };
  core_.on_boot = [this] {
    if (on_boot) on_boot();
  };
  port_.contact = [this](size_t wanted) { return Contact(wanted); };
  port_.listening = [this] { return powered_ && !faults_.Struck(Fault::kNoAck); };
  port_.on_reset_pin = [this](bool released) {
    if (released && powered_ && !core_.Reset().ok()) Revive();
  };
}

Status Target::StartMachine() {
  TRY_ASSIGN(UniqueFd serial, machine_.Start(chip_ ? chip_->flash_file() : std::string()));
  ++spawns_;
  if (on_serial) on_serial(std::move(serial));
  return OkStatus();
}

Status Target::PowerOn() {
  if (powered_) return OkStatus();
  Status status = chip_ ? chip_->Open(config_.flash_file) : OkStatus();
  if (status.ok()) status = StartMachine();
  if (status.ok()) status = memory_.PowerOn(config_.unique_id);
  if (!status.ok()) {
    PowerOff();
    return status.WithContext("powering on");
  }
  core_.PowerOnReset();
  port_.PowerOnReset();
  powered_ = true;
  if (!chip_) return OkStatus();
  chip_->PowerOnReset(config_.unique_id);
  return core_.Reset().WithContext("starting from flash");
}

void Target::PowerOff() {
  powered_ = false;
  machine_.Kill();
  if (on_serial) on_serial(UniqueFd());
}

void Target::Settle() {
  if (powered_ && faults_.Struck(Fault::kPowerOff)) {
    spdlog::info("fault power_off strikes");
    PowerOff();
  }
  if (powered_ && !machine_.alive()) Revive();
}

// Any qtest request does; this one has no side effect.
void Target::Nudge() {
  std::array<uint8_t, 4> bytes;
  const MemoryRegion* code = FindRegion(*config_.type, RegionKind::kCode);
  if (powered_ && code && !machine_.ReadBlock(code->base, bytes).ok()) Settle();
}

// An unpowered chip and a broken wire look the same: nobody drives the acknowledge.
size_t Target::Contact(size_t wanted) {
  if (!powered_) return 0;
  size_t reach = faults_.Spend(Fault::kNoAck, wanted);
  reach = faults_.Spend(Fault::kPowerOff, reach);
  transfers_ += reach;
  return reach;
}

bool Target::Revive() {
  if (!powered_) return false;
  ++lockups_;
  spdlog::warn("QEMU ended ({}): modelled as a locked-up core, RAM is lost", machine_.end());
  Status status = StartMachine();
  if (status.ok()) status = memory_.Restore(config_.unique_id);
  core_.LockUp();
  if (status.ok()) return true;
  spdlog::error("{}; the board is off now", status.ToString());
  PowerOff();
  return false;
}

}  // namespace tinyrig::agent::vboard
