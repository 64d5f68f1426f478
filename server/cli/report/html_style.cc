#include "server/cli/report/html.h"

namespace tinyrig::cli {

const char* const kReportStyle = R"css(
:root {
  color-scheme: light dark;
  --bg: #fbfbf9; --card: #ffffff; --fg: #1d2125; --muted: #636a72; --line: #dfe1e3; --grid: #ececea;
  --s0: #1668c4; --s1: #c2500c; --s2: #11804f; --s3: #8a3fc0; --s4: #b3862a; --s5: #c03a6b;
  --good: #11733f; --bad: #b3261e; --warn: #8a5a00; --off: #a3a8ad; --accent: #1668c4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14171a; --card: #1b1f23; --fg: #e6e8ea; --muted: #9aa1a8; --line: #31363b; --grid: #262b2f;
    --s0: #6cb0ff; --s1: #ff9a5c; --s2: #58cf95; --s3: #cc97f5; --s4: #e3bd66; --s5: #ff86b0;
    --good: #58cf95; --bad: #ff8a80; --warn: #e8b85c; --off: #6a7178; --accent: #6cb0ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
.muted, .when { color: var(--muted); }
.when { margin: 0; }
.small { font-size: .86rem; }
.chips { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; list-style: none; }
.chips li { padding: .15rem .7rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card);
  font-size: .9rem; }
.chips b { font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.note { border-left: 3px solid var(--accent); padding: .1rem 0 .1rem .9rem; margin: 1rem 0; }
figure { margin: .6rem 0 0; padding: 1rem 1rem .8rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; }
figcaption { color: var(--muted); font-size: .86rem; max-width: 46rem; margin-top: .5rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: 0 0 .6rem; padding: 0;
  font-size: .9rem; }
.legend li { display: flex; align-items: center; gap: .3rem; }
.plot { display: block; width: 100%; height: auto; }
.narrow { display: none; max-width: 27rem; }
.plot text { font-size: 12px; fill: var(--muted); }
.plot .title { fill: var(--fg); }
.plot .label { fill: var(--fg); paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
.plot .label.off { fill: var(--muted); }
.plot .grid { stroke: var(--grid); }
.plot .axis { stroke: var(--off); }
.plot .leader { stroke: var(--muted); stroke-width: 1; }
.plot .front { stroke: var(--fg); stroke-width: 1.5; stroke-dasharray: 4 3; stroke-linecap: round; opacity: .65; }
.s0 { --s: var(--s0); } .s1 { --s: var(--s1); } .s2 { --s: var(--s2); }
.s3 { --s: var(--s3); } .s4 { --s: var(--s4); } .s5 { --s: var(--s5); }
.on { fill: var(--s); stroke: var(--card); stroke-width: 1; }
.off { fill: none; }
.plot .bar { fill: var(--s0); }
circle.off, rect.off, path.off { fill: var(--card); stroke: var(--off); stroke-width: 1.5; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; }
th, td { padding: .4rem .65rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th { color: var(--muted); font-weight: 600; font-size: .82rem; vertical-align: bottom; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.front td { background: color-mix(in srgb, var(--accent) 8%, transparent); }
.star { color: var(--accent); }
.failure { border: 1px solid var(--line); border-left: 3px solid var(--bad); background: var(--card);
  border-radius: .3rem; padding: .7rem 1rem; margin: .7rem 0; }
.failure.infeasible { border-left-color: var(--warn); }
.failure h3 { margin: 0 0 .3rem; }
.failure p { max-width: none; overflow-wrap: anywhere; }
pre { margin: .5rem 0 0; padding: .6rem .8rem; background: var(--bg); border-radius: .3rem; overflow-x: auto;
  font-size: .82rem; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-family: ui-monospace, "SFMono-Regular", Menlo, "DejaVu Sans Mono", monospace; font-size: .82em;
  overflow-wrap: anywhere; }
td:first-child code { white-space: nowrap; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--accent); }
footer { margin-top: 3rem; color: var(--muted); font-size: .85rem; }
@media (max-width: 44rem) {
  main { padding: 1rem .8rem 2rem; }
  .wide { display: none; }
  .narrow { display: block; }
  figure { padding: .7rem .5rem; }
  table.cards, table.cards tbody, table.cards tr, table.cards td { display: block; width: 100%; }
  table.cards { border: 0; background: none; }
  table.cards thead { display: none; }
  table.cards tr { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: 0 0 .6rem;
    padding: .3rem 0; }
  table.cards td { border: 0; padding: .12rem .8rem; display: flex; justify-content: space-between; gap: 1rem;
    text-align: right; white-space: normal; overflow-wrap: anywhere; }
  table.cards td::before { content: attr(data-name); color: var(--muted); text-align: left; flex: none; }
  table.cards td:empty { display: none; }
  tr.front td { background: none; }
  tr.front { border-color: var(--accent) !important; }
}
@media print { body { background: #fff; } figure, table, .failure { break-inside: avoid; } }
)css";

}  // namespace tinyrig::cli
