#include "firmware/compiler/passes/passes.h"

#include <iterator>

namespace tinyrig::compiler {
namespace {

constexpr std::vector<PassNote> (*kPasses[])(Graph&) = {FoldPad, FuseActivations};

}  // namespace

PassedGraph RunPasses(const Graph& graph) {
  PassedGraph passed;
  passed.graph.tensors = graph.tensors;
  passed.graph.ops = graph.ops;
  passed.graph.inputs = graph.inputs;
  passed.graph.outputs = graph.outputs;
  passed.graph.file_bytes = graph.file_bytes;
  passed.graph.file_crc32c = graph.file_crc32c;
  for (const auto pass : kPasses) {
    std::vector<PassNote> notes = pass(passed.graph);
    passed.notes.insert(passed.notes.end(), std::make_move_iterator(notes.begin()),
                        std::make_move_iterator(notes.end()));
  }
  return passed;
}

}  // namespace tinyrig::compiler
