/**
 * Says at the end of a run which tests failed at first and passed when they were tried again: each of them is a fault
 * to be found.
 */
import type { Reporter, TestCase } from "vitest/node";

export default class FlakyReporter implements Reporter {
  readonly #flaky: TestCase[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#flaky.push(test);
  }

  onTestRunEnd(): void {
    for (const test of this.#flaky) {
      const first = test.result().errors?.[0]?.message.split("\n")[0] ?? "no reason is known";
      console.error(
        `FLAKY: ${test.module.relativeModuleId} > ${test.fullName} passed only when tried again; at first: ${first}`,
      );
    }
  }
}
