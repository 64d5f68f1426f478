#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/device/messages.h"

namespace tinyrig::device {

/// The blob on the board as far as its header is plausible (magic, and a size that fits the blob
/// region), else nothing. The runtime checks it; here it is only bounded.
std::span<const std::byte> FindBlob();

/// Who and what this board is, told from its own memory: both CRCs are computed now, over what is
/// there now, and nothing in it was sent by the host but `token`.
Hello MakeHello(uint32_t token);

}  // namespace tinyrig::device
