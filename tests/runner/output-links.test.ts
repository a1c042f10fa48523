import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeGallery } from "../../src/runner/gallery/gallery.ts";
import { refuseLinksOut } from "../../src/runner/output-links.ts";
import { prepareRun } from "../../src/runner/notebook/prepare.ts";
import { code, notebook } from "./notebooks.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "links-test-")));
  for (const name of ["out/paper/fig", "elsewhere"]) mkdirSync(path.join(folder, name), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const place = (...names: string[]) => path.join(folder, ...names);
const refusal = () => refuseLinksOut(place("out"), place("out", "paper", "fig"));

describe("refuseLinksOut", () => {
  test.each([
    ["a folder on the way", "out/other", "out/other/fig", "elsewhere"],
    ["the folder itself", "out/paper/linked", "out/paper/linked", "elsewhere"],
    ["a file in it", "out/paper/fig/fig.svg", "out/paper/fig", "elsewhere/victim"],
    ["a link to nothing yet", "out/paper/fig/result.json", "out/paper/fig", "elsewhere/not-there/yet"],
  ])("%s that leads out of the root is refused by name", async (_, link, written, target) => {
    symlinkSync(place(target), place(link));
    await expect(refuseLinksOut(place("out"), place(written))).rejects.toThrow(
      `${place(link)} is a link to ${place(target)}, outside ${place("out")}`,
    );
  });

  test("links that stay inside, real folders and a root that is itself a link are taken", async () => {
    writeFileSync(place("out/paper/fig/run1.csv"), "");
    symlinkSync("run1.csv", place("out/paper/fig/latest.csv"));
    await expect(refusal()).resolves.toBeUndefined();
    symlinkSync(place("out"), place("root"));
    await expect(refuseLinksOut(place("root"), place("root", "paper", "fig"))).resolves.toBeUndefined();
    await expect(refuseLinksOut(place("root"), place("root", "new", "fig"))).resolves.toBeUndefined();
  });
});

describe("who writes below an output root", () => {
  test("a run is refused before anything is executed", async () => {
    mkdirSync(place("notebooks/paper"), { recursive: true });
    const file = place("notebooks/paper/fig.ipynb");
    writeFileSync(file, JSON.stringify(notebook([code("1")])));
    symlinkSync(place("elsewhere/victim"), place("out/paper/fig/fig.ipynb"));
    await expect(prepareRun(file, { outputRoot: place("out") })).rejects.toThrow("nothing is written through it");
  });

  test("the gallery writes neither its page nor Plotly through a link", async () => {
    writeFileSync(place("elsewhere/victim"), "mine");
    symlinkSync(place("elsewhere/victim"), place("out/index.html"));
    await expect(writeGallery(place("out"))).rejects.toThrow("index.html is a link to");
  });
});
