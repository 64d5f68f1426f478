#pragma once

#include <cstddef>
#include <span>

#include "firmware/compiler/graph.h"
#include "proto/status/status.h"

namespace tinyrig::compiler {

/// Reads a TensorFlow Lite file (schema version 3, one subgraph) into a checked graph.
///
/// Nothing of the file is trusted: the flatbuffer is verified, then every index, shape product,
/// buffer length, scale and option is checked. Operators that the compiler does not know are kept,
/// with their name and without options, so that a model can be listed; lowering refuses them.
/// Memory:  the graph borrows constants from `file`.
/// Errors:  kInvalidArgument  not a .tflite file, truncated, or a number that makes no sense
///          kUnimplemented    several subgraphs, sparse tensors, or weights outside the flatbuffer
/// Messages name the operator or tensor and say what to try.
Result<Graph> ReadTflite(std::span<const std::byte> file);

/// TensorFlow Lite's name of a builtin operator, e.g. "CONV_2D"; "BUILTIN_<n>" for one unknown to
/// us.
std::string BuiltinName(int32_t builtin);

}  // namespace tinyrig::compiler
