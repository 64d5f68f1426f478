#include "server/cli/report/traffic.h"

#include <gtest/gtest.h>

namespace tinyrig::cli {
namespace {

TEST(Traffic, SaysWhatWasWrittenAndKept) {
  v1::Attempt attempt;
  EXPECT_EQ(FlashText(attempt), "");
  v1::FlashStats& flash = *attempt.mutable_flash();
  flash.set_bytes_written(4096);
  flash.set_sectors_written(1);
  flash.set_bytes_saved(61440);
  flash.set_sectors_saved(15);
  EXPECT_EQ(FlashText(attempt), "flash: 4.1 kB in 1 sector written, 61.4 kB in 15 kept");
  flash.set_max_erasures(7);
  flash.set_record_was_wrong(true);
  EXPECT_EQ(FlashText(attempt),
            "flash: 4.1 kB in 1 sector written, 61.4 kB in 15 kept; 7 erasures of the most worn "
            "one; it did not hold what was written last, so all was written again");
}

TEST(Traffic, SaysHowFastVectorsWentAndWhatWasLost) {
  v1::Attempt attempt;
  EXPECT_EQ(LinkText(attempt), "");
  v1::LinkStats& link = *attempt.mutable_link();
  link.set_bytes_out(143100);
  link.set_bytes_in(5200);
  // An attempt that ended before the first vector.
  EXPECT_EQ(LinkText(attempt), "link: 143.1 kB to the board, 5.2 kB back");
  link.set_vector_bytes(138240);
  link.set_sending_us(250000);
  EXPECT_EQ(LinkText(attempt),
            "link: 138.2 kB of vectors in 0.25 s (553.0 kB/s); 143.1 kB to the board, 5.2 kB back");
  link.set_frames_bad(1);
  link.set_retransmits(2);
  EXPECT_EQ(LinkText(attempt),
            "link: 138.2 kB of vectors in 0.25 s (553.0 kB/s); 143.1 kB to the board, 5.2 kB back; "
            "1 damaged frame, 2 sent again");
}

}  // namespace
}  // namespace tinyrig::cli
