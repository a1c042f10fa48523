import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { JSDOM } from "jsdom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeGallery } from "../../../src/runner/gallery/gallery.ts";
import { code, markdown, notebook } from "../notebooks.ts";

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>';
const NASTY = `<script>alert("x")</script>&'`;

let root: string;
let page: string;
let document: Document;

const put = async (file: string, content: unknown) => {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await writeFile(path.join(root, file), typeof content === "string" ? content : JSON.stringify(content));
};

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "gallery-test-"));
  const marginalia = {
    source: "notebooks/jaakkola1996/fig3.ipynb",
    parameters: { n: 8, label: NASTY },
    status: "ok",
    node: "20",
    seconds: { total: 3, cells: {} },
  };
  const executed = notebook([markdown("# Heading of the notebook\n\ntext"), code("1")]);
  await put("jaakkola1996/fig3/fig3.ipynb", { ...executed, metadata: { marginalia } });
  await put("jaakkola1996/fig3/3a.svg", SVG);
  await put("jaakkola1996/fig3/3a.png", "png");
  await put("jaakkola1996/fig3/3a.json", {
    data: [{ name: "lower" }, { name: "upper" }, { name: "band", showlegend: false }],
    layout: {
      title: { text: "Figure <b>3a</b>" },
      xaxis: { title: { text: "d" } },
      yaxis: { title: { text: "error" } },
    },
  });
  await put("jaakkola1996/fig3/a b#1.png", "png");
  await put("jaakkola1996/fig3/long.csv", `d,name\n${Array.from({ length: 40 }, (_, i) => `${i / 7},"a, ""${i}"" ${NASTY.replaceAll('"', '""')}"`).join("\n")}\n`); // prettier-ignore
  await put("jaakkola1996/fig3/result.json", {
    experiment: "jaakkola1996/fig3",
    title: `Bounds ${NASTY}`,
    profile: "quick",
    figures: ["a b#1", "3a"],
    rows: [
      { quantity: "lower, d = 1", paper: -0.03, ours: -0.028734, standardError: 0.00123, verdict: "match", why: NASTY },
      { quantity: "upper", paper: [0, 0.008], ours: 0.0048, standardError: null, verdict: "better", why: "" },
      { quantity: "claim", paper: "tighter", ours: "Infinity", verdict: "differs", why: "no" },
      { quantity: "new", paper: null, ours: 3, verdict: "no reference", why: "not in the paper" },
    ],
    provenance: { commit: "abc", dirty: false, seed: 1, nested: { a: NASTY } },
  });
  const failed = { ...marginalia, status: "failed", failure: { cell: 2, message: NASTY } };
  await put("other2000/broken/broken.ipynb", { ...executed, metadata: { marginalia: failed } });
  await put("other2000/broken/result.json", "{ half");
  await put("alone/result.json", { rows: [] });
  await put("jaakkola1996/notes/readme.txt", "no experiment");
  page = await readFile((await writeGallery(root)).file, "utf8");
  document = new JSDOM(page).window.document;
});
afterAll(() => rm(root, { recursive: true, force: true }));

const text = (selector: string) => [...document.querySelectorAll(selector)].map((node) => node.textContent?.trim());
const article = (id: string) => document.getElementById(id)!;

