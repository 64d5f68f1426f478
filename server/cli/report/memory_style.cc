#include "server/cli/report/memory_picture.h"

namespace tinyrig::cli {

// No CSS variables: not all programs that put an SVG on paper know them. Print is always light.
const char* const kMemoryStyle = R"css(
.mem { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.mem text { font-size: 11px; fill: #1d2125; }
.mem .head { font-size: 16px; font-weight: 600; }
.mem .note, .mem .tick { fill: #5a6169; }
.mem .note { font-size: 12px; }
.mem .paper { fill: #ffffff; }
.mem .grid { stroke: #e4e6e8; }
.mem .axis { stroke: #8a9096; }
.mem .band { fill: #f4f4f1; }
.mem .band.most { fill: #fdf0d5; }
.mem .strong { font-weight: 600; }
.mem .peak { stroke: #b3261e; stroke-width: 1.5; stroke-dasharray: 6 3; }
.mem text.peaktext { fill: #b3261e; font-weight: 600; }
.mem .other { stroke: #5a6169; stroke-width: 1.2; stroke-dasharray: 2 3; }
.mem .edge { stroke: #ffffff; stroke-width: 1; }
.mem .split { stroke: #1d2125; stroke-width: .6; stroke-dasharray: 3 2; }
.mem .k0 { fill: #a9cdf5; } .mem .k1 { fill: #a8dfc0; } .mem .k2 { fill: #b9d6d8; }
.mem .k3 { fill: #f7c79c; } .mem .k4 { fill: #d3bdf0; } .mem .k5 { fill: #f2b0c6; }
.mem .k6 { fill: #efdc8b; } .mem .k7 { fill: #b4bac0; } .mem .k8 { fill: #d3d7da; }
@media screen and (prefers-color-scheme: dark) {
  .mem text { fill: #eceef0; }
  .mem .note, .mem .tick { fill: #a3aab1; }
  .mem .paper { fill: #1b1f23; }
  .mem .grid { stroke: #2e3338; }
  .mem .axis { stroke: #7a8188; }
  .mem .band { fill: #22272c; }
  .mem .band.most { fill: #3a3120; }
  .mem .peak { stroke: #ff8a80; }
  .mem text.peaktext { fill: #ff8a80; }
  .mem .other { stroke: #a3aab1; }
  .mem .edge { stroke: #1b1f23; }
  .mem .split { stroke: #eceef0; }
  .mem .k0 { fill: #2f5f94; } .mem .k1 { fill: #2b6a4b; } .mem .k2 { fill: #35646a; }
  .mem .k3 { fill: #8c5223; } .mem .k4 { fill: #5e4490; } .mem .k5 { fill: #8a3b58; }
  .mem .k6 { fill: #71601f; } .mem .k7 { fill: #596068; } .mem .k8 { fill: #454b51; }
}
)css";

}  // namespace tinyrig::cli
