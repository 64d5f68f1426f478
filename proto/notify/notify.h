#pragma once

#include <string_view>

namespace tinyrig {

/// Tells the service manager that started this program how it is, in the words of sd_notify(3):
/// "READY=1", "STOPPING=1", "STATUS=for people", several on lines of their own.
/// Does nothing when there is no manager ($NOTIFY_SOCKET) or it does not listen.
void NotifyManager(std::string_view state);

}  // namespace tinyrig
