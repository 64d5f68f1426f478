#include "proto/yaml/one_document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <sstream>

namespace tinyrig {
namespace {

/// Notes where a document starts and skips the rest.
class StartFinder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { line = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  int line = 1;
};

/// YAML::Load() reads the first document and ignores what follows; YAML::LoadAll() never returns
/// for some texts (a stray ']' is an empty document without end). So: the first document, and one
/// look behind it.
Status CheckOneDocument(const std::string& text, std::string_view file) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  StartFinder finder;
  if (!parser.HandleNextDocument(finder) || !parser.HandleNextDocument(finder)) return OkStatus();
  return {
      Code::kInvalidArgument,
      fmt::format(
          "{}:{}: the document has ended before this line; remove what follows, or check brackets, "
          "indentation and '---' above",
          file, finder.line)};
}

}  // namespace

Result<YAML::Node> LoadOneYamlDocument(std::string_view text, std::string_view file) {
  // yaml-cpp takes the end of the text for a missing closing quote when white space comes before
  // it.
  const std::string copy(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
  try {
    TRY(CheckOneDocument(copy, file));
    return YAML::Load(copy);
  } catch (const YAML::Exception& error) {
    const YAML::Mark& mark = error.mark;
    return Status(Code::kInvalidArgument,
                  fmt::format("{}:{}: not valid YAML: {} (column {}); check indentation and quotes",
                              file, mark.is_null() ? 1 : mark.line + 1, error.msg,
                              mark.is_null() ? 1 : mark.column + 1));
  }
}

}  // namespace tinyrig
