#pragma once

#include <string>

#include "proto/status/status.h"

namespace tinyrig {

/// The text of a PEM file: a key, a certificate or several. `what` names it in errors ("the key of
/// --tls-key"). Errors: kInvalidArgument when it cannot be read, is larger than 1 MiB or holds no
/// PEM block.
Result<std::string> ReadPem(const std::string& path, const std::string& what);

}  // namespace tinyrig
