#include "server/cli/client/request.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <random>

namespace tinyrig::cli {

std::string UserName() {
  const passwd* entry = getpwuid(getuid());
  return entry == nullptr ? std::to_string(getuid()) : entry->pw_name;
}

std::string NewIdempotencyKey() {
  std::random_device random;
  std::string key;
  for (int i = 0; i < 4; ++i) key += fmt::format("{:08x}", random());
  return key;
}

}  // namespace tinyrig::cli
