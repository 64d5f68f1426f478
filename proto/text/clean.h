#pragma once

#include <google/protobuf/message.h>

namespace tinyrig {

/// Makes every string of the message, and of those within it, UTF-8 (ToUtf8). Protobuf writes other
/// text without complaint, and refuses to read it: a message that came from tools and boards must
/// be cleaned before it is kept or sent. Fields of type `bytes` stay as they are.
void CleanText(google::protobuf::Message* message);

}  // namespace tinyrig
