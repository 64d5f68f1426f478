#include "server/model/names.h"

#include <array>

namespace tinyrig::server {
namespace {

constexpr std::array<std::string_view, 7> kJobStates = {
    "", "queued", "leased", "succeeded", "failed", "infeasible", "cancelled"};
constexpr std::array<std::string_view, 5> kOwners = {"", "infeasible", "variant", "bench",
                                                     "service"};
constexpr std::array<std::string_view, 4> kFidelities = {"", "hardware", "emulated", "native"};
constexpr std::array<std::string_view, 4> kHealths = {"", "good", "suspect", "quarantined"};
constexpr std::array<std::string_view, 6> kRoles = {"",         "viewer", "submitter",
                                                    "operator", "admin",  "agent"};

template <typename Enum, size_t N>
std::string_view Word(const std::array<std::string_view, N>& words, Enum value) {
  const auto index = static_cast<size_t>(value);
  return index < N ? words[index] : words[0];
}

template <typename Enum, size_t N>
Enum Value(const std::array<std::string_view, N>& words, std::string_view text) {
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == text) return static_cast<Enum>(i);
  }
  return static_cast<Enum>(0);
}

}  // namespace

std::string_view ToText(v1::JobState state) { return Word(kJobStates, state); }
std::string_view ToText(v1::FailureOwner owner) { return Word(kOwners, owner); }
std::string_view ToText(v1::Fidelity fidelity) { return Word(kFidelities, fidelity); }
std::string_view ToText(v1::BoardHealth health) { return Word(kHealths, health); }
std::string_view ToText(v1::Role role) { return Word(kRoles, role); }

v1::JobState JobStateFromText(std::string_view text) {
  return Value<v1::JobState>(kJobStates, text);
}
v1::FailureOwner FailureOwnerFromText(std::string_view text) {
  return Value<v1::FailureOwner>(kOwners, text);
}
v1::Fidelity FidelityFromText(std::string_view text) {
  return Value<v1::Fidelity>(kFidelities, text);
}
v1::BoardHealth BoardHealthFromText(std::string_view text) {
  return Value<v1::BoardHealth>(kHealths, text);
}
v1::Role RoleFromText(std::string_view text) { return Value<v1::Role>(kRoles, text); }

bool IsEnded(v1::JobState state) {
  return state != v1::JOB_STATE_UNSPECIFIED && state != v1::JOB_STATE_QUEUED &&
         state != v1::JOB_STATE_LEASED;
}

std::string VariantText(const v1::Variant& variant) {
  return "kernels=" + variant.kernels() + ",weights=" + variant.weights() +
         ",fusion=" + variant.fusion() + ",synthesis=" + variant.synthesis();
}

}  // namespace tinyrig::server
