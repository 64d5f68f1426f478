#include "server/cli/bench/bench_draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

// Unique ids: RM0402 section 31.1 (F412), RM0410 section 45.1 (F76xxx).
constexpr BoardKind kKinds[] = {
    {"nucleo_f412zg", "nucleo_f412zg.cfg", 0x1FFF7A10},
    {"nucleo_f767zi", "nucleo_f767zi.cfg", 0x1FF0F420},
};

constexpr size_t kMaxId = 32;

/// A double-quoted scalar: names of ports and serials come from devices and from others' files.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : Printable(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string BoardText(const BoardDraft& board) {
  const BoardKind* kind = FindBoardKind(board.type);
  std::string text = fmt::format("  - id: {}\n", board.id);
  text += fmt::format("    type: {}\n", board.type.empty() ? "TYPE" : board.type);
  text += "    probe:\n      driver: openocd\n";
  text += fmt::format("      config: {}\n", kind == nullptr ? "TYPE.cfg" : kind->config);
  text += fmt::format("      serial: {}\n",
                      board.probe_serial.empty() ? "SERIAL" : Quoted(board.probe_serial));
  text += fmt::format("      uid_address: {}\n",
                      kind == nullptr ? "ADDRESS" : fmt::format("{:#010x}", kind->uid_address));
  text += "    link:\n      driver: uart\n";
  text += fmt::format("      port: {}\n", board.port.empty() ? "PORT" : Quoted(board.port));
  if (board.baud_hz != 0) text += fmt::format("      baud: {}\n", board.baud_hz);
  return text;
}

std::string AsComment(const std::string& text) {
  std::string commented;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size() - 1);
    commented += "#" + text.substr(start, end + 1 - start);
    start = end + 1;
  }
  return commented;
}

}  // namespace

const BoardKind* FindBoardKind(std::string_view type) {
  const auto* found =
      std::ranges::find(kKinds, type, [](const BoardKind& k) { return std::string_view(k.type); });
  return found == std::end(kKinds) ? nullptr : found;
}

std::vector<std::string_view> BoardKindNames() {
  std::vector<std::string_view> names;
  for (const BoardKind& kind : kKinds) names.emplace_back(kind.type);
  return names;
}

std::string MissingIn(const BoardDraft& board) {
  std::vector<std::string> missing;
  if (FindBoardKind(board.type) == nullptr) {
    missing.push_back(board.type.empty() ? "its type"
                                         : fmt::format("a port for type {}", board.type));
  }
  if (board.probe_serial.empty()) missing.emplace_back("the serial number of its probe");
  if (board.port.empty()) missing.emplace_back("its serial port");
  std::string text;
  for (size_t i = 0; i < missing.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == missing.size() ? " and " : ", ") + missing[i];
  }
  return text;
}

std::string MakeBoardId(std::string_view wish, const std::vector<BoardDraft>& taken) {
  std::string id;
  for (const char c : wish.substr(0, kMaxId)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) || c == '-' || c == '_' || c == '.');
    id += plain ? c : '-';
  }
  while (!id.empty() && !std::isalnum(static_cast<unsigned char>(id[0]))) id.erase(0, 1);
  if (id.empty()) id = "board";
  const auto is_taken = [&taken](const std::string& name) {
    return std::ranges::find(taken, name, &BoardDraft::id) != taken.end();
  };
  if (!is_taken(id)) return id;
  for (int number = 2;; ++number) {
    std::string numbered = fmt::format("{}-{}", id, number);
    if (!is_taken(numbered)) return numbered;
  }
}

std::string RenderBench(const BenchDraft& bench) {
  std::string text =
      "# Which boards are attached here, and through which instruments. All keys: "
      "agent/README.md.\n"
      "# Use it with: tinyrig-agent --bench FILE\n";
  text += fmt::format("bench: {}\n", bench.name);
  text += fmt::format("server: {}     # where tinyrigd listens; also HOST:PORT\n",
                      Quoted(bench.server));
  text += fmt::format("state_dir: {}\n", Quoted(bench.state_dir));
  const bool usable = std::ranges::any_of(
      bench.boards, [](const BoardDraft& board) { return MissingIn(board).empty(); });
  text += usable ? "boards:\n" : "boards: []\n";
  for (const BoardDraft& board : bench.boards) {
    const std::string missing = MissingIn(board);
    text += fmt::format("\n  # {}\n", Printable(board.probe.empty() ? board.id : board.probe));
    for (const std::string& note : board.notes) text += fmt::format("  # {}\n", Printable(note));
    if (missing.empty()) {
      text += BoardText(board);
    } else {
      text += fmt::format("  # Left out until somebody adds {}:\n", missing);
      text += AsComment(BoardText(board));
    }
  }
  return text;
}

}  // namespace tinyrig::cli
