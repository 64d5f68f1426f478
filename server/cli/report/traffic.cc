#include "server/cli/report/traffic.h"

#include <fmt/format.h>

#include "server/cli/text/bytes.h"

namespace tinyrig::cli {
namespace {

std::string Bytes(uint64_t bytes) { return FormatBytesShort(static_cast<double>(bytes)); }

std::string Count(uint64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

std::string FlashText(const v1::Attempt& attempt) {
  if (!attempt.has_flash()) return "";
  const v1::FlashStats& flash = attempt.flash();
  std::string text =
      fmt::format("flash: {} in {} written, {} in {} kept", Bytes(flash.bytes_written()),
                  Count(flash.sectors_written(), "sector", "sectors"), Bytes(flash.bytes_saved()),
                  flash.sectors_saved());
  if (flash.max_erasures() > 0) {
    text += fmt::format("; {} of the most worn one",
                        Count(flash.max_erasures(), "erasure", "erasures"));
  }
  if (flash.record_was_wrong()) {
    text += "; it did not hold what was written last, so all was written again";
  }
  return text;
}

std::string LinkText(const v1::Attempt& attempt) {
  if (!attempt.has_link()) return "";
  const v1::LinkStats& link = attempt.link();
  std::string text = "link: ";
  if (link.sending_us() > 0) {
    const double seconds = static_cast<double>(link.sending_us()) / 1e6;
    text += fmt::format("{} of vectors in {:.2f} s ({}/s); ", Bytes(link.vector_bytes()), seconds,
                        FormatBytesShort(static_cast<double>(link.vector_bytes()) / seconds));
  }
  text += fmt::format("{} to the board, {} back", Bytes(link.bytes_out()), Bytes(link.bytes_in()));
  if (link.frames_bad() + link.retransmits() > 0) {
    text += fmt::format("; {}, {} sent again",
                        Count(link.frames_bad(), "damaged frame", "damaged frames"),
                        link.retransmits());
  }
  return text;
}

}  // namespace tinyrig::cli