describe("writeGallery(root)", () => {
  test("gives the same page for the same files", async () => {
    expect(await readFile((await writeGallery(root)).file, "utf8")).toBe(page);
  });

  test("shows each experiment under its paper, and nothing that is none", () => {
    expect(text("h2")).toEqual(["Scoreboard", "Jaakkola 1996", "Other 2000", "Other notebooks"]);
    expect([...document.querySelectorAll("article")].map((node) => node.id)).toEqual([
      "jaakkola1996-fig3",
      "other2000-broken",
      "alone",
    ]);
  });

  test("escapes whatever comes from files", () => {
    const scripts = [...document.querySelectorAll("script")];
    expect(scripts.filter((script) => script.type === "").map((script) => script.textContent?.includes("IntersectionObserver"))).toEqual([true]); // prettier-ignore
    expect(scripts.filter((script) => script.type !== "").map((script) => script.id)).toEqual(["plot-template", "plot-jaakkola1996-fig3-1"]); // prettier-ignore
    expect(JSON.parse(document.getElementById("plot-jaakkola1996-fig3-1")!.textContent)).toMatchObject({ layout: { title: { text: "Figure <b>3a</b>" } } }); // prettier-ignore
    expect(text("#jaakkola1996-fig3 h3")).toEqual([`Bounds ${NASTY}`]);
    expect(article("jaakkola1996-fig3").textContent).toContain(`{"a":${JSON.stringify(NASTY)}}`);
    expect(article("other2000-broken").textContent).toContain(NASTY);
  });

  test("asks for nothing from elsewhere, and every link leads to a file or a place on the page", async () => {
    expect(page).not.toMatch(/https?:\/\/|@import|url\(/);
    const links = [...document.querySelectorAll("[href], [src]")].map((node) => node.getAttribute("href") ?? node.getAttribute("src")!); // prettier-ignore
    expect(links.length).toBeGreaterThan(15);
    for (const link of links) {
      if (link.startsWith("#")) expect(document.getElementById(link.slice(1)), link).not.toBeNull();
      else await expect(readFile(path.join(root, decodeURIComponent(link))), link).resolves.toBeDefined();
    }
  });

  test("shows figures in the notebook's order, as SVG where there is one, each with an alternative text", () => {
    const images = [...document.querySelectorAll("#jaakkola1996-fig3 img")];
    expect(images.map((image) => [image.getAttribute("src"), image.getAttribute("alt")])).toEqual([
      ["jaakkola1996/fig3/a%20b%231.png", "Figure a b#1"],
      ["jaakkola1996/fig3/3a.svg", "Figure 3a; error against d; shown: lower, upper"],
    ]);
    expect(text("#jaakkola1996-fig3 figcaption a")).toEqual(["png", "svg", "png", "json"]);
  });

  test("shows the comparison with as many digits as the standard error bears", () => {
    const rows = [...article("jaakkola1996-fig3").querySelectorAll("table")[0].querySelectorAll("tbody tr")];
    expect(rows.map((row) => [...row.children].map((cell) => cell.textContent?.trim()))).toEqual([
      ["lower, d = 1", "-0.03", "-0.0287 ± 0.0012", "match", NASTY],
      ["upper", "0 to 0.008", "0.0048", "better", ""],
      ["claim", "tighter", "Infinity", "differs", "no"],
      ["new", "–", "3", "no reference", "not in the paper"],
    ]);
  });

  test("shows a csv as a table, shortened when it is long", () => {
    const table = article("jaakkola1996-fig3").querySelectorAll("table")[1];
    expect(table.querySelectorAll("tbody tr")).toHaveLength(12);
    expect(table.querySelectorAll("tbody td")[3].textContent?.trim()).toBe(`a, "1" ${NASTY}`);
    expect(text("#jaakkola1996-fig3 .more")).toEqual(["and 28 more rows in long.csv"]);
  });

  test("counts verdicts on the scoreboard", () => {
    const rows = [...document.querySelectorAll("section table")][0].querySelectorAll("tr");
    const cells = [...rows].map((row) => [...row.children].map((cell) => cell.textContent?.trim()));
    expect(cells).toEqual([
      ["Experiment", "Profile", "match", "better", "worse", "differs", "no reference", "Last run"],
      ["alone", "", "0", "0", "0", "0", "0", "not recorded"],
      ["jaakkola1996/fig3", "quick", "1", "1", "0", "1", "1", "completed"],
      ["other2000/broken", "", "0", "0", "0", "0", "0", "unreadable result"],
      ["All", "", "1", "1", "0", "1", "1", ""],
    ]);
  });

  test("says that the last run failed, and that a result cannot be read", () => {
    const notes = text("#other2000-broken .note");
    expect(notes[0]).toBe(`The last run failed: cell 2: ${NASTY}. What is shown may be older.`);
    expect(notes[1]).toMatch(/^result\.json: /);
  });

  test("can be read by screen readers and on a phone", () => {
    expect(document.documentElement.lang).toBe("en");
    expect(document.querySelector("meta[name=viewport]")).not.toBeNull();
    for (const image of document.querySelectorAll("img")) expect(image.getAttribute("alt")).toBeTruthy();
    for (const table of document.querySelectorAll("table"))
      for (const cell of table.querySelectorAll("th")) expect(["col", "row"]).toContain(cell.getAttribute("scope"));
    const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((node) => Number(node.tagName[1]));
    for (const [i, level] of levels.entries()) expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1);
  });

  test("copies Plotly beside the page where a figure has data: the small build, or the whole for what that lacks", async () => {
    const size = async () => (await readFile(path.join(root, "plotly.min.js"))).length;
    expect(await size()).toBeLessThan(2e6);
    await put("other2000/broken/surface.svg", SVG);
    await put("other2000/broken/surface.json", { data: [{ type: "surface", z: [[1]] }], layout: {} });
    await writeGallery(root);
    expect(await size()).toBeGreaterThan(3e6);
    await rm(path.join(root, "other2000/broken/surface.json"));
    await rm(path.join(root, "other2000/broken/surface.svg"));
    await writeGallery(root);
    expect(await size()).toBeLessThan(2e6);
  });

  test("an empty folder gives a page that says so, a missing one an error", async () => {
    const empty = await mkdtemp(path.join(tmpdir(), "gallery-test-"));
    expect(await readFile((await writeGallery(empty)).file, "utf8")).toContain("No experiment has been run");
    await rm(empty, { recursive: true });
    await expect(writeGallery(empty)).rejects.toThrow("no such folder");
  });

  test("names that are alike as ids, or have no Latin letters, keep their own figures and links", async () => {
    const other = await mkdtemp(path.join(tmpdir(), "gallery-test-"));
    const names = ["a/x_y", "a/x-y", "b/日本", "b/Ω", "main", "scoreboard", "plot-template", "plot-main", "paper-a/1", "plot-main/0"]; // prettier-ignore
    for (const [i, name] of names.entries()) {
      await mkdir(path.join(other, name), { recursive: true });
      await writeFile(path.join(other, name, "result.json"), JSON.stringify({ title: `title ${i}` }));
      await writeFile(path.join(other, name, "f.svg"), SVG);
      await writeFile(path.join(other, name, "f.json"), JSON.stringify({ data: [{ y: [i] }], layout: {} }));
    }
    const shown = new JSDOM(await readFile((await writeGallery(other)).file, "utf8")).window.document;
    const ids = [...shown.querySelectorAll("[id]")].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [i, name] of names.entries()) {
      const link = [...shown.querySelectorAll("tbody th a")].find((each) => each.textContent === name)!;
      const own = shown.getElementById(link.getAttribute("href")!.slice(1))!;
      expect(own.querySelector("h3")!.textContent).toBe(`title ${i}`);
      const plot = own.querySelector("[data-plot]")!.getAttribute("data-plot")!;
      expect(JSON.parse(shown.getElementById(plot)!.textContent)).toMatchObject({ data: [{ y: [i] }] });
    }
    for (const link of shown.querySelectorAll("nav a"))
      expect(shown.querySelector(`section > h2[id="${link.getAttribute("href")!.slice(1)}"]`)!.textContent).toBe(link.textContent); // prettier-ignore
    await rm(other, { recursive: true });
  });

  test("odd JSON beside a picture is told with its file's name, and the picture shown alone", async () => {
    const odd: unknown[] = [{ data: [null] }, { data: [1] }, { data: [{}], layout: null }, { data: [{}], layout: [] }, { data: {}, layout: {} }, { data: [{}] }, null, [], "text", 5, "{ half", `{"data":[],"layout":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`]; // prettier-ignore
    const fine = [{ data: [{ name: 5, type: 7 }], layout: { title: null, meta: 3, xaxis: 4, width: "wide", template: null } }, { data: [], layout: {} }]; // prettier-ignore
    const other = await mkdtemp(path.join(tmpdir(), "gallery-test-"));
    await mkdir(path.join(other, "odd"));
    await writeFile(path.join(other, "odd", "result.json"), `{"provenance":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`); // prettier-ignore
    for (const [i, content] of [...odd, ...fine].entries()) {
      await writeFile(path.join(other, "odd", `f${i}.svg`), SVG);
      await writeFile(path.join(other, "odd", `f${i}.json`), typeof content === "string" ? content : JSON.stringify(content)); // prettier-ignore
    }
    const { experiments, file } = await writeGallery(other);
    const problems = new Map(experiments[0].figures.map(({ json, problem }) => [json, problem]));
    expect(experiments[0].problem).toMatch(/^result\.json: /);
    for (const i of odd.keys()) expect(problems.get(`f${i}.json`), String(i)).toMatch(new RegExp(`^f${i}\\.json: `));
    for (const i of fine.keys()) expect(problems.get(`f${odd.length + i}.json`)).toBeUndefined();
    const shown = new JSDOM(await readFile(file, "utf8")).window.document;
    expect(shown.querySelectorAll("img")).toHaveLength(odd.length + fine.length);
    expect(shown.querySelectorAll("[data-plot]")).toHaveLength(fine.length);
    await rm(other, { recursive: true });
  });

  test("only the page's own script may run: the policy has its hash, and nothing is allowed because it is inline", () => {
    const policy = document.querySelector("meta[http-equiv=Content-Security-Policy]")!.getAttribute("content")!;
    const scripts = /script-src ([^;]*)/.exec(policy)![1];
    expect(scripts).not.toContain("unsafe");
    const own = [...document.querySelectorAll("script")].filter((script) => script.type === "").map((script) => createHash("sha256").update(script.textContent).digest("base64")); // prettier-ignore
    expect(own.map((hash) => `'sha256-${hash}'`)).toEqual(scripts.split(" ").filter((each) => each.includes("sha256")));
  });

  test("is headed by the project's own name, and compares with what the notebook compared with", async () => {
    const project = await mkdtemp(path.join(tmpdir(), "gallery-test-"));
    await mkdir(path.join(project, "figures", "x"), { recursive: true });
    await writeFile(path.join(project, "package.json"), '{"name":"@me/my-study"}');
    const row = { quantity: "q", paper: 1, ours: 1, verdict: "match" };
    await writeFile(path.join(project, "figures", "x", "result.json"), JSON.stringify({ rows: [row], reference: "exact" })); // prettier-ignore
    const made = async () => readFile((await writeGallery(path.join(project, "figures"))).file, "utf8");
    const shown = new JSDOM(await made()).window.document;
    expect([shown.title, shown.querySelector("h1")!.textContent]).toEqual(["My-study: figures", "My-study"]);
    expect(shown.querySelector("h4")!.textContent).toBe("Beside exact");
    expect(shown.body.textContent).not.toMatch(/Marginalia|the paper/);
    await writeFile(path.join(project, "package.json"), '{"name":5}');
    expect(await made()).toContain("<h1>Gallery-test-");
    await rm(project, { recursive: true });
  });
});
