/** The gallery as HTML: no requests but for the figures, and Plotly, beside it. */
import { createHash } from "node:crypto";
import { figureBlock, figureData } from "./figures.ts";
import { GALLERY_SCRIPT } from "./script.ts";
import { GALLERY_STYLE } from "./style.ts";
import { html, Html, type HtmlContent } from "../../base/html.ts";
import type { Experiment, PlotlyJson, ResultRow } from "./results.ts";

export interface Table {
  readonly file: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface ShownExperiment {
  readonly experiment: Experiment;
  readonly tables: readonly Table[];
  /** The notebook's source, relative to the page. */
  readonly source?: string;
}

/** With the ids of its article and of its figures' data. */
interface PlacedExperiment extends ShownExperiment {
  readonly id: string;
  readonly plotIds: readonly string[];
}

const VERDICTS = ["match", "better", "worse", "differs", "no reference"] as const;
/** A longer table shows this many rows and says where the rest is. */
const MAX_TABLE_ROWS = 12;

/**
 * Only what lies beside the page is loaded; 'self' is not the folder of a page from file://. Of scripts in the page,
 * only our own runs: one that a file had smuggled in has another hash.
 */
const SCRIPT_HASH = createHash("sha256").update(GALLERY_SCRIPT).digest("base64");
const CONTENT_SECURITY_POLICY = `default-src 'none'; img-src 'self' file: data: blob:; style-src 'unsafe-inline'; script-src 'sha256-${SCRIPT_HASH}' 'self' file:`;

export interface GalleryPageOptions {
  /** The project's name. */
  readonly heading: string;
  /** The file by which figures become interactive; without it they are pictures. */
  readonly plotly?: string;
}

export function galleryPage(experiments: readonly ShownExperiment[], { heading, plotly }: GalleryPageOptions): string {
  const ids = new PageIds();
  const placed = experiments
    .map((item) => ({ ...item, id: ids.take(slug(item.experiment.name)) }))
    .map((item): PlacedExperiment => ({ ...item, plotIds: item.experiment.figures.map((_, i) => ids.take(`plot-${item.id}-${i}`)) })); // prettier-ignore
  const plots = new Map<string, PlotlyJson>();
  for (const { experiment, plotIds } of placed)
    for (const [i, { plot }] of experiment.figures.entries()) if (plot) plots.set(plotIds[i], plot);
  const papers = new Map<string, PlacedExperiment[]>();
  for (const item of placed) {
    const parts = item.experiment.name.split("/");
    const paper = parts.length > 1 ? parts[0] : "";
    papers.set(paper, [...(papers.get(paper) ?? []), item]);
  }
  // Notebooks of no paper come last.
  const sections = [...papers]
    .sort(([a], [b]) => Number(a === "") - Number(b === ""))
    .map(([paper, items]) => ({ paper, items, id: ids.take(`paper-${slug(paper || "other")}`) }));
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}" />
        <title>${heading}: figures</title>
        <style>
          ${new Html(GALLERY_STYLE)}
        </style>
      </head>
      <body ${plotly !== undefined && new Html(` data-plotly="${plotly}"`)}>
        <a class="skip" href="#main">To the results</a>
        <header>
          <h1>${heading}</h1>
          <p>
            Every figure and table below was written by a notebook; a comparison says how it stands beside its paper or
            another reference.
          </p>
          <nav aria-label="Papers">
            ${sections.map(({ paper, id }) => html`<a href="#${id}">${paperTitle(paper)}</a> `)}
          </nav>
        </header>
        <main id="main">
          ${experiments.length > 0 ? scoreboard(placed) : html`<p>No experiment has been run into this folder yet.</p>`}
          ${sections.map(
            ({ paper, items, id }) =>
              html`<section aria-labelledby="${id}">
                <h2 id="${id}">${paperTitle(paper)}</h2>
                ${items.map(article)}
              </section> `,
          )}
        </main>
        ${
          plotly !== undefined &&
          html`<dialog id="enlarged">
              <button type="button">Close</button>
              <div class="large" role="img"></div>
            </dialog>
            ${figureData(plots)} ${new Html(`<script>${GALLERY_SCRIPT}</script>`)}`
        }
      </body>
    </html> `.text;
}

function scoreboard(items: readonly PlacedExperiment[]): Html {
  const count = ({ experiment }: ShownExperiment, verdict: string) =>
    (experiment.result?.rows ?? []).filter((row) => row.verdict === verdict).length;
  const cell = (n: number, verdict: string) =>
    html`<td class="${n > 0 ? `count ${slug(verdict)}` : "count none"}">${n}</td>`;
  const total = (verdict: string) => items.reduce((sum, item) => sum + count(item, verdict), 0);
  return html`<section aria-labelledby="scoreboard">
    <h2 id="scoreboard">Scoreboard</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Scoreboard">
      <table>
        <thead>
          <tr>
            <th scope="col">Experiment</th>
            <th scope="col">Profile</th>
            ${VERDICTS.map((verdict) => html`<th scope="col" class="count">${verdict}</th>`)}
            <th scope="col">Last run</th>
          </tr>
        </thead>
        <tbody>
          ${items.map(
            (item) =>
              html`<tr>
                <th scope="row"><a href="#${item.id}">${item.experiment.name}</a></th>
                <td>${item.experiment.result?.profile ?? item.experiment.run?.profile ?? ""}</td>
                ${VERDICTS.map((verdict) => cell(count(item, verdict), verdict))}
                <td>${lastRun(item.experiment)}</td>
              </tr> `,
          )}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">All</th>
            <td></td>
            ${VERDICTS.map((verdict) => cell(total(verdict), verdict))}
            <td></td>
          </tr>
        </tfoot>
      </table>
    </div>
  </section> `;
}

function lastRun({ run, problem, result }: Experiment): Html {
  if (problem) return badge("unreadable result", "worse");
  const { points, finished } = result?.provenance ?? {};
  if (typeof points === "number" && typeof finished === "number")
    return finished === points ? html`${points} points` : html`${finished} of ${points} points`;
  if (!run) return html`not recorded`;
  return run.status === "ok" ? html`completed` : badge(run.status, "worse");
}

function article({ experiment, tables, source, id, plotIds }: PlacedExperiment): Html {
  const { name, title, result, run, problem, figures } = experiment;
  const failed = run && run.status !== "ok";
  return html`<article id="${id}">
    <h3>${title}</h3>
    <p class="where">${name}${result?.profile ? html` · profile <b>${result.profile}</b>` : ""}</p>
    ${failed && html`<p class="note">The last run ${run.status === "running" ? "did not finish" : run.status}${run.failure ? `: ${run.failure.cell ? `cell ${run.failure.cell}: ` : ""}${run.failure.message}` : ""}. What is shown may be older.</p>`}
    ${problem && html`<p class="note">${problem}</p>`}
    ${figures.length > 0 && html`<div class="figures">${figures.map((figure, i) => figureBlock(figure, plotIds[i], (file) => url(name, file)))}</div>`}
    ${result && result.rows.length > 0 && comparison(result.rows, result.reference ?? undefined)}
    ${tables.map((table) => tableBlock(name, table))}
    ${details("Parameters", asObject(result?.provenance.parameters) ?? run?.parameters)}
    ${details("Provenance", provenanceOf(experiment))}
    <p class="links">${links(experiment, source)}</p>
  </article> `;
}

function comparison(rows: readonly ResultRow[], reference?: string): Html {
  return html`<h4>Beside ${reference ?? "the paper"}</h4>
    <div class="scroll" tabindex="0" role="region" aria-label="Comparison with ${reference ?? "the paper"}">
      <table>
        <thead>
          <tr>
            <th scope="col">Quantity</th>
            <th scope="col" class="number">${reference ?? "Paper"}</th>
            <th scope="col" class="number">Ours</th>
            <th scope="col">Verdict</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                <th scope="row">${row.quantity}</th>
                <td class="number">${value(row.paper)}</td>
                <td class="number">${value(row.ours, row.standardError)}</td>
                <td>${badge(row.verdict, slug(row.verdict))}</td>
                <td class="why">${row.why ?? ""}</td>
              </tr> `,
          )}
        </tbody>
      </table>
    </div> `;
}

