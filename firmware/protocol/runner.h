#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/runtime/model.h"
#include "proto/status/code.h"

namespace tinyrig::device {

/// One inference as the board saw it.
struct RunOutcome {
  uint32_t ticks;          ///< Of the window around Invoke() alone; 0 in observed runs.
  uint32_t input_crc32c;   ///< Of the bytes in the model's inputs, before they were overwritten.
  uint32_t output_crc32c;  ///< Of all outputs, one after the other.
};

/// Gets each operator of an observed run, with the ticks that it took.
class LayerSink {
 public:
  virtual void OnLayer(const runtime::OpResult& result, uint32_t ticks) = 0;

 protected:
  ~LayerSink() = default;
};

/// The model on the board and its staged input. The arena's first bytes are the model's; the input,
/// all tensors one after the other, waits behind them and a canary (proto/device/paint.h), and is
/// copied in before each window, because an inference overwrites its inputs. No heap.
class Runner {
 public:
  /// Checks and lays out `blob` in `arena`. The time it takes is prepare_ticks().
  /// Errors: those of runtime::Model::Prepare(); kResourceExhausted also when input and canaries do
  /// not fit behind the arena. Sizes below are known also then, and 0 after all other errors.
  Code Prepare(std::span<const std::byte> blob, std::span<std::byte> arena);

  uint32_t prepare_ticks() const { return prepare_ticks_; }
  uint32_t arena_bytes() const { return model_.prepared() ? model_.arena_bytes() : 0; }
  uint32_t input_bytes() const { return input_bytes_; }
  uint32_t output_bytes() const { return output_bytes_; }

  /// Where the input of the next run is put. Survives runs. REQUIRES: Prepare() returned kOk.
  std::span<std::byte> staged_input() const { return staged_; }

  /// Runs the staged input once. REQUIRES, here and below: Prepare() returned kOk.
  RunOutcome RunTimed();
  RunOutcome RunObserved(LayerSink& sink);

  size_t output_count() const { return model_.output_count(); }
  std::span<const std::byte> output(size_t index) const { return model_.Output(index).data; }

 private:
  // Not inlined, for the reason that session.h gives.
  [[gnu::noinline]] Code LayOut(std::span<std::byte> arena);
  [[gnu::noinline]] RunOutcome CopyInput();
  [[gnu::noinline]] void HashOutput(RunOutcome* outcome) const;

  runtime::Model model_;
  std::span<std::byte> staged_;
  uint32_t input_bytes_ = 0;
  uint32_t output_bytes_ = 0;
  uint32_t prepare_ticks_ = 0;
};

}  // namespace tinyrig::device
