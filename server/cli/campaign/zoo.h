#pragma once

#include <string>
#include <string_view>

#include "proto/status/status.h"

/// The zoo: models and vectors that come with the programs, in share/tinyrig/zoo.
namespace tinyrig::cli {

/// The file that a person named where `what` ("model") with this extension (".tflite") is wanted: a
/// path, which starts at `folder`, or the name of a file of the zoo, with or without its extension.
/// A file that is there outranks the zoo. Errors: those of CheckReadable(); for a bare word that is
/// neither kNotFound with the names that the zoo has.
Result<std::string> FindFileOrZoo(const std::string& folder, const std::string& given,
                                  std::string_view extension, std::string_view what);

/// A model by path or by its name in the zoo. Errors: those of FindFileOrZoo().
Result<std::string> FindModel(const std::string& given);

/// Whether `given` can only be the name of a model in the zoo: a bare word, with no such file.
bool IsZooName(const std::string& given);

}  // namespace tinyrig::cli
