/**
 * JupyterLab in a real browser, as a researcher uses it. Needs a Python with jupyterlab (and jupyterlab-widgets), named
 * by $MARGINALIA_PYTHON, and Chromium: $MARGINALIA_CHROMIUM, else where Debian puts it. Screenshots go to
 * $MARGINALIA_SCREENSHOTS.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installKernelspec, jupyterFolder } from "../../../src/kernel/install/kernelspec.ts";
import { installLabExtension } from "../../../src/kernel/install/labextension.ts";

const python = process.env.MARGINALIA_PYTHON;
const browserFile = process.env.MARGINALIA_CHROMIUM ?? "/usr/bin/chromium";

function hasLab(): boolean {
  if (!python) return false;
  try {
    execFileSync(python, ["-c", "import jupyterlab, jupyterlab_widgets"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const ready = existsSync(browserFile) && hasLab();
if (!ready)
  console.warn(
    "SKIPPED: JupyterLab in a browser needs $MARGINALIA_PYTHON with jupyterlab and jupyterlab-widgets, and Chromium.",
  );

const CELLS = [
  'import { table } from "arquero";\nconst frame = table({ sample: [1, 2, 3], name: ["a", "b", "c"] });\nframe',
  'MIME({ "application/vnd.plotly.v1+json": { data: [{ y: [1, 3, 2] }], layout: { title: { text: "A figure" } } } })',
  'for (const step of progress([1, 2, 3], "steps")) await new Promise((resolve) => setTimeout(resolve, 150));\n"all done"',
];

function notebook(): string {
  const cell = (source: string, index: number) => ({
    id: `cell-${index}`,
    cell_type: "code",
    source,
    metadata: {},
    outputs: [],
    execution_count: null,
  });
  const kernelspec = { name: "marginalia", display_name: "TypeScript (Marginalia)", language: "typescript" };
  return JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells: [...CELLS, ""].map(cell) });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How long a poll goes on where the machine is busy; what is there at once is seen at once. */
const PATIENCE = { timeout: 60_000 };

