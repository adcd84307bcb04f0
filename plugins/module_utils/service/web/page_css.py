# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the pages look: light and dark, a phone and a wall of a thousand nodes.  Text, not code."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #fafaf8; --card: #fff; --line: #d5d5ce; --text: #1b1b18; --quiet: #62625b; --link: #0b57a4;
  --up: #1f7a3d; --busy: #0b57a4; --wait: #7a5b00; --bad: #b3261e; --none: #8a8a82;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #161614; --card: #21211e; --line: #3b3b36; --text: #ececE6; --quiet: #a3a39a; --link: #8ab8ee;
    --up: #66c184; --busy: #78b0ee; --wait: #d9b64e; --bad: #f28b82; --none: #8a8a82;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; align-items: baseline; padding: .7rem 1rem;
  border-bottom: 1px solid var(--line); background: var(--card); }
h1 { font-size: 1.15rem; margin: 0; }
h2 { font-size: 1rem; margin: 1.3rem 0 .5rem; }
h2 small, .quiet { color: var(--quiet); font-weight: normal; }
nav a { margin-right: 1rem; }
nav a[aria-current] { color: inherit; font-weight: 600; text-decoration: none; }
a { color: var(--link); }
main { padding: .4rem 1rem 3rem; max-width: 110rem; margin: auto; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; border-radius: 3px; }
.bar { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .4rem; align-items: center;
  padding: .6rem 0; background: var(--ground); }
.bar button, .bar input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 1rem; padding: .15rem .8rem; min-height: 2rem; }
.bar button { cursor: pointer; }
.bar button[aria-pressed=true] { border-color: currentColor; box-shadow: inset 0 0 0 1px currentColor; }
.bar input { flex: 1 1 9rem; max-width: 20rem; }
.bar output { margin-left: auto; color: var(--quiet); }
.bar output.lost { color: var(--bad); font-weight: 600; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .35rem; padding: 0;
  margin: 0; list-style: none; }
.node { display: block; height: 100%; padding: .25rem .5rem .35rem; background: var(--card); color: inherit;
  border: 1px solid var(--line); border-left: .3rem solid var(--none); border-radius: .3rem; text-decoration: none;
  content-visibility: auto; contain-intrinsic-size: auto 3.1rem; }
.node b, .node span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.node b { font-weight: 600; }
.node span { font-size: .8rem; color: var(--quiet); min-height: 1.1rem; }
.many { grid-template-columns: repeat(auto-fill, minmax(7.6rem, 1fr)); gap: .2rem; }
.many .node { padding: .05rem .35rem .15rem; font-size: .85rem; contain-intrinsic-size: auto 1.5rem; }
.many .node span { min-height: 0; font-size: .75rem; }
.many .node.up span { display: none; }
.node progress, .about progress { display: block; width: 100%; height: .35rem; margin-top: .15rem; appearance: none;
  border: 0; border-radius: .2rem; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); border-radius: .2rem; }
progress::-webkit-progress-value { background: var(--busy); border-radius: .2rem; }
progress::-moz-progress-bar { background: var(--busy); border-radius: .2rem; }
.up { border-left-color: var(--up); }
.installing, .booted { border-left-color: var(--busy); }
.ordered, .installed { border-left-color: var(--wait); }
.failed { border-left-color: var(--bad); }
.failed span, td.bad, .bad { color: var(--bad); }
.expired, .cancelled { border-left-color: var(--none); border-left-style: dashed; }
[hidden] { display: none !important; }
.trouble { border: 1px solid var(--bad); border-radius: .3rem; padding: .1rem .8rem .6rem; margin: .6rem 0;
  background: var(--card); }
.trouble ul { margin: 0; padding-left: 1.2rem; max-height: 14rem; overflow: auto; }
.trouble h2 { margin-top: .4rem; }
.trouble a { white-space: nowrap; }
.trouble li { margin: .15rem 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); }
td:not(:last-child) { white-space: nowrap; }
td:last-child { min-width: 8rem; }
th { color: var(--quiet); font-weight: 600; }
pre, code, .lines { font: .85rem/1.5 ui-monospace, monospace; }
.log { background: var(--card); border: 1px solid var(--line); border-radius: .3rem; padding: .6rem; overflow: auto;
  max-height: 18rem; margin: .3rem 0 .8rem; display: flex; flex-direction: column-reverse; /* its end is seen first */ }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.lines td { border: 0; padding: 0 1rem 0 0; white-space: pre; }
.lines td:first-child { color: var(--quiet); user-select: none; text-align: right; }
.lines td:last-child { color: var(--quiet); }
dl.about { display: flex; flex-wrap: wrap; gap: .3rem 2rem; margin: .7rem 0; }
dl.about dt { color: var(--quiet); font-size: .85rem; }
dl.about dd { margin: 0; overflow-wrap: anywhere; }
details { margin: .4rem 0; }
summary { cursor: pointer; }
.picture { overflow: auto; background: #fff; border: 1px solid var(--line); border-radius: .3rem; }
.picture svg { max-width: none; }
@media (max-width: 40rem) {
  main { padding: .2rem .6rem 3rem; }
  .grid { grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); }
  .bar button { min-height: 2.4rem; }
}
@media (prefers-reduced-motion: no-preference) { progress::-webkit-progress-value { transition: width .6s; } }
"""
