#pragma once

#include <span>

namespace tinyrig::server {

/// The files of `migrations/` in order: text n brings a database from version n to n + 1. A file
/// that was released is never edited.
std::span<const char* const> Migrations();

}  // namespace tinyrig::server