describe.skipIf(!ready)("JupyterLab", { timeout: 300_000 }, () => {
  let folder: string;
  let server: ChildProcess;
  let browser: Browser;
  let page: Page;
  let said = "";

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "marginalia-jupyterlab-"));
    const prefix = path.join(folder, "prefix");
    const books = path.join(folder, "books");
    mkdirSync(books, { recursive: true });
    writeFileSync(path.join(books, "book.ipynb"), notebook());
    installKernelspec({ prefix });
    installLabExtension(jupyterFolder({ prefix }));
    // JupyterLab offers its news in a dialog that comes at a time of its own and takes every click: without it.
    const config = path.join(folder, "config");
    mkdirSync(path.join(config, "labconfig"), { recursive: true });
    const disabledExtensions = { "@jupyterlab/apputils-extension:announcements": true };
    writeFileSync(path.join(config, "labconfig", "page_config.json"), JSON.stringify({ disabledExtensions }));
    const port = await freePort();
    const settings = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", `--ServerApp.port=${port}`];
    const open = ["--IdentityProvider.token=", "--LabApp.news_url=None", `--ServerApp.root_dir=${books}`];
    server = spawn(python!, ["-m", "jupyterlab", ...settings, ...open], {
      env: {
        ...process.env,
        HOME: folder,
        JUPYTER_PATH: path.join(prefix, "share", "jupyter"),
        JUPYTER_CONFIG_PATH: config,
      },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    server.stderr?.on("data", (data: Buffer) => (said += data.toString()));
    for (let attempt = 0; ; attempt++) {
      const answer = await fetch(`http://127.0.0.1:${port}/api/status`).catch(() => undefined);
      if (answer?.ok) break;
      if (attempt > 300) throw new Error(`JupyterLab does not answer: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    browser = await chromium.launch({
      executablePath: browserFile,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    page = await browser.newPage({ viewport: { width: 1200, height: 1400 } });
    page.setDefaultTimeout(60_000);
    await page.goto(`http://127.0.0.1:${port}/lab/tree/book.ipynb`);
    await kernelIdle();
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    if (server?.pid)
      try {
        const ended = new Promise((resolve) => server.once("exit", resolve));
        const group = -server.pid;
        process.kill(group, "SIGTERM");
        const last = setTimeout(() => process.kill(group, "SIGKILL"), 20_000);
        await ended;
        clearTimeout(last);
      } catch {
        // gone already
      }
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }, 60_000);

  async function screenshot(name: string): Promise<void> {
    const to = process.env.MARGINALIA_SCREENSHOTS;
    if (to) await page.screenshot({ path: path.join(to, `${name}.png`) });
  }
  /**
   * The notebook is there and its kernel has answered. JupyterLab first shows an empty notebook whose indicator says
   * "idle" though it has no kernel yet; the status bar tells the truth. A command that comes earlier is lost, or goes
   * to that empty notebook.
   */
  const kernelIdle = async () => {
    await cell(CELLS.length).waitFor({ timeout: 90_000 });
    await page
      .locator("#jp-main-statusbar")
      .getByText(/TypeScript \(Marginalia\) \| Idle/)
      .waitFor({ timeout: 90_000 });
  };
  const menu = async (name: string, item: RegExp) => {
    await page.locator("#jp-MainMenu").getByRole("menuitem", { name, exact: true }).click();
    await page.locator(".lm-Menu").getByRole("menuitem", { name: item }).first().click();
  };
  const cell = (index: number) => page.locator(".jp-Notebook .jp-Cell").nth(index);
  const write = async (index: number, text: string) => {
    await cell(index).locator(".cm-content").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await page.keyboard.type(text);
  };

  test("runs all cells: a frame, an interactive figure, a live progress bar", async () => {
    await menu("Run", /^Run All Cells/);
    await cell(2).locator(".jp-OutputArea").getByText("all done").waitFor();
    expect(await cell(0).locator("table").innerText()).toMatch(/sample\s+name\s+0\s+1\s+a/);
    const figure = cell(1).locator(".js-plotly-plot");
    await figure.locator(".main-svg").first().waitFor();
    await expect.poll(() => figure.locator(".gtitle").textContent(), PATIENCE).toBe("A figure");
    await screenshot("run-all");
    const point = figure.locator(".scatterlayer .point").nth(1);
    const hover = async () => {
      const { x, y, width, height } = (await point.boundingBox())!;
      await page.mouse.move(x - 30, y + 30);
      await page.mouse.move(x + width / 2, y + height / 2, { steps: 5 });
      return figure.locator(".hoverlayer .hovertext").count();
    };
    await expect.poll(hover, { ...PATIENCE, interval: 500 }).toBeGreaterThan(0);
    expect((await figure.boundingBox())!.height).toBeGreaterThan(300);
    await cell(2).locator(".widget-hprogress, .jupyter-widget-hprogress").first().waitFor();
    expect(await cell(2).innerText()).toMatch(/3 of 3/);
    expect(await page.locator(".jp-Notebook").innerText()).not.toMatch(/javascript error/);
  });

  test("highlights TypeScript", async () => {
    const colours = await cell(0)
      .locator(".cm-line span")
      .evaluateAll((spans) => spans.map((span) => getComputedStyle(span).color));
    expect(new Set(colours).size).toBeGreaterThan(2);
  });

  test("completes by Tab and explains by Shift-Tab", async () => {
    await write(3, "frame.num");
    await page.keyboard.press("Tab");
    // One match is inserted at once, several are offered.
    await expect
      .poll(
        async () => (await page.locator(".jp-Completer").allInnerTexts()).join() + (await cell(3).innerText()),
        PATIENCE,
      )
      .toMatch(/numRows/);
    await screenshot("completion");
    await page.keyboard.press("Escape");
    await write(3, "parseFloat");
    await page.keyboard.press("Shift+Tab");
    const tooltip = page.locator(".jp-Tooltip");
    await tooltip.waitFor();
    await expect.poll(() => tooltip.innerText(), PATIENCE).toMatch(/parseFloat\(string: string\): number/);
    await screenshot("inspection");
    await page.keyboard.press("Escape");
  });

  test("interrupts an endless loop, restarts, and runs all again", async () => {
    await write(3, "let kept = 5; for (;;) {}");
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => cell(3).locator(".jp-InputPrompt").innerText(), PATIENCE).toMatch(/\*/);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await menu("Kernel", /^Interrupt Kernel/);
    await expect.poll(() => cell(3).innerText(), PATIENCE).toMatch(/KeyboardInterrupt/);
    await screenshot("interrupted");
    await write(3, "kept * 2");
    await page.keyboard.press("Control+Enter");
    await expect.poll(() => cell(3).locator(".jp-OutputArea").innerText(), PATIENCE).toMatch(/10/);
    await write(3, "typeof (globalThis as any).kept");
    await menu("Kernel", /^Restart Kernel and Run All Cells/);
    await page.locator(".jp-Dialog").locator("button.jp-mod-accept").click();
    await expect.poll(() => cell(3).locator(".jp-OutputArea").innerText(), PATIENCE).toMatch(/undefined/);
    expect(await cell(0).locator(".jp-InputPrompt").innerText()).toBe("[1]:");
    await cell(1).locator(".js-plotly-plot .main-svg").first().waitFor();
    await screenshot("restarted");
  });
});
