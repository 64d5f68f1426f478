#pragma once

namespace tinyrig::port {

/// Ends the process with a message when file descriptor 1 is no pseudo-terminal.
void InitLink();
/// Measures what an empty window costs.
void InitCounter();

}  // namespace tinyrig::port
