#pragma once

#include <string>

#include "proto/status/status.h"
#include "server/cli/report/memory_picture.h"

namespace tinyrig::cli {

/// Where `plan` draws to; empty: nowhere, "-": standard output.
struct PictureFiles {
  std::string svg;
  std::string html;

  bool any() const { return !svg.empty() || !html.empty(); }
  bool to_stdout() const { return svg == "-" || html == "-"; }
};

/// The file's name without its folders.
std::string ModelName(const std::string& path);

/// Writes the files asked for and says so on stderr. Errors: those of WriteFile().
Status WritePictures(const PictureFiles& files, const MemoryPicture& picture);

}  // namespace tinyrig::cli
