#pragma once

namespace tinyrig::server {

/// What libprotobuf would write to stderr (of text that is not UTF-8, for one) goes into the log:
/// at most a line a second, as whoever may connect may cause it. For the whole process.
void LogProtobuf();

}  // namespace tinyrig::server
