#pragma once

#include <optional>
#include <string>

#include "agent/session/board.h"
#include "agent/session/failure.h"
#include "agent/session/frame_link.h"
#include "proto/device/messages.h"
#include "proto/tinyrig/v1/agent.pb.h"

namespace tinyrig::agent {

/// What HELLO must say, from what the agent flashed. None of it is sent to the board.
struct ExpectedIdentity {
  std::string port;
  std::string kernels;
  std::string build_id;  ///< Hex.
  uint32_t code_crc32c = 0;
  uint32_t code_size = 0;
  uint32_t blob_crc32c = 0;
  uint32_t blob_size = 0;
  uint32_t mailbox_word = 0;
  std::string mcu_uid;  ///< Hex, read through the probe just now.
};

/// Asks until the board answers or the deadline passes. Old frames are skipped (token).
/// Errors: kDeadlineExceeded: silence. kUnavailable: the link is gone.
Awaitable<Result<device::Hello>> AskHello(FrameLink& link, Deadline deadline);

/// The far end of the link is the board that the probe flashed, and runs that image. Pure.
/// `board` is the one under test; the others are searched for whose id or mailbox word came back.
/// The failure is the bench's and has expected and found values as evidence.
StepResult<Done> CheckHello(const device::Hello& hello, const ExpectedIdentity& expected,
                            const Board& board, const Boards& boards);

/// After silence: does the board answer on the link of another, idle board? Names both.
/// Marks a link's board busy while it asks there.
Awaitable<v1::Failure> ExplainSilence(uint32_t mailbox_word, const Board& board,
                                      const Boards& boards);

/// What HELLO said, for the record.
v1::Identity ToIdentity(const device::Hello& hello);

}  // namespace tinyrig::agent
