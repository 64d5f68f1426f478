#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What lies where in an arena, step by step, as a picture: time to the right, bytes upwards. Pure;
/// the same picture gives the same text.
namespace tinyrig::cli {

/// Decides the colour.
enum class MemoryKind : uint8_t {
  kInput,
  kOutput,
  kTensor,
  kRing,
  kCache,
  kSums,
  kSkip,
  kStaged,
  kWhole,  ///< A number of bytes without a place of its own.
};
inline constexpr size_t kMemoryKinds = 9;

struct MemoryStep {
  std::string name;     ///< "9-11c".
  std::string detail;   ///< "1x1 dw5x5 1x1"; behind the name where there is room.
  std::string tooltip;  ///< All that is known.
};

/// Steps that belong together.
struct MemoryGroup {
  size_t first = 0;  ///< Steps, both included.
  size_t last = 0;
  std::string name;  ///< "phase 3"; may be empty.
  std::string tooltip;
};

/// Bytes `offset` to `offset + bytes - 1` in steps `first` to `last`, both included.
struct MemoryPart {
  MemoryKind kind = MemoryKind::kTensor;
  size_t first = 0;
  size_t last = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
  std::string what;                 ///< "ring of 7 rows of map 9", for tooltip and table.
  std::vector<std::string> labels;  ///< The first that fits is written on it; longest first.
};

/// An output that takes the place of its input while that is read: two parts share these bytes.
struct MemoryOverlap {
  size_t first = 0;
  size_t last = 0;
  int64_t from = 0;
  int64_t to = 0;  ///< Behind the last byte.
};

struct MemoryMark {
  int64_t bytes = 0;
  std::string text;
};

struct MemoryPicture {
  std::string title;
  std::vector<std::string> notes;  ///< Sentences below the title.
  std::vector<std::pair<MemoryKind, std::string>> legend;
  std::vector<MemoryStep> steps;  ///< At least one.
  std::vector<MemoryGroup> groups;
  std::vector<MemoryPart> parts;
  std::vector<MemoryOverlap> overlaps;
  MemoryMark peak;
  std::optional<size_t> peak_group;     ///< Drawn apart: it needs most.
  std::optional<MemoryMark> reference;  ///< Another plan's peak, when it is in range.
};

/// A whole SVG file: its own styles, no script, light, dark and for print. A label that has no room
/// is left out; all have tooltips. Names may hold any bytes.
std::string MemorySvg(const MemoryPicture& picture);

/// The same in an HTML page that needs nothing else, with a table of all parts below.
std::string MemoryPage(const MemoryPicture& picture);

/// The style sheet of the picture.
extern const char* const kMemoryStyle;

}  // namespace tinyrig::cli
