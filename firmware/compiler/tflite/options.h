#pragma once

#include <flatbuffers/flatbuffers.h>

#include "firmware/compiler/graph.h"
#include "firmware/compiler/tflite/schema_generated.h"

namespace tinyrig::compiler {

/// Reads the options table of one operator into `op.options`; leaves monostate for operators
/// without options and for operators unknown to us. Errors: kInvalidArgument when the table is
/// missing, of another operator, broken or out of range.
Status ReadOptions(const fbs::Operator& source, flatbuffers::Verifier& verifier, Op& op);

}  // namespace tinyrig::compiler
