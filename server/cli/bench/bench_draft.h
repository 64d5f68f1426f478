#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// A bench file in the making: what is known of each board, and what somebody still has to say.
namespace tinyrig::cli {

struct BoardDraft {
  std::string id;
  std::string type;          ///< "nucleo_f412zg"; empty: not known yet.
  std::string probe;         ///< What it is, for a comment: "ST-LINK/V2-1 at USB 1-2".
  std::string probe_serial;  ///< Empty: not known yet.
  std::string port;          ///< A path that names the same port after a restart; empty: unknown.
  uint32_t baud_hz = 0;      ///< 0: the agent's preset.
  /// Become comments: how something was found out, what was left out of an imported file.
  std::vector<std::string> notes;
};

struct BenchDraft {
  std::string name;
  std::string server;     ///< gRPC address
  std::string state_dir;  ///< Of the agent.
  std::vector<BoardDraft> boards;
};

/// What a board type needs in a bench file.
struct BoardKind {
  const char* type;
  const char* config;    ///< Below share/tinyrig/openocd.
  uint32_t uid_address;  ///< Of the MCU's unique id.
};

/// Null for a type that is not known.
const BoardKind* FindBoardKind(std::string_view type);
std::vector<std::string_view> BoardKindNames();

/// What is missing, in words; empty when the agent can use the board.
std::string MissingIn(const BoardDraft& board);

/// Turns anything into an id that a bench file takes and that is not among `taken`.
std::string MakeBoardId(std::string_view wish, const std::vector<BoardDraft>& taken);

/// The file. Boards with something missing are in it as comments, so that the agent takes the rest.
std::string RenderBench(const BenchDraft& bench);

}  // namespace tinyrig::cli
