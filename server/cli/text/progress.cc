#include "server/cli/text/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "server/cli/text/table.h"

namespace tinyrig::cli {
namespace {

constexpr uint32_t kBarCells = 20;

std::string_view EndedWord(v1::JobState state) {
  switch (state) {
    case v1::JOB_STATE_SUCCEEDED:
      return "succeeded";
    case v1::JOB_STATE_FAILED:
      return "failed";
    case v1::JOB_STATE_INFEASIBLE:
      return "is infeasible";
    case v1::JOB_STATE_CANCELLED:
      return "was cancelled";
    default:
      return "";
  }
}

}  // namespace

uint32_t EndedJobs(const v1::JobCounts& c) {
  return c.succeeded() + c.failed() + c.infeasible() + c.cancelled();
}

uint32_t AllJobs(const v1::JobCounts& c) { return EndedJobs(c) + c.queued() + c.leased(); }

std::string ApplyEvent(const v1::CampaignEvent& event, ProgressState& state) {
  if (event.has_counts()) state.counts = event.counts();
  const std::string detail = Printable(event.detail());
  const bool running = event.state() == v1::JOB_STATE_LEASED;
  if (!event.board_id().empty()) {
    if (running) {
      state.boards[event.board_id()] = fmt::format("job {} {}", event.job_id(), detail);
    } else {
      state.boards.erase(event.board_id());
    }
  }
  if (event.job_id() == 0) return detail;  // A note on the campaign.
  if (running) return "";
  const std::string_view word = EndedWord(event.state());
  const std::string where = event.board_id().empty() ? "" : " on " + Printable(event.board_id());
  const std::string why = detail.empty() ? "" : ": " + detail;
  if (!word.empty()) {
    return fmt::format("job {} {}{} ({}/{}){}", event.job_id(), word, where,
                       EndedJobs(state.counts), AllJobs(state.counts),
                       event.state() == v1::JOB_STATE_SUCCEEDED ? "" : why);
  }
  // Back in the queue after an attempt: worth knowing.
  if (event.state() == v1::JOB_STATE_QUEUED && event.attempt() > 0) {
    return fmt::format("job {} goes back to the queue{}{}", event.job_id(), where, why);
  }
  return "";
}

std::string ProgressLine(const ProgressState& state, size_t width) {
  const uint32_t ended = EndedJobs(state.counts);
  const uint32_t all = AllJobs(state.counts);
  const uint32_t full = all == 0 ? 0 : kBarCells * ended / all;
  std::string line = fmt::format("[{}{}] {}/{}", std::string(full, '#'),
                                 std::string(kBarCells - full, '-'), ended, all);
  for (const auto& [board, doing] : state.boards) {
    line += fmt::format(" · {} {}", Printable(board), doing);
  }
  return Shorten(line, width);
}

ProgressView::ProgressView(std::FILE* out) : out_(out), terminal_(IsTerminal(out)) {}

void ProgressView::Draw(const ProgressState& state) {
  if (!terminal_) return;
  const std::string line = ProgressLine(state, TerminalWidth(out_) - 1);
  if (line == drawn_) return;
  fmt::print(out_, "\r\x1b[K{}", line);
  std::fflush(out_);
  drawn_ = line;
}

void ProgressView::Keep(const std::string& line) {
  Clear();
  fmt::print(out_, "{}\n", line);
  std::fflush(out_);
}

void ProgressView::Clear() {
  if (drawn_.empty()) return;
  fmt::print(out_, "\r\x1b[K");
  std::fflush(out_);
  drawn_.clear();
}

size_t TerminalWidth(std::FILE* file) {
  winsize size{};
  const bool known = ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20;
  return known ? size.ws_col : 80;
}

bool IsTerminal(std::FILE* file) { return isatty(fileno(file)) == 1; }

}  // namespace tinyrig::cli
