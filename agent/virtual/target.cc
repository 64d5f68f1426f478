#include "agent/virtual/target.h"

#include <fmt/format.h>
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
  port_.contact = [this](size_t wanted, bool access_port, bool read) {
    return Contact(wanted, access_port, read);
  };
  port_.listening = [this] { return listening(); };
  port_.on_reset_pin = [this](bool released) {
    if (released && powered_ && !core_.Reset().ok()) Revive();
  };
}

Status Target::StartMachine() {
  Machine::StartOptions options;
  if (chip_) options.flash_file = chip_->flash_file();
  if (faults_.on(Fault::kClockChanged)) {
    options.icount_shift = static_cast<int>(faults_.Value(Fault::kClockChanged, "shift"));
  }
  TRY_ASSIGN(UniqueFd serial, machine_.Start(options));
  ++spawns_;
  if (on_serial) on_serial(std::move(serial));
  return OkStatus();
}

Status Target::PowerOn() {
  if (powered_) return OkStatus();
  Status status = chip_ ? chip_->Open(config_.flash_file) : OkStatus();
  if (status.ok()) status = StartMachine();
  if (status.ok()) status = memory_.PowerOn(CurrentId());
  if (!status.ok()) {
    PowerOff();
    return status.WithContext("powering on");
  }
  core_.PowerOnReset();
  port_.PowerOnReset();
  powered_ = true;
  if (!chip_) return OkStatus();
  chip_->PowerOnReset(CurrentId());
  return core_.Reset().WithContext("starting from flash");
}

void Target::PowerOff() {
  powered_ = false;
  machine_.Kill();
  if (on_serial) on_serial(UniqueFd());
}

UniqueId Target::CurrentId() const {
  if (!faults_.on(Fault::kWrongBoard)) return config_.unique_id;
  return MakeUniqueId(fmt::format("another {}", faults_.Value(Fault::kWrongBoard, "seed")));
}

Status Target::ApplyIdentity() {
  const bool wrong = faults_.on(Fault::kIdCode);
  port_.SetDpidr(wrong ? static_cast<uint32_t>(faults_.Value(Fault::kIdCode, "value"))
                       : config_.type->dpidr);
  if (chip_) chip_->SetUniqueId(CurrentId());
  return powered_ ? memory_.PlantUniqueId(CurrentId()) : OkStatus();
}

// JTAG and SWD name the same designer and part, with other bits for the version of the DP.
uint32_t Target::jtag_idcode() const {
  if (!faults_.on(Fault::kIdCode)) return config_.type->jtag_idcode;
  return static_cast<uint32_t>(faults_.Value(Fault::kIdCode, "value")) & ~0xF000u;
}

void Target::Settle() {
  if (powered_ && faults_.Struck(Fault::kPowerOff)) {
    spdlog::info("fault power_off strikes");
    faults_.Use(Fault::kPowerOff);
    PowerOff();
  }
  if (powered_ && faults_.Struck(Fault::kBrownOut)) {
    spdlog::info("fault brown_out strikes");
    faults_.Use(Fault::kBrownOut);
    PowerOff();
    if (const Status status = PowerOn(); !status.ok()) spdlog::error("{}", status.ToString());
  }
  if (powered_ && !machine_.alive()) Revive();
}

// Any qtest request does; this one has no side effect.
void Target::Nudge() {
  std::array<uint8_t, 4> bytes;
  const MemoryRegion* code = FindRegion(*config_.type, RegionKind::kCode);
  if (powered_ && code && !machine_.ReadBlock(code->base, bytes).ok()) Settle();
}

// An unpowered chip, a broken wire and a dead probe look the same: nobody drives the acknowledge.
DebugPort::Reach Target::Contact(size_t wanted, bool access_port, bool read) {
  if (!powered_) return {0, Ack::kNone};
  DebugPort::Reach reach{wanted, Ack::kNone};
  for (const Fault fault : {Fault::kNoAck, Fault::kPowerOff, Fault::kBrownOut, Fault::kProbeKilled,
                            Fault::kProbeFrozen}) {
    reach.transfers = faults_.Spend(fault, reach.transfers);
  }
  struct Disturbance {
    Fault fault;
    bool applies;
    Ack ack;
  };
  const Disturbance disturbances[] = {{Fault::kWaitStuck, access_port, Ack::kWait},
                                      {Fault::kWaitSome, access_port, Ack::kWait},
                                      {Fault::kApFault, access_port, Ack::kFault},
                                      {Fault::kParity, read, Ack::kParity}};
  for (const auto& [fault, applies, ack] : disturbances) {
    const size_t passed = faults_.Spend(fault, reach.transfers);
    if (passed == reach.transfers || !applies) continue;
    reach = {passed, ack};
    faults_.Use(fault);
  }
  if (core_.state() == CoreState::kRunning) {
    for (const Fault fault : FirmwareFaults()) faults_.Spend(fault, reach.transfers);
  }
  transfers_ += reach.transfers;
  return reach;
}

bool Target::Revive() {
  if (!powered_) return false;
  ++lockups_;
  spdlog::warn("QEMU ended ({}): modelled as a locked-up core, RAM is lost", machine_.end());
  Status status = StartMachine();
  if (status.ok()) status = memory_.Restore(CurrentId());
  core_.LockUp();
  if (status.ok()) return true;
  spdlog::error("{}; the board is off now", status.ToString());
  PowerOff();
  return false;
}

}  // namespace tinyrig::agent::vboard
