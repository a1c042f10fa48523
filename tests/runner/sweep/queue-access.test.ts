import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { PointTask } from "../../../src/runner/sweep/point.ts";
import { opened, redisAccess, sealed } from "../../../src/runner/sweep/queue-access.ts";

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "queue-access-")));
afterAll(() => rmSync(folder, { recursive: true }));
const root = path.join(folder, "project");
mkdirSync(root);
mkdirSync(path.join(folder, "project-2"));
writeFileSync(path.join(root, "a.ipynb"), "{}");
symlinkSync(folder, path.join(root, "out"));
const at = (...names: string[]) => path.join(root, ...names);
const task: PointTask = {
  id: "1",
  notebook: at("a.ipynb"),
  version: "1",
  parameters: { n: "$-0" },
  folder: at("figures", "1"),
  useCache: true,
};

describe("a worker opens", () => {
  test("a task that its sweep has sealed, as it was", () => {
    expect(opened(sealed(task, "secret"), "secret", root)).toEqual(task);
    expect(opened(sealed(task, undefined), undefined, root)).toEqual(task);
    // Through Redis, as JSON.
    expect(opened(JSON.parse(JSON.stringify(sealed(task, "s"))), "s", root)).toEqual(task);
  });

  test("no task without a seal, of another secret, or changed under its seal", () => {
    const good = sealed(task, "secret");
    const bad = [sealed(task, undefined), sealed(task, "other"), { ...good, task: good.task.replace("a.ipynb", "b.ipynb") }, { ...good, seal: "" }]; // prettier-ignore
    for (const each of bad) expect(() => opened(each, "secret", root)).toThrow("not sealed by this worker's secret");
  });

  test("nothing that is no task", () => {
    for (const each of [null, 5, {}, { task: "{" }, { task: "{}" }, { task: 5 }, task])
      expect(() => opened(each, undefined, root)).toThrow("no task of a sweep");
  });

  test.each([
    ["notebook", "/etc/x.ipynb"],
    ["notebook", at("..", "x.ipynb")],
    ["notebook", path.join(folder, "project-2", "x.ipynb")],
    ["notebook", at("out", "x.ipynb")],
    ["folder", at("out", "deep", "folder")],
    ["folder", "/tmp"],
  ])("no task whose %s is outside of its root: %s", (what, place) =>
    expect(() => opened(sealed({ ...task, [what]: place }, "s"), "s", root)).toThrow("outside of"),
  );

  test("no task that reads its peers from elsewhere", () => {
    const earlyStop = { objective: "x", wanted: "least" as const, peers: "/etc/passwd" };
    expect(() => opened(sealed({ ...task, earlyStop }, "s"), "s", root)).toThrow("outside of");
  });

  test("no kernel but an installed one, by its name", () => {
    for (const kernel of ["/tmp/kernel.json", "kernel.json", "./x", "..\\x"])
      expect(() => opened(sealed({ ...task, kernel }, "s"), "s", root)).toThrow("names of installed kernelspecs");
    expect(opened(sealed({ ...task, kernel: "tslab" }, "s"), "s", root).kernel).toBe("tslab");
  });
});

describe("redisAccess", () => {
  test("takes URL, password and secret from the environment, and leaves them to no notebook", () => {
    const environment = { MARGINALIA_REDIS: "redis://me@127.0.0.1:7000/2", MARGINALIA_REDIS_PASSWORD: "p@ss/word", MARGINALIA_SWEEP_SECRET: "s", OTHER: "1" }; // prettier-ignore
    const access = redisAccess(undefined, environment);
    expect(access.shown).toBe("redis://me@127.0.0.1:7000/2");
    expect(decodeURIComponent(new URL(access.url).password)).toBe("p@ss/word");
    expect(access.secret).toBe("s");
    expect(environment).toEqual({ OTHER: "1" });
  });

  test("never tells a password, also not of a URL that it refuses", () => {
    expect(redisAccess("redis://:hunter2@localhost:6379?password=hunter2", {}).shown).toBe("redis://localhost:6379");
    for (const url of ["http://:hunter2@host", "redis:hunter2", "hunter2", "redis://:hunter2@elsewhere:6379"]) {
      let message = "";
      try {
        redisAccess(url, {});
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).not.toBe("");
      expect(message).not.toContain("hunter2");
    }
  });

  test("another machine's Redis needs a secret, this one's does not", () => {
    expect(() => redisAccess("redis://10.0.0.1:6379", {})).toThrow("MARGINALIA_SWEEP_SECRET");
    expect(redisAccess("redis://10.0.0.1:6379", { MARGINALIA_SWEEP_SECRET: "s" }).secret).toBe("s");
    for (const url of ["redis://127.0.0.1:1", "redis://localhost", "rediss://[::1]:2"])
      expect(redisAccess(url, {}).secret).toBeUndefined();
  });
});
