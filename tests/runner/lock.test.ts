import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { onSmallDisk } from "../base/small-disk.ts";
import { LockHeld, withLock } from "../../src/runner/lock.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "lock-test-"));
  file = path.join(folder, "deep", ".lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const foreign = { token: "t", host: "another machine", pid: 1, began: "0", since: "2026-01-01T00:00:00.000Z" };

describe("withLock", () => {
  test("takes over a lock that is a link to nowhere, as one that nobody touches", async () => {
    mkdirSync(path.dirname(file));
    symlinkSync(path.join(folder, "nowhere"), file);
    const { user } = process.cpuUsage();
    await expect(withLock(file, { wait: true, deadAfter: 1 }, () => Promise.resolve("held"))).resolves.toBe("held");
    expect(process.cpuUsage().user - user).toBeLessThan(500_000); // microseconds: it does not look all the time
  });

  test("lets one in at a time; who waits comes in afterwards, and nothing is left behind", async () => {
    let [inside, most] = [0, 0];
    const work = async () => {
      most = Math.max(most, ++inside);
      await pause(30);
      inside--;
    };
    await Promise.all(Array.from({ length: 4 }, () => withLock(file, { wait: true }, work)));
    expect(most).toBe(1);
    expect(readdirSync(path.dirname(file))).toEqual([]);
  });

  test("who does not wait is told who holds it; an error inside frees it", async () => {
    await expect(withLock(file, {}, () => withLock(file, {}, () => Promise.resolve()))).rejects.toThrow(
      new RegExp(`deep is being written by process ${process.pid} since .*choose another --out`),
    );
    expect(existsSync(file)).toBe(false);
    await expect(withLock(file, {}, () => Promise.reject(new Error("inside")))).rejects.toThrow("inside");
    expect(existsSync(file)).toBe(false);
  });

  test("a lock of a process that was killed is taken over at once", async () => {
    const module = pathToFileURL(path.resolve(import.meta.dirname, "../../dist/runner/lock.js")).href;
    const script = `import { withLock } from ${JSON.stringify(module)};
      await withLock(${JSON.stringify(file)}, {}, () => new Promise(() => { console.log("in"); setInterval(() => {}, 1000); }));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await expect(withLock(file, {}, () => Promise.resolve())).rejects.toThrow(LockHeld);
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    expect(existsSync(file)).toBe(true);
    const start = performance.now();
    expect(await withLock(file, {}, () => Promise.resolve("mine"))).toBe("mine");
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test("another machine's lock is dead when nobody has touched it as long as we watched", async () => {
    await withLock(file, {}, () => Promise.resolve());
    writeFileSync(file, JSON.stringify(foreign));
    utimesSync(file, new Date(0), new Date(0)); // its clock may be anything
    expect(await withLock(file, { wait: true, deadAfter: 0.5 }, () => Promise.resolve("mine"))).toBe("mine");
    writeFileSync(file, JSON.stringify(foreign));
    const touching = setInterval(() => utimesSync(file, new Date(), new Date()), 50);
    const controller = new AbortController();
    const waiting = withLock(file, { wait: true, deadAfter: 0.5, signal: controller.signal }, () => Promise.resolve("mine")); // prettier-ignore
    await pause(1200);
    clearInterval(touching);
    controller.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(foreign);
  });
});

test("a read-only disk is told as that, whether the folder is there or has to be made", async ({ skip }) => {
  const disk = mkdtempSync(path.join(tmpdir(), "lock-test-"));
  const isMounted = await onSmallDisk(disk, 64, async () => {
    mkdirSync(path.join(disk, "there"));
    spawnSync("mount", ["-o", "remount,ro", disk]);
    const work = () => Promise.resolve();
    const [there, missing] = ["there", "to/make"].map((name) => path.join(disk, name));
    await expect(withLock(path.join(there, ".lock"), {}, work)).rejects.toThrow(".lock cannot be written: its file system is read-only"); // prettier-ignore
    await expect(withLock(path.join(missing, ".lock"), {}, work)).rejects.toThrow(`${missing} cannot be made`);
  });
  rmSync(disk, { recursive: true, force: true });
  if (!isMounted) skip();
});
