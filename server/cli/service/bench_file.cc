#include "server/cli/service/bench_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>

#include "server/cli/text/suggest.h"

namespace tinyrig::cli {
namespace {

constexpr VirtualKind kKinds[] = {
    {"m4", "virtual_m4", "virtual_m4.cfg", 0x003FFFF0, 0x2BA01477},
    {"f4", "virtual_f4", "virtual_f4.cfg", 0x1FFF7A10, 0x2BA01477},
    {"m7", "virtual_m7", "virtual_m7.cfg", 0x003FFFF0, 0x5BA02477},
    {"native", "native", "", 0, 0},
};
constexpr size_t kMaxBoards = 64;

void WritePair(YAML::Emitter& out, const char* key, const std::string& value) {
  out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
}
void OpenMap(YAML::Emitter& out, const char* key) {
  out << YAML::Key << key << YAML::Value << YAML::BeginMap;
}

/// An emulated board's UART takes a few kB/s, its debug probe tens of times as much.
void WriteLink(YAML::Emitter& out, const VirtualBoard& board) {
  const bool two_ways = board.kind->emulated();
  OpenMap(out, "link");
  if (two_ways) OpenMap(out, "in");
  WritePair(out, "driver", "uart");
  WritePair(out, "port", board.folder + "/tty");
  out << YAML::Key << "baud" << YAML::Value << 115200;
  if (two_ways) {
    out << YAML::EndMap;
    OpenMap(out, "out");
    WritePair(out, "driver", "probe_memory");
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
}

void WriteNativeProbe(YAML::Emitter& out, const VirtualBoard& board) {
  WritePair(out, "driver", "native");
  WritePair(out, "serial", board.serial);
  WritePair(out, "folder", board.folder);
}

void WriteOpenOcdProbe(YAML::Emitter& out, const VirtualBoard& board,
                       const std::string& probe_library) {
  WritePair(out, "driver", "openocd");
  WritePair(out, "config", std::string(board.kind->openocd_config));
  WritePair(out, "serial", board.serial);
  out << YAML::Key << "uid_address" << YAML::Value
      << fmt::format("0x{:08X}", board.kind->uid_address);
  out << YAML::Key << "dpidr" << YAML::Value << fmt::format("0x{:08X}", board.kind->dpidr);
  OpenMap(out, "env");
  WritePair(out, "LD_PRELOAD", probe_library);
  WritePair(out, "TINYRIG_VBOARD_DAP", board.folder + "/dap.sock");
  out << YAML::EndMap;
}

}  // namespace

std::span<const VirtualKind> VirtualKinds() { return kKinds; }

const VirtualKind* FindVirtualKind(std::string_view name) {
  const auto* found = std::ranges::find_if(
      kKinds, [&](const VirtualKind& k) { return k.name == name || k.board_type == name; });
  return found == std::end(kKinds) ? nullptr : found;
}

Result<std::vector<VirtualBoard>> PlanBoards(const std::string& kinds,
                                             const std::string& socket_folder) {
  std::vector<VirtualBoard> boards;
  if (kinds == "none") return boards;
  std::map<std::string_view, int> numbers;
  for (size_t start = 0; start <= kinds.size();) {
    const size_t comma = std::min(kinds.find(',', start), kinds.size());
    const std::string name = kinds.substr(start, comma - start);
    start = comma + 1;
    const VirtualKind* kind = FindVirtualKind(name);
    if (kind == nullptr) {
      std::vector<std::string_view> known;
      for (const VirtualKind& one : kKinds) known.push_back(one.name);
      return Status(Code::kInvalidArgument,
                    fmt::format("there is no virtual board '{}'{}. Example: --virtual m4,m4", name,
                                SuggestFrom(name, known)));
    }
    if (boards.size() == kMaxBoards) {
      return Status(Code::kInvalidArgument,
                    fmt::format("at most {} virtual boards at a time", kMaxBoards));
    }
    const std::string id = fmt::format("{}-{}", kind->name, ++numbers[kind->name]);
    boards.push_back({id, fmt::format("VB{:04}", boards.size() + 1), kind,
                      fmt::format("{}/boards/{}", socket_folder, id)});
  }
  return boards;
}

std::string BenchFile(const std::vector<VirtualBoard>& boards, const std::string& server_address,
                      const std::string& agent_state, const std::string& probe_library) {
  YAML::Emitter out;
  out << YAML::Comment("Written by tinyrig for its virtual bench; changes are lost.");
  out << YAML::BeginMap;
  WritePair(out, "bench", "local");
  WritePair(out, "server", server_address);
  WritePair(out, "state_dir", agent_state);
  out << YAML::Key << "boards" << YAML::Value << YAML::BeginSeq;
  for (const VirtualBoard& board : boards) {
    out << YAML::BeginMap;
    WritePair(out, "id", board.id);
    WritePair(out, "type", std::string(board.kind->board_type));
    OpenMap(out, "probe");
    if (board.kind->emulated()) {
      WriteOpenOcdProbe(out, board, probe_library);
    } else {
      WriteNativeProbe(out, board);
    }
    out << YAML::EndMap;
    WriteLink(out, board);
    if (board.kind->emulated()) {
      OpenMap(out, "power");
      WritePair(out, "driver", "virtual");
      WritePair(out, "control", board.folder + "/control.sock");
      out << YAML::EndMap;
    }
    out << YAML::EndMap;
  }
  out << YAML::EndSeq << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace tinyrig::cli
