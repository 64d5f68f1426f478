#pragma once

#include <string>
#include <string_view>

#include "proto/tinyrig/v1/types.pb.h"

/// The words of the API's enums as the database, logs and SQL views spell them: lower case, without
/// the enum's prefix ("queued", "bench", "emulated"). UNSPECIFIED is the empty text.
namespace tinyrig::server {

std::string_view ToText(v1::JobState state);
std::string_view ToText(v1::FailureOwner owner);
std::string_view ToText(v1::Fidelity fidelity);
std::string_view ToText(v1::BoardHealth health);
std::string_view ToText(v1::Role role);

/// The reverse; a word that is unknown (a database of a later version) gives UNSPECIFIED.
v1::JobState JobStateFromText(std::string_view text);
v1::FailureOwner FailureOwnerFromText(std::string_view text);
v1::Fidelity FidelityFromText(std::string_view text);
v1::BoardHealth BoardHealthFromText(std::string_view text);
v1::Role RoleFromText(std::string_view text);

/// True for the states a job never leaves.
bool IsEnded(v1::JobState state);

/// "kernels=dsp,weights=int8,fusion=none,synthesis=none": equal text means equal variant.
std::string VariantText(const v1::Variant& variant);

}  // namespace tinyrig::server
