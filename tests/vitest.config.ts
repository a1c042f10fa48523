import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
  // Self-imports of "marginalia" must reach src/index.ts, as they do in notebooks.
  resolve: { conditions: ["marginalia-source"] },
  ssr: { resolve: { conditions: ["marginalia-source"] } },
});
