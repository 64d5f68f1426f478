#include "firmware/compiler/fusion/notation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tinyrig::compiler {
namespace {

constexpr std::string_view kExample = "write e.g. [0-6h4 ~ 7-9] [10] [11-13ch2]";

/// Takes tokens off the front; blanks may stand between any two.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) { SkipBlanks(); }

  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  bool Take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    SkipBlanks();
    return true;
  }
  /// A number from 0 to 999,999.
  bool TakeNumber(int32_t& number) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc() || number < 0 || number > 999'999) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    SkipBlanks();
    return true;
  }

 private:
  void SkipBlanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
  }
  std::string_view rest_;
};

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

bool TakeBlock(Reader& reader, FusedBlock& block) {
  if (!reader.TakeNumber(block.first)) return false;
  block.last = block.first;
  if (reader.Take('-') && !reader.TakeNumber(block.last)) return false;
  if (reader.Take('p')) {
    block.mode = BlockMode::kPatch;
    return reader.TakeNumber(block.height) && reader.Take('x') && reader.TakeNumber(block.width);
  }
  if (reader.Take('c')) block.mode = BlockMode::kChannels;
  return !reader.Take('h') || reader.TakeNumber(block.height);
}

Status CheckOrder(const FusedBlock& block, int32_t next) {
  if (block.last < block.first) {
    return Invalid(fmt::format("block {} ends before it begins", ToString(block)));
  }
  if (block.first < next) {
    return Invalid(fmt::format("block {} overlaps the one before it; begin it with layer {}",
                               ToString(block), next));
  }
  if (block.first > next) {
    return Invalid(
        fmt::format("block {0} leaves a gap: layer {1} is in no block; put [{1}] before it, or "
                    "begin it with layer {1}",
                    ToString(block), next));
  }
  return OkStatus();
}

}  // namespace

std::string ToString(const FusedBlock& block) {
  std::string text = fmt::format("{}", block.first);
  if (block.last != block.first) text += fmt::format("-{}", block.last);
  if (block.mode == BlockMode::kPatch) {
    return text + fmt::format("p{}x{}", block.height, block.width);
  }
  if (block.mode == BlockMode::kChannels) text += 'c';
  if (block.height != 1) text += fmt::format("h{}", block.height);
  return text;
}

std::string ToString(const std::vector<FusedBlock>& phase) {
  std::string text = "[";
  for (const FusedBlock& block : phase) {
    if (text.size() > 1) text += " ~ ";
    text += ToString(block);
  }
  return text + "]";
}

std::string ToString(const BlockPhases& phases) {
  std::string text;
  for (const std::vector<FusedBlock>& phase : phases) {
    if (!text.empty()) text += ' ';
    text += ToString(phase);
  }
  return text;
}

Result<BlockPhases> ParseBlocks(std::string_view text) {
  BlockPhases phases;
  int32_t next = 0;
  for (Reader reader(text); !reader.done();) {
    if (!reader.Take('[')) {
      return Invalid(fmt::format("'{}' is not the beginning of a phase; {}",
                                 reader.rest().substr(0, 20), kExample));
    }
    std::vector<FusedBlock>& phase = phases.emplace_back();
    do {
      const std::string_view at = reader.rest().substr(0, 20);
      FusedBlock block;
      if (!TakeBlock(reader, block)) {
        return Invalid(
            fmt::format("'{}' is not a block of phase {}; {}", at, phases.size(), kExample));
      }
      TRY(CheckOrder(block, next));
      next = block.last + 1;
      phase.push_back(block);
    } while (reader.Take('~'));
    if (!reader.Take(']')) {
      return Invalid(fmt::format("phase {} is not closed after block {}; {}", phases.size(),
                                 ToString(phase.back()), kExample));
    }
  }
  return phases;
}

Result<BlockPhases> ParseBlocks(std::string_view text, int32_t layers, std::string_view follows) {
  TRY_ASSIGN(BlockPhases phases, ParseBlocks(text));
  const int32_t last = phases.empty() ? -1 : phases.back().back().last;
  for (const std::vector<FusedBlock>& phase : phases) {
    for (const FusedBlock& block : phase) {
      if (block.last < layers) continue;
      const std::string why =
          follows.empty() ? "" : fmt::format(": {} follows and cannot be fused", follows);
      return Invalid(
          fmt::format("block {} goes beyond the chain, whose last layer is {}{}; end "
                      "the list there",
                      ToString(block), layers - 1, why));
    }
  }
  if (last == layers - 1) return phases;
  return Invalid(fmt::format(
      "the list ends at layer {}, the chain at layer {}; put [{}-{}], or smaller blocks, behind it",
      last, layers - 1, last + 1, layers - 1));
}

}  // namespace tinyrig::compiler
