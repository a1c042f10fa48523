import { statSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { KernelProcess } from "../../../src/runner/client/kernel-process.ts";
import { findKernel } from "../../../src/runner/client/kernelspecs.ts";

afterEach(() => vi.unstubAllEnvs());

const place = { cwd: import.meta.dirname, environment: process.env };

test.skipIf(process.platform === "win32")("our own kernel's sockets lie where nobody else may enter", async () => {
  const kernel = await KernelProcess.start(findKernel(), place);
  expect(kernel.connection.transport).toBe("ipc");
  expect(statSync(path.dirname(kernel.connection.ip)).mode & 0o777).toBe(0o700);
  kernel.kill();
  await kernel.exited;
});

test("without a folder for temporary files it is said what to do", async () => {
  vi.stubEnv("TMPDIR", "/nowhere");
  await expect(KernelProcess.start(findKernel(), place)).rejects.toThrow(/set TMPDIR to a folder/);
});
