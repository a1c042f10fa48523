/** The gallery's style: system fonts, light and dark by the reader's choice, one column on a phone. */
export const GALLERY_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfaf7; --card: #ffffff; --ink: #1d2129; --soft: #565e6b; --line: #dcd9d1; --link: #1a5fb4;
  --good: #1b6b3a; --good-back: #e0f2e5; --bad: #9c2b1f; --bad-back: #fae3df;
  --mild: #6d5200; --mild-back: #f8edc9; --none: #565e6b; --none-back: #ecebe7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #16181c; --card: #1f2227; --ink: #e7e5e0; --soft: #a6adb8; --line: #3a3e46; --link: #8ab8ff;
    --good: #8fdcab; --good-back: #143421; --bad: #ffac9f; --bad-back: #43201b;
    --mild: #f0d37a; --mild-back: #3a3011; --none: #b3b9c4; --none-back: #2c3037;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem clamp(.8rem, 3vw, 2.5rem) 4rem; background: var(--page);
  color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1, h2, h3 { font-family: Georgia, "Times New Roman", serif; line-height: 1.2; }
h1 { margin: 0; font-size: 2.2rem; }
h2 { margin: 2.5rem 0 .8rem; font-size: 1.5rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
h3 { margin: 0; font-size: 1.25rem; }
h4 { margin: 1.6rem 0 .5rem; font-size: 1rem; }
header p, .where, .more { color: var(--soft); margin: .3rem 0 0; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, button:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 1.2rem 0;
  padding: clamp(.9rem, 2.5vw, 1.8rem); scroll-margin-top: 1rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1.2rem; margin-top: 1.2rem; }
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
.face { position: relative; overflow: hidden; max-width: 60rem; margin: 0 auto; background: #fff; border-radius: 6px; border: 1px solid var(--line); }
figure.wide .face { max-width: none; }
.plot { position: absolute; inset: 0; overflow: hidden; background: #fff; }
.plot > div { transform-origin: 0 0; }
.face.live img { visibility: hidden; }
@media print { .plot { display: none; } .face.live img { visibility: visible; } }
@media (prefers-color-scheme: dark) {
  .face:not(.coloured), dialog .large:not(.coloured) { filter: invert(.89) hue-rotate(180deg); }
  .face.coloured, dialog .coloured { filter: brightness(.9); }
}
button { font: inherit; font-size: .85rem; color: var(--ink); background: var(--none-back); border: 1px solid var(--soft); border-radius: 5px;
  padding: .1rem .6rem; cursor: pointer; }
dialog { width: 100vw; height: 100dvh; max-width: 100vw; max-height: 100dvh; border: 0; padding: 1rem; background: var(--card); color: var(--ink); overflow: auto; }
dialog > button { float: right; margin-bottom: .5rem; font-size: 1rem; }
dialog .large { clear: both; background: #fff; width: max-content; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .3rem .8rem; z-index: 9; }
nav { margin-top: .8rem; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
figure img { display: block; width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .9rem; margin-top: .4rem; display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { padding: .35rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 9rem; }
td.why { min-width: 13rem; }
.number, .count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.none { color: var(--soft); }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .85rem; white-space: nowrap;
  color: var(--none); background: var(--none-back); }
.badge.match, .badge.better { color: var(--good); background: var(--good-back); }
.badge.worse { color: var(--bad); background: var(--bad-back); }
.badge.differs { color: var(--mild); background: var(--mild-back); }
td.count.match, td.count.better { color: var(--good); font-weight: 600; }
td.count.worse { color: var(--bad); font-weight: 600; }
td.count.differs { color: var(--mild); font-weight: 600; }
.note { color: var(--bad); background: var(--bad-back); border-radius: 6px; padding: .5rem .8rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
details { margin-top: .9rem; }
summary { cursor: pointer; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: .6rem 0 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.links { margin: 1.2rem 0 0; font-size: .92rem; }
`;
