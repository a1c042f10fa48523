/** Subshells (JEP 91): more shells than one, whose cells run between each other's awaits. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/kernel/protocol/wire.ts";
import { Cell, KernelClient } from "../../kernel/client.ts";

let kernel: KernelClient;
beforeAll(async () => {
  kernel = await KernelClient.start();
});
afterAll(() => kernel.stop());

const control = async (type: string, content: JsonObject = {}) =>
  (await kernel.exchange(type, content, "control")).reply.content;
const create = async () => (await control("create_subshell_request")).subshell_id as string;
const execute = async (subshell: string, code: string) =>
  new Cell(await kernel.exchange("execute_request", { code }, "shell", subshell));

describe("subshells", () => {
  test("are declared, created, listed and deleted on the control channel", async () => {
    const info = (await kernel.exchange("kernel_info_request", {})).reply.content;
    expect(info.supported_features).toEqual(["kernel subshells"]);
    const [one, two] = [await create(), await create()];
    expect(await control("list_subshell_request")).toEqual({ status: "ok", subshell_id: [one, two] });
    expect(await control("delete_subshell_request", { subshell_id: one })).toEqual({ status: "ok" });
    expect(await control("list_subshell_request")).toEqual({ status: "ok", subshell_id: [two] });
    expect(await control("delete_subshell_request", { subshell_id: one })).toMatchObject({ status: "error" });
    await control("delete_subshell_request", { subshell_id: two });
  });

  test("share variables and types with the main shell while one of its cells waits, and count for themselves", async () => {
    const subshell = await create();
    await kernel.execute("let progress = 0; let go = (): void => undefined");
    const { reply } = await kernel.execute("0");
    const waiting = kernel.request("shell", "execute_request", {
      code: "progress = 1; console.log('main'); await new Promise<void>((resolve) => { go = resolve }); progress",
    });
    await kernel.until(() => kernel.of(waiting.message).some(({ header }) => header.msg_type === "stream"));
    const beside = await execute(subshell, "console.log('beside'); const mine: number = progress + 1; mine");
    expect([beside.result, beside.stream("stdout"), beside.reply.content.execution_count]).toEqual([
      "2",
      "beside\n",
      1,
    ]);
    expect(beside.reply.parentHeader).toMatchObject({ subshell_id: subshell });
    expect((await execute(subshell, "mine = 3")).error.evalue).toMatch(/constant/);
    expect((await execute(subshell, "progress = 5; go()")).status).toBe("ok");
    expect((await waiting).content.execution_count).toBe((reply.content.execution_count as number) + 1);
    const idle = () => kernel.of(waiting.message).find(({ header }) => header.msg_type === "execute_result");
    await kernel.until(() => idle() !== undefined);
    expect((idle()?.content.data as JsonObject)["text/plain"]).toBe("5");
    const asked = { hist_access_type: "tail", n: 9, output: true };
    const history = async (id?: string) =>
      (await kernel.exchange("history_request", asked, "shell", id)).reply.content.history as unknown[];
    expect(await history(subshell)).toHaveLength(3);
    expect((await history(subshell))[0]).toEqual([
      1,
      1,
      ["console.log('beside'); const mine: number = progress + 1; mine", "2"],
    ]);
    expect(JSON.stringify(await history())).not.toContain("beside");
    await control("delete_subshell_request", { subshell_id: subshell });
  });

  test("abort only their own waiting cells after an error, and name their cells in traces", async () => {
    const subshell = await create();
    const main = kernel.execute("await new Promise((resolve) => setTimeout(resolve, 300)); 'main goes on'");
    const [failed, aborted] = await Promise.all([
      execute(subshell, "await 1; throw new Error('wrong')"),
      execute(subshell, "1"),
    ]);
    expect([failed.status, aborted.status]).toEqual(["error", "aborted"]);
    expect(failed.error.traceback.join()).toMatch(/subshell \d+ cell \[1\]:1:16/);
    expect((await main).result).toBe("'main goes on'");
  });

  test("an interrupt ends the cells of all shells", async () => {
    const subshell = await create();
    const endless = "console.log('runs'); await new Promise(() => {})";
    const main = kernel.request("shell", "execute_request", { code: endless });
    const beside = kernel.request("shell", "execute_request", { code: endless }, [], subshell);
    const runs = ({ message }: typeof main) => kernel.of(message).some(({ header }) => header.msg_type === "stream");
    await kernel.until(() => runs(main) && runs(beside));
    await kernel.request("control", "interrupt_request", {});
    expect([(await main).content.ename, (await beside).content.ename]).toEqual([
      "KeyboardInterrupt",
      "KeyboardInterrupt",
    ]);
    expect((await execute(subshell, "progress")).result).toBe("5");
  });

  test("a request for a subshell that is not there is an error, with busy and idle", async () => {
    for (const type of ["execute_request", "complete_request", "history_request"]) {
      const { reply, published } = await kernel.exchange(type, { code: "globalThis.ran = 1" }, "shell", "nowhere");
      expect(reply.content).toMatchObject({ status: "error", evalue: 'there is no subshell "nowhere"' });
      expect(published.map(({ content }) => content.execution_state)).toEqual(["busy", "idle"]);
    }
  });

  test("a deleted subshell answers what waits with aborted, and lets end what runs", async () => {
    const subshell = await create();
    const running = execute(subshell, "await new Promise((resolve) => setTimeout(resolve, 200)); 'ended'");
    const waiting = execute(subshell, "1");
    await new Promise((resolve) => setTimeout(resolve, 100));
    await control("delete_subshell_request", { subshell_id: subshell });
    expect([(await running).result, (await waiting).status]).toEqual(["'ended'", "aborted"]);
  });

  test("each answer to a question reaches the shell that asked", async () => {
    const subshell = await create();
    kernel.answer = ({ prompt }) => `to ${prompt}`;
    expect((await execute(subshell, "prompt('beside')")).result).toBe("'to beside'");
    expect((await kernel.execute("prompt('main')")).result).toBe("'to main'");
  });
});
