#pragma once

namespace tinyrig::port {

/// Turns on both caches of a Cortex-M7 (Arm DDI 0403, B2.2; PM0253, 4.8).
void EnableCaches();

/// Writes to memory what only the data cache has.
void CleanDataCache();

}  // namespace tinyrig::port
