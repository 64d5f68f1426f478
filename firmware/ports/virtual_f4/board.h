#pragma once

namespace tinyrig::port {

/// Starts and calibrates the counter.
void InitCounter();

}  // namespace tinyrig::port
