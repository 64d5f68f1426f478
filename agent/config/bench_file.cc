#include "agent/config/bench_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include "agent/config/yaml_map.h"

namespace tinyrig::agent {
namespace {

constexpr uint32_t kMaxBaudHz = 20'000'000;

const YamlMap::Keys kBenchKeys{{"bench", "boards"}, {"server", "state_dir", "tls", "token_file"}};
const YamlMap::Keys kTlsKeys{{}, {"ca", "cert", "key"}};
const YamlMap::Keys kBoardKeys{{"id", "type", "probe", "link"}, {"power", "labels"}};
const YamlMap::Keys kAnyProbeKeys{{"driver", "serial"},
                                  {"config", "uid_address", "dpidr", "mode", "env", "folder"}};
const YamlMap::Keys kProbeKeys{{"driver", "config", "serial", "uid_address"},
                               {"dpidr", "mode", "env"}};
const YamlMap::Keys kNativeKeys{{"driver", "serial", "folder"}, {}};
const YamlMap::Keys kCableKeys{{"driver", "port"}, {"baud"}};
const YamlMap::Keys kSplitLinkKeys{{"in", "out"}, {}};
const YamlMap::Keys kRingKeys{{"driver"}, {}};

constexpr size_t kMaxLabelBytes = 256;

Result<std::string> Name(const YamlMap& map, std::string_view key) {
  TRY_ASSIGN(std::string text, map.Text(key));
  if (!IsPlainName(text)) {
    return map.ErrorAt(key, fmt::format("'{}' must be at most 64 letters, digits, '-', '_' or '.', "
                                        "and begin with a letter or digit",
                                        key));
  }
  return text;
}

Result<ProbeConfig> ReadProbe(const YamlMap& board) {
  ProbeConfig probe;
  TRY_ASSIGN(const YamlMap any, board.Map("probe", kAnyProbeKeys));
  TRY_ASSIGN(probe.driver, any.Text("driver"));
  TRY_ASSIGN(probe.serial, any.Text("serial"));
  const bool native = probe.driver == "native";
  TRY_ASSIGN(const YamlMap map, board.Map("probe", native ? kNativeKeys : kProbeKeys));
  if (native) {
    TRY_ASSIGN(probe.folder, map.Text("folder"));
    return probe;
  }
  TRY_ASSIGN(probe.config, map.Text("config"));
  TRY_ASSIGN(probe.uid_address, map.Number("uid_address", 0, std::numeric_limits<uint32_t>::max()));
  if (map.Has("dpidr")) {
    TRY_ASSIGN(probe.dpidr, map.Number("dpidr", 1, std::numeric_limits<uint32_t>::max()));
  }
  if (map.Has("mode")) {
    TRY_ASSIGN(const std::string mode, map.Text("mode"));
    if (mode != "long_lived" && mode != "one_shot") {
      return map.ErrorAt("mode", "'mode' of a probe is long_lived (the preset) or one_shot");
    }
    probe.one_shot = mode == "one_shot";
  }
  TRY_ASSIGN(probe.env, map.Texts("env"));
  return probe;
}

Result<LinkConfig> ReadCable(const YamlMap& map, std::string_view key) {
  TRY_ASSIGN(const YamlMap cable, map.Map(key, kCableKeys));
  LinkConfig link;
  TRY_ASSIGN(link.driver, cable.Text("driver"));
  TRY_ASSIGN(link.port, cable.Text("port"));
  if (cable.Has("baud")) {
    TRY_ASSIGN(link.baud_hz, cable.Number("baud", 1, kMaxBaudHz));
  }
  return link;
}

/// Does a direction name the probe?
Result<bool> IsProbe(const YamlMap& sides, std::string_view key) {
  TRY_ASSIGN(const YamlMap side, sides.AnyMap(key));
  TRY_ASSIGN(const std::string driver, side.Text("driver"));
  if (driver != "probe_memory") return false;
  TRY(side.Check(kRingKeys));
  return true;
}

Result<LinkConfig> ReadLink(const YamlMap& board) {
  TRY_ASSIGN(const YamlMap any, board.AnyMap("link"));
  if (!any.Has("in") && !any.Has("out")) return ReadCable(board, "link");
  TRY_ASSIGN(const YamlMap sides, board.Map("link", kSplitLinkKeys));
  TRY_ASSIGN(const bool probe_in, IsProbe(sides, "in"));
  TRY_ASSIGN(const bool probe_out, IsProbe(sides, "out"));
  LinkConfig link;
  if (!probe_in) {
    TRY_ASSIGN(link, ReadCable(sides, "in"));
  }
  if (!probe_out) {
    TRY_ASSIGN(const LinkConfig out, ReadCable(sides, "out"));
    if (!probe_in &&
        (out.driver != link.driver || out.port != link.port || out.baud_hz != link.baud_hz)) {
      return sides.ErrorAt("out",
                           "two cables for one board are not supported; give 'in' and 'out' "
                           "the same port, or one of them the driver probe_memory");
    }
    link = out;
  }
  link.probe_in = probe_in;
  link.probe_out = probe_out;
  return link;
}

Result<BoardConfig> ReadBoard(const YamlMap& map) {
  BoardConfig board;
  TRY_ASSIGN(board.id, Name(map, "id"));
  TRY_ASSIGN(board.type, Name(map, "type"));
  TRY_ASSIGN(board.probe, ReadProbe(map));
  TRY_ASSIGN(board.link, ReadLink(map));
  if (map.Has("power")) {
    TRY_ASSIGN(board.power, ReadPower(map, board.id, board.probe.serial));
  }
  TRY_ASSIGN(board.labels, map.Texts("labels"));
  for (const auto& [key, value] : board.labels) {
    if (!IsPlainName(key) || value.size() > kMaxLabelBytes) {
      return map.ErrorAt("labels", fmt::format("label '{}': a key is a plain name as an 'id' is, a "
                                               "value at most {} bytes",
                                               key, kMaxLabelBytes));
    }
  }
  return board;
}

Status ReadSecurity(const YamlMap& bench, ChannelSecurity* security) {
  if (bench.Has("token_file")) {
    TRY_ASSIGN(security->token_file, bench.Text("token_file"));
  }
  if (!bench.Has("tls")) return {};
  TRY_ASSIGN(const YamlMap tls, bench.Map("tls", kTlsKeys));
  if (tls.Has("ca")) {
    TRY_ASSIGN(security->ca_file, tls.Text("ca"));
  }
  if (tls.Has("cert") != tls.Has("key")) {
    return bench.ErrorAt("tls", "'cert' and 'key' belong together; give both or neither");
  }
  if (tls.Has("cert")) {
    TRY_ASSIGN(security->cert_file, tls.Text("cert"));
    TRY_ASSIGN(security->key_file, tls.Text("key"));
  }
  return {};
}

/// What no two boards may share: two sessions on one probe or link would measure each other.
struct Unique {
  std::string_view key;
  std::string_view what;
  const std::string& (*of)(const BoardConfig&);
};
constexpr Unique kUnique[] = {
    {"id", "id", [](const BoardConfig& b) -> const std::string& { return b.id; }},
    {"probe", "probe serial",
     [](const BoardConfig& b) -> const std::string& { return b.probe.serial; }},
    {"link", "link port", [](const BoardConfig& b) -> const std::string& { return b.link.port; }},
};

}  // namespace

bool IsPlainName(std::string_view text) {
  const auto plain = [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '-' || c == '_' || c == '.');
  };
  return !text.empty() && text.size() <= 64 && text[0] != '.' && text[0] != '-' && text[0] != '_' &&
         std::ranges::all_of(text, plain);
}

