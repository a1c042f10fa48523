/** The gallery as HTML: self-contained, no scripts, no requests but for the figures beside it. */
import { galleryStyle } from "./gallery-style.ts";
import { html, Html, type HtmlContent } from "./html.ts";
import type { Experiment, FigureFiles, ResultRow } from "./results.ts";

export interface Table {
  readonly file: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface ExperimentWithTables {
  readonly experiment: Experiment;
  readonly tables: readonly Table[];
}

const VERDICTS = ["match", "better", "worse", "differs", "no reference"] as const;
/** A longer table shows this many rows and says where the rest is. */
const SHOWN_ROWS = 12;

export function galleryPage(experiments: readonly ExperimentWithTables[]): string {
  const papers = new Map<string, ExperimentWithTables[]>();
  for (const item of experiments) {
    const parts = item.experiment.name.split("/");
    const paper = parts.length > 1 ? parts[0] : "";
    papers.set(paper, [...(papers.get(paper) ?? []), item]);
  }
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Marginalia: figures</title>
        <style>
          ${new Html(galleryStyle)}
        </style>
      </head>
      <body>
        <header>
          <h1>Marginalia</h1>
          <p>
            Every figure and table below was written by a notebook; the comparison says how it stands beside the paper.
          </p>
        </header>
        <main>
          ${experiments.length > 0 ? scoreboard(experiments) : html`<p>No experiment has been run into this folder yet.</p>`}
          ${[...papers].map(
            ([paper, items]) =>
              html`<section aria-labelledby="paper-${slug(paper)}">
                <h2 id="paper-${slug(paper)}">${paper || "Other notebooks"}</h2>
                ${items.map(article)}
              </section> `,
          )}
        </main>
      </body>
    </html> `.text;
}

function scoreboard(items: readonly ExperimentWithTables[]): Html {
  const count = ({ experiment }: ExperimentWithTables, verdict: string) =>
    (experiment.result?.rows ?? []).filter((row) => row.verdict === verdict).length;
  const cell = (n: number, verdict: string) =>
    html`<td class="${n > 0 ? `count ${slug(verdict)}` : "count none"}">${n}</td>`;
  const total = (verdict: string) => items.reduce((sum, item) => sum + count(item, verdict), 0);
  return html`<section aria-labelledby="scoreboard">
    <h2 id="scoreboard">Scoreboard</h2>
    <div class="scroll">
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
                <th scope="row"><a href="#${slug(item.experiment.name)}">${item.experiment.name}</a></th>
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

function lastRun({ run, problem }: Experiment): Html {
  if (problem) return badge("unreadable result", "worse");
  if (!run) return html`not recorded`;
  return run.status === "ok" ? html`completed` : badge(run.status, "worse");
}

function article({ experiment, tables }: ExperimentWithTables): Html {
  const { name, title, result, run, problem, figures } = experiment;
  const failed = run && run.status !== "ok";
  return html`<article id="${slug(name)}">
    <h3>${title}</h3>
    <p class="where">${name}${result?.profile ? html` · profile <b>${result.profile}</b>` : ""}</p>
    ${failed && html`<p class="note">The last run ${run.status === "running" ? "did not finish" : run.status}${run.failure ? `: ${run.failure.cell ? `cell ${run.failure.cell}: ` : ""}${run.failure.message}` : ""}. What is shown may be older.</p>`}
    ${problem && html`<p class="note">${problem}</p>`}
    ${figures.length > 0 && html`<div class="figures">${figures.map((figure) => figureBlock(name, figure))}</div>`}
    ${result && result.rows.length > 0 && comparison(result.rows)} ${tables.map((table) => tableBlock(name, table))}
    ${details("Parameters", run?.parameters ?? asObject(result?.provenance.parameters))}
    ${details("Provenance", result?.provenance)}
    <p class="links">${links(experiment)}</p>
  </article> `;
}

function figureBlock(name: string, { name: title, images, json, alt }: FigureFiles): Html {
  const files = [...images, ...(json ? [json] : [])];
  return html`<figure>
    <a href="${url(name, images[0])}"><img src="${url(name, images[0])}" alt="${alt}" loading="lazy" /></a>
    <figcaption>
      ${title} ${files.map((file) => html`<a href="${url(name, file)}">${file.slice(file.lastIndexOf(".") + 1)}</a> `)}
    </figcaption>
  </figure> `;
}

function comparison(rows: readonly ResultRow[]): Html {
  return html`<h4>Beside the paper</h4>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Quantity</th>
            <th scope="col" class="number">Paper</th>
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
  const hidden = rows.length - SHOWN_ROWS;
  return html`<h4><a href="${url(name, file)}">${file}</a></h4>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            ${header.map((text, column) => html`<th scope="col" ${isNumber[column] && new Html(' class="number"')}>${text}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, SHOWN_ROWS).map(
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

function links({ name, notebook, tables, result, problem }: Experiment): HtmlContent {
  const files = [notebook, ...tables, result || problem ? "result.json" : undefined].filter(
    (file) => file !== undefined,
  );
  return files.map((file, i) => html`${i > 0 && " · "}<a href="${url(name, file)}">${file}</a>`);
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

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-") || "other";
}

function url(...parts: readonly string[]): string {
  return parts
    .flatMap((part) => part.split("/"))
    .map(encodeURIComponent)
    .join("/");
}
