/** The gallery as a reader's browser shows it: from file://, light and dark, on a desk and on a phone, by keyboard. */
import { existsSync, mkdirSync } from "node:fs";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeGallery } from "../../../src/runner/gallery/gallery.ts";

const executablePath = process.env.MARGINALIA_CHROMIUM ?? "/usr/bin/chromium";
const hasChromium = existsSync(executablePath);
if (!hasChromium) console.warn(`SKIPPED: the gallery in a browser, since there is no ${executablePath} (MARGINALIA_CHROMIUM)`); // prettier-ignore

let root: string;
let browser: Browser;
let address: string;

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="700" height="450"/>';
const figure = (width: number, data: object[]) => ({ data, layout: { width, height: 450, title: { text: "Figure" } } });

beforeAll(async () => {
  if (!hasChromium) return;
  root = await mkdtemp(path.join(tmpdir(), "gallery-browser-"));
  const put = async (file: string, content: unknown) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), typeof content === "string" ? content : JSON.stringify(content));
  };
  const verdicts = ["match", "better", "worse", "differs", "no reference"];
  const rows = verdicts.map((verdict) => ({ quantity: `a rather long quantity, ${verdict}`, paper: 1, ours: 1.5, verdict, why: "words that explain it at some length" })); // prettier-ignore
  const provenance = { commit: "0123456789abcdef0123456789abcdef01234567", cpu: "Processor", parameters: { n: 8 } };
  const line = { type: "scatter", name: "curve", x: [0, 1, 2], y: [0, 5, 1], mode: "lines+markers" };
  for (const name of ["paper2001/fig1", "paper2001/fig2", "other"]) {
    await put(`${name}/result.json`, { profile: "quick", rows, provenance });
    await put(`${name}/curves.svg`, SVG);
    await put(`${name}/curves.json`, figure(700, [line]));
    await put(`${name}/map.svg`, SVG);
    await put(`${name}/map.json`, figure(1100, [{ type: "heatmap", z: [[0, 1], [2, 3]] }])); // prettier-ignore
    await put(
      `${name}/table.csv`,
      `d,name,a rather long column,another one,and one more\n0.5,"</script>",1.23456789,x,y\n`,
    );
  }
  const { file } = await writeGallery(root);
  address = pathToFileURL(file).href;
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
}, 60_000);
afterAll(async () => {
  if (!hasChromium) return;
  await browser.close();
  await rm(root, { recursive: true, force: true });
});

interface Opened {
  readonly page: Page;
  readonly asked: string[];
  readonly said: string[];
}

async function open(colorScheme: "light" | "dark", width = 1280): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const [asked, said]: [string[], string[]] = [[], []];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  await page.goto(address);
  return { page, asked, said };
}

async function scrollThrough(page: Page): Promise<void> {
  const faces = page.locator(".face");
  for (let i = 0; i < (await faces.count()); i++) {
    await faces.nth(i).scrollIntoViewIfNeeded();
    await page.waitForFunction((at) => document.querySelectorAll(".face")[at].classList.contains("live"), i);
  }
}

async function keep(page: Page, name: string): Promise<void> {
  const folder = process.env.MARGINALIA_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

describe.skipIf(!hasChromium)("the gallery in Chromium", () => {
  test("draws every figure, loads Plotly once, and asks for nothing but files beside it", async () => {
    const { page, asked, said } = await open("light");
    await scrollThrough(page);
    expect(await page.locator(".js-plotly-plot").count()).toBe(6);
    expect(asked.filter((url) => url.endsWith("plotly.min.js"))).toHaveLength(1);
    const beside = pathToFileURL(root).href;
    for (const url of asked) expect(url.startsWith(beside) || /^(data|blob):/.test(url), url).toBe(true);
    expect(said).toEqual([]);
    await keep(page, "gallery-light");
    await page.close();
  }, 60_000);

  test("a figure is the size of its picture, and tells a point's values under the pointer", async () => {
    const { page } = await open("light");
    const face = page.locator(".face").first();
    await face.scrollIntoViewIfNeeded();
    await page.waitForFunction(() => document.querySelector(".face")!.classList.contains("live"));
    const [outer, inner] = [await face.boundingBox(), await face.locator(".plot > div").boundingBox()];
    expect(Math.abs(outer!.width - inner!.width)).toBeLessThan(3);
    expect(Math.abs(outer!.width / outer!.height - 700 / 450)).toBeLessThan(0.05);
    const point = await face.locator(".scatterlayer .point").nth(1).boundingBox();
    await page.mouse.move(point!.x + point!.width / 2, point!.y + point!.height / 2);
    await expect.poll(() => face.locator(".hoverlayer").textContent()).toMatch(/\(1, 5\)|5/);
    await page.close();
  }, 60_000);

  test.each(["light", "dark"] as const)(
    "text has enough contrast, %s",
    async (scheme) => {
      const { page } = await open(scheme);
      // Opened, so that what they hold is looked at too.
      await page.evaluate(() => document.querySelectorAll("details").forEach((each) => (each.open = true)));
      const poor = await page.evaluate(poorContrasts);
      expect(poor).toEqual([]);
      await scrollThrough(page);
      await keep(page, `gallery-${scheme}-end`);
      await page.close();
    },
    60_000,
  );

  test("on a phone nothing but tables and enlarged figures is wider than the screen", async () => {
    const { page } = await open("dark", 360);
    await scrollThrough(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await keep(page, "gallery-phone");
    await page.close();
  }, 60_000);

  test("the keyboard reaches what the mouse does: past the head, into tables, a figure enlarged and closed again", async () => {
    const { page } = await open("light");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("To the results");
    const stops = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(() => {
        const { tagName, className, textContent } = document.activeElement as HTMLElement;
        return `${tagName}.${className} ${tagName === "BUTTON" ? textContent : ""}`.trim();
      });
      stops.add(stop);
      if (stop === "BUTTON.enlarge Enlarge") break;
    }
    expect([...stops]).toEqual(expect.arrayContaining(["A.", "DIV.scroll", "BUTTON.enlarge Enlarge"]));
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open] .js-plotly-plot");
    expect(await page.locator("dialog .large").getAttribute("aria-label")).toBeTruthy();
    await keep(page, "gallery-enlarged");
    await page.keyboard.press("Escape");
    expect(await page.locator("dialog[open]").count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("enlarge");
    await page.close();
  }, 60_000);

  test("without scripts the pictures stand there", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(address);
    expect(await page.locator(".face img:visible").count()).toBe(6);
    expect(await page.locator("button:visible").count()).toBe(0);
    await context.close();
  }, 60_000);
});

/** In the page: texts whose contrast with what lies behind is below WCAG's 4.5 (3 for large ones). */
function poorContrasts(): string[] {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  const rgb = (colour: string): number[] => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour: number[]) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)); // prettier-ignore
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element: Element | null): number[] => {
    for (let each = element; each; each = each.parentElement) {
      const colour = rgb(getComputedStyle(each).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const poor: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent).join("").trim(); // prettier-ignore
    if (!text || element.closest(".face, dialog, script, style")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(rgb(style.color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const isLarge = Number.parseFloat(style.fontSize) >= 24;
    if (ratio < (isLarge ? 3 : 4.5)) poor.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}
