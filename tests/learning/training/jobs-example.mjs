/** Functions that tests run as jobs. */
import { setTimeout as sleep } from "node:timers/promises";

export async function square(x, milliseconds, report) {
  report(`squaring ${x}`);
  await sleep(milliseconds);
  return { value: x * x, process: process.pid };
}

export function fail(how) {
  throw new Error(`went ${how}`);
}

export function end() {
  process.exit(3);
}
