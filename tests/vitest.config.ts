import path from "node:path";
import { defineConfig } from "vitest/config";

/**
 * A browser's tests come last, one after another: beside kernels that fill both cores JupyterLab lost its connections.
 */
const browser = ["e2e/kernel/jupyterlab.test.ts", "e2e/runner/gallery-browser.test.ts"];

export default defineConfig({
  test: {
    root: import.meta.dirname,
    projects: [
      {
        extends: true,
        test: { name: "tests", include: ["**/*.test.ts"], exclude: browser, sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: "browser", include: browser, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // CI's machine is shared: there a test may be tried again, and the reporter says which one was.
    retry: Number(process.env.MARGINALIA_TEST_RETRIES ?? 0),
    reporters: ["default", path.join(import.meta.dirname, "flaky-reporter.ts")],
  },
  // Self-imports of "marginalia" must reach src/index.ts, as they do in notebooks.
  resolve: { conditions: ["marginalia-source"] },
  ssr: { resolve: { conditions: ["marginalia-source"] } },
});
