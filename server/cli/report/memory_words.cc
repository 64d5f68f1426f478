#include "server/cli/report/memory_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

using compiler::ArenaPart;
using compiler::Chain;
using compiler::InputPlace;
using compiler::OutputPlace;
using compiler::PartKind;

/// `what` and `label` take a part's map, rows, columns and, of skips, the map that the sum makes.
struct Words {
  PartKind part;
  MemoryKind kind;
  const char* what;
  const char* label;
};
constexpr Words kWords[] = {
    {PartKind::kInput, MemoryKind::kInput, "input of the phase: map {0}, {1} rows of {2}",
     "in: map {0}"},
    {PartKind::kInputRows, MemoryKind::kInput, "ring of {1} rows of the network's input",
     "in: rows"},
    {PartKind::kInputSlab, MemoryKind::kInput,
     "slab of the network's input: {1} rows of {2} columns", "in: slab"},
    {PartKind::kOutput, MemoryKind::kOutput, "output of the phase: map {0}, {1} rows of {2}",
     "out: map {0}"},
    {PartKind::kPoolSums, MemoryKind::kOutput,
     "sums of map {0} for the mean over it, a channel each", "out: mean of {0}"},
    {PartKind::kKept, MemoryKind::kSkip, "map {0}, kept for a residual sum in a later phase",
     "skip: map {0}"},
    {PartKind::kRing, MemoryKind::kRing, "ring of {1} rows of map {0}", "ring: map {0}"},
    {PartKind::kSkipRing, MemoryKind::kSkip,
     "ring of {1} rows of map {0} until the residual sum that makes map {3}", "skip: map {0}"},
    {PartKind::kColumns, MemoryKind::kCache, "cache of map {0}: {2} columns of {1} rows",
     "cache: map {0}"},
    {PartKind::kPixel, MemoryKind::kCache, "a pixel of map {0}", "pixel: map {0}"},
    {PartKind::kPlane, MemoryKind::kCache, "plane of one channel of map {0}, {1} rows of {2}",
     "plane: map {0}"},
    {PartKind::kSums, MemoryKind::kSums, "int32 partial sums of map {0}, {1} rows of {2}",
     "sums: map {0}"},
    {PartKind::kStaged, MemoryKind::kStaged,
     "staged pixel of map {0}, complete before it is written", "staged: map {0}"},
    {PartKind::kSkipColumns, MemoryKind::kSkip,
     "{2} columns of {1} rows of map {0} until the residual sum that makes map {3}",
     "skip: map {0}"},
    {PartKind::kPatchMaps, MemoryKind::kCache,
     "maps of a patch, layer after layer; those not needed at once share bytes", "maps of a patch"},
};

constexpr std::pair<MemoryKind, const char*> kLegend[] = {
    {MemoryKind::kInput, "input of a phase"},
    {MemoryKind::kOutput, "output of a phase (split: takes the place of the input)"},
    {MemoryKind::kRing, "ring of rows between blocks"},
    {MemoryKind::kCache, "cache inside a block"},
    {MemoryKind::kSums, "partial sums (int32)"},
    {MemoryKind::kSkip, "waits for a residual sum"},
    {MemoryKind::kStaged, "staged pixel"},
    {MemoryKind::kWhole, "bytes without places"},
};

std::string InputText(const Chain& chain, InputPlace place) {
  switch (place) {
    case InputPlace::kElsewhere:
      return fmt::format("the network's input ({} B) lies elsewhere and is not counted",
                         FormatCount(static_cast<uint64_t>(chain.MapBytes(0))));
    case InputPlace::kResident:
      return "the network's input is in it";
    case InputPlace::kRows:
      return "the network's input comes row by row into a ring in it";
    case InputPlace::kSlabs:
      return "the network's input comes again for every iteration, as slabs in it";
  }
  return "";
}

std::string OutputText(const Chain& chain, OutputPlace place) {
  switch (place) {
    case OutputPlace::kElsewhere:
      return fmt::format("the last map ({} B) lies elsewhere and is not counted",
                         FormatCount(static_cast<uint64_t>(chain.MapBytes(chain.size()))));
    case OutputPlace::kResident:
      return "the last map is in it";
    case OutputPlace::kPooled:
      return chain.tail.pools ? "the last map is summed up as it is made" : "the last map is in it";
  }
  return "";
}

}  // namespace

MemoryPart WordsFor(const Chain& chain, const ArenaPart& part) {
  const auto* words = std::ranges::find(kWords, part.kind, &Words::part);
  const auto say = [&](const char* text) {
    return fmt::format(fmt::runtime(text), part.map, part.rows, part.columns, part.sum);
  };
  const std::string bytes = FormatCount(static_cast<uint64_t>(part.bytes));
  const std::string label = say(words->label);
  const int32_t last = chain.size();
  const char* end = part.map == 0      ? ", the network's input"
                    : part.map == last ? ", the last map"
                                       : "";
  return {.kind = words->kind,
          .offset = part.offset,
          .bytes = part.bytes,
          .what = say(words->what) + end,
          .labels = {label + ", " + bytes + " B", label, std::to_string(part.map)}};
}

std::string AccountingText(const Chain& chain, const FusionPicture& about) {
  const char* counts = about.cost == "exact" ? "all that the device keeps in its arena"
                       : about.cost == "published"
                           ? "RAM and MACs by the literature's rules"
                           : "RAM by the literature's rules, MACs as they really run";
  return fmt::format("Counted (preset {}): {}; {}, {}.", about.cost, counts,
                     InputText(chain, about.input), OutputText(chain, about.output));
}

std::vector<std::pair<MemoryKind, std::string>> LegendOf(const MemoryPicture& picture) {
  std::vector<std::pair<MemoryKind, std::string>> legend;
  for (const auto& [kind, text] : kLegend) {
    if (std::ranges::count(picture.parts, kind, &MemoryPart::kind) > 0)
      legend.push_back({kind, text});
  }
  return legend;
}

}  // namespace tinyrig::cli