function tableBlock(name: string, { file, header, rows }: Table): Html {
  const isNumber = header.map((_, column) =>
    rows.every((row) => row[column] === "" || Number.isFinite(Number(row[column]))),
  );
  const cells = (row: readonly string[]) =>
    row.map((text, column) =>
      isNumber[column] ? html`<td class="number">${shortNumber(text)}</td>` : html`<td>${text}</td>`,
    );
  const hidden = rows.length - MAX_TABLE_ROWS;
  return html`<h4><a href="${url(name, file)}">${file}</a></h4>
    <div class="scroll" tabindex="0" role="region" aria-label="${file}">
      <table>
        <thead>
          <tr>
            ${header.map((text, column) => html`<th scope="col" ${isNumber[column] && new Html(' class="number"')}>${text}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, MAX_TABLE_ROWS).map(
            (row) =>
              html`<tr>
                ${cells(row)}
              </tr> `,
          )}
        </tbody>
      </table>
    </div>
    ${hidden > 0 && html`<p class="more">and ${hidden} more ${hidden > 1 ? "rows" : "row"} in <a href="${url(name, file)}">${file}</a></p>`} `;
}

function details(title: string, record: Readonly<Record<string, unknown>> | undefined): HtmlContent {
  const entries = Object.entries(record ?? {});
  if (entries.length === 0) return undefined;
  const text = (item: unknown) => (typeof item === "string" ? item : JSON.stringify(item));
  return html`<details>
    <summary>${title}</summary>
    <dl>
      ${entries.map(
        ([name, item]) =>
          html`<dt>${name}</dt>
            <dd>${text(item)}</dd> `,
      )}
    </dl>
  </details> `;
}

/** What the result tells, and of a notebook that wrote none its run. Parameters stand by themselves. */
function provenanceOf({ result, run }: Experiment): Record<string, unknown> {
  const { commit, dirty, lock, node, v8, cpu } = run ?? {};
  const told = result && Object.keys(result.provenance).length > 0 ? result.provenance : { commit, dirty, lock, node, v8, cpu }; // prettier-ignore
  const all = { ...told, parameters: undefined, seconds: run?.seconds.total };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function links({ name, notebook, tables, result, problem }: Experiment, source: string | undefined): HtmlContent {
  const all: [text: string, href: string][] = [
    ...(notebook ? [["notebook with outputs", url(name, notebook)] as [string, string]] : []),
    ...(source === undefined ? [] : [["notebook's source", url(source)] as [string, string]]),
    ...tables.map((file): [string, string] => [file, url(name, file)]),
    ...(result || problem ? [["result.json", url(name, "result.json")] as [string, string]] : []),
  ];
  return all.map(([text, href], i) => html`${i > 0 && " · "}<a href="${href}">${text}</a>`);
}

/** "kuck2020" as "Kuck 2020". */
function paperTitle(paper: string): string {
  if (paper === "") return "Other notebooks";
  const [, name, year] = /^([a-z]+)(\d{4})$/.exec(paper) ?? [];
  return name ? `${name[0].toUpperCase()}${name.slice(1)} ${year}` : paper;
}

function badge(text: string, kind: string): Html {
  return html`<span class="badge ${kind}">${text}</span>`;
}

/** A value as a reader wants it, rounded to what its standard error bears; the full one is the tooltip. */
function value(given: ResultRow["ours"], error?: ResultRow["standardError"]): HtmlContent {
  if (given === undefined || given === null) return "–";
  if (Array.isArray(given))
    return `${given.map((end) => (typeof end === "number" ? significant(end, 4) : end)).join(" to ")}`;
  if (typeof given !== "number") return given;
  if (typeof error !== "number" || error === 0) return html`<span title="${given}">${significant(given, 5)}</span>`;
  // Two digits of the standard error, and as many decimals of the value.
  const decimals = 1 - Math.floor(Math.log10(Math.abs(error)));
  const short = (x: number) => (decimals >= 0 && decimals <= 12 ? x.toFixed(decimals) : significant(x, 5));
  return html`<span title="${given} ± ${error}">${short(given)} ± ${short(error)}</span>`;
}

function significant(x: number, digits: number): string {
  return Number.isInteger(x) && Math.abs(x) < 1e9 ? String(x) : String(Number(x.toPrecision(digits)));
}

function shortNumber(text: string): string {
  return text.trim() === "" || text.length <= 9 ? text : significant(Number(text), 6);
}

function asObject(from: unknown): Record<string, unknown> | undefined {
  return typeof from === "object" && from !== null && !Array.isArray(from)
    ? (from as Record<string, unknown>)
    : undefined;
}

/** Lower case letters and digits; of names in other letters little or nothing is left, so `PageIds` numbers them. */
function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "unnamed"; // prettier-ignore
}

/**
 * Every id of the page is given out here, once: two names may be alike once they are made ids, and a name may be an id
 * of the page's own.
 */
class PageIds {
  readonly #taken = new Set(["main", "scoreboard", "enlarged", "plot-template"]);

  take(wanted: string): string {
    let id = wanted;
    for (let number = 2; this.#taken.has(id); number++) id = `${wanted}-${number}`;
    this.#taken.add(id);
    return id;
  }
}

function url(...parts: readonly string[]): string {
  return parts
    .flatMap((part) => part.split("/"))
    .map(encodeURIComponent)
    .join("/");
}
