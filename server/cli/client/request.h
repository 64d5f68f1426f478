#pragma once

#include <string>

/// What requests say of their sender.
namespace tinyrig::cli {

/// The login name of who runs this program; the number when it has no name.
std::string UserName();

/// A key that no other request has: the same request sent twice is carried out once.
std::string NewIdempotencyKey();

}  // namespace tinyrig::cli
