#include "server/planning/expected.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "firmware/compiler/reference_run.h"
#include "proto/device/crc32c.h"

namespace tinyrig::server {

using nlohmann::json;

Result<Expected> ComputeExpected(std::span<const std::byte> reference_blob,
                                 const vectors::VectorSet& set) {
  TRY_ASSIGN(compiler::ReferenceRunner runner, compiler::ReferenceRunner::Make(reference_blob));
  if (runner.input_bytes() != set.vector_bytes) {
    return Status(
        Code::kInvalidArgument,
        fmt::format(
            "a vector has {} B, the model's input takes {} B; use vectors made for this model",
            set.vector_bytes, runner.input_bytes()));
  }
  Expected expected;
  expected.vector_count = static_cast<uint32_t>(set.count);
  expected.vector_set_crc32c = set.Crc32c();
  expected.labels = set.labels;
  expected.names = set.names;
  for (size_t i = 0; i < set.count; ++i) {
    const auto input = set.input(i);
    TRY_ASSIGN(const compiler::ReferenceOutput output, runner.Run(std::as_bytes(input)));
    expected.output_bytes = static_cast<uint32_t>(output.bytes.size());
    expected.input_crc32c.push_back(device::Crc32c(input.data(), input.size()));
    expected.outputs.insert(expected.outputs.end(), output.bytes.begin(), output.bytes.end());
  }
  for (const int64_t label : set.labels) {
    if (label < expected.output_bytes) continue;
    return Status(Code::kInvalidArgument,
                  fmt::format("a vector has label {}, but the model's output is {} B; labels are "
                              "indices of its classes, counted from 0",
                              label, expected.output_bytes));
  }
  return expected;
}

std::vector<std::byte> EncodeExpected(const Expected& expected) {
  const auto* outputs = reinterpret_cast<const uint8_t*>(expected.outputs.data());
  const json root = {{"format", 1},
                     {"vector_count", expected.vector_count},
                     {"output_bytes", expected.output_bytes},
                     {"vector_set_crc32c", expected.vector_set_crc32c},
                     {"input_crc32c", expected.input_crc32c},
                     {"labels", expected.labels},
                     {"names", expected.names},
                     {"outputs", json::binary({outputs, outputs + expected.outputs.size()})}};
  const std::vector<uint8_t> cbor = json::to_cbor(root);
  const auto bytes = std::as_bytes(std::span(cbor));
  return {bytes.begin(), bytes.end()};
}

Result<Expected> DecodeExpected(std::span<const std::byte> bytes) {
  try {
    const auto* first = reinterpret_cast<const uint8_t*>(bytes.data());
    const json root = json::from_cbor(first, first + bytes.size());
    Expected expected;
    root.at("vector_count").get_to(expected.vector_count);
    root.at("output_bytes").get_to(expected.output_bytes);
    root.at("vector_set_crc32c").get_to(expected.vector_set_crc32c);
    root.at("input_crc32c").get_to(expected.input_crc32c);
    root.at("labels").get_to(expected.labels);
    root.at("names").get_to(expected.names);
    const auto outputs = std::as_bytes(std::span(root.at("outputs").get_binary()));
    expected.outputs.assign(outputs.begin(), outputs.end());
    if (expected.input_crc32c.size() == expected.vector_count &&
        expected.outputs.size() == size_t{expected.vector_count} * expected.output_bytes) {
      return expected;
    }
  } catch (const json::exception&) {
  }
  return Status(Code::kDataLoss,
                "stored reference outputs cannot be read; submit the campaign again");
}

}  // namespace tinyrig::server
