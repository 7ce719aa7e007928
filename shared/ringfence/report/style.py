"""The look that all pages share: light and dark, no scripts, nothing loaded."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --paper: #fbfaf7; --card: #fff; --line: #e2dfd8; --act: #0b7a4b; --ask: #9a5b00;
  --quiet: #68737f; --mark: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a5afba; --paper: #14181d; --card: #1c2229; --line: #303842; --act: #5fd39b;
  --ask: #f0b35a; --quiet: #93a0ad; --mark: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 66rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .8rem; }
.lead { color: var(--soft); max-width: 46rem; margin: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1.75rem 0 0; padding: 0; list-style: none; }
.figures li { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
.figures b { display: block; font-size: 1.7rem; line-height: 1.1; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: .9rem; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.wide { overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .6rem .8rem; border-top: 1px solid var(--line); }
th { border-top: 0; color: var(--soft); font-weight: 600; font-size: .85rem; } td.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
.tag { white-space: nowrap; font-weight: 600; } .acted, .done { color: var(--act); } .asked, .pending { color: var(--ask); }
.quiet, .ignored { color: var(--quiet); } .finding, .failed { color: var(--mark); }
.job { background: var(--card); border: 1px solid var(--line); border-left: .3rem solid var(--act); border-radius: .6rem; padding: 1rem 1.2rem; margin: 0 0 1rem; }
.job h3 { margin: 0; font-size: 1.05rem; } .job p { margin: .25rem 0 .6rem; color: var(--soft); }
ol { margin: 0; padding-left: 1.3rem; } code { font: .88em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
"""
