#pragma once

#include <cstdio>
#include <map>
#include <string>

#include "proto/tinyrig/v1/campaigns.pb.h"

/// How a running campaign looks on stderr.
namespace tinyrig::cli {

/// What is known of the campaign while it runs.
struct ProgressState {
  v1::JobCounts counts;
  std::map<std::string, std::string> boards;  ///< Board id -> "job 3 streaming 120/360".
};

/// Takes an event in. Gives a line worth keeping (a job ended, an attempt failed), else an empty
/// text.
std::string ApplyEvent(const v1::CampaignEvent& event, ProgressState& state);

/// "[#####-----] 3/6 · m4-1 streaming 120/360 · m4-2 flash", at most `width` columns.
std::string ProgressLine(const ProgressState& state, size_t width);

uint32_t EndedJobs(const v1::JobCounts& counts);
uint32_t AllJobs(const v1::JobCounts& counts);

/// Writes progress: on a terminal a line that is redrawn below those kept, else only the kept
/// lines.
class ProgressView {
 public:
  explicit ProgressView(std::FILE* out);
  ~ProgressView() { Clear(); }
  ProgressView(const ProgressView&) = delete;
  ProgressView& operator=(const ProgressView&) = delete;

  void Draw(const ProgressState& state);
  /// A line that stays.
  void Keep(const std::string& line);
  /// Takes the redrawn line away.
  void Clear();

 private:
  std::FILE* out_;
  bool terminal_;
  std::string drawn_;
};

/// Columns of the terminal behind `file`; 80 when unknown.
size_t TerminalWidth(std::FILE* file);
bool IsTerminal(std::FILE* file);

}  // namespace tinyrig::cli