Result<BenchConfig> ParseBenchFile(std::string_view yaml, std::string_view file) {
  TRY_ASSIGN(const YamlMap map, YamlMap::Parse(yaml, file, kBenchKeys));
  BenchConfig config;
  TRY_ASSIGN(config.bench, Name(map, "bench"));
  if (map.Has("server")) {
    TRY_ASSIGN(config.server, map.Text("server"));
  }
  if (map.Has("state_dir")) {
    TRY_ASSIGN(config.state_dir, map.Text("state_dir"));
  }
  TRY(ReadSecurity(map, &config.security));
  TRY_ASSIGN(const std::vector<YamlMap> boards, map.Maps("boards", kBoardKeys));
  for (const YamlMap& entry : boards) {
    TRY_ASSIGN(BoardConfig board, ReadBoard(entry));
    for (const Unique& unique : kUnique) {
      for (const BoardConfig& other : config.boards) {
        if (unique.of(board).empty() || unique.of(other) != unique.of(board)) continue;
        return entry.ErrorAt(unique.key,
                             fmt::format("{} '{}' is board {}'s already; give each board its own",
                                         unique.what, unique.of(board), other.id));
      }
    }
    config.boards.push_back(std::move(board));
  }
  return config;
}

}  // namespace tinyrig::agent
