import { afterEach, beforeEach, expect, test } from "vitest";
import { Project } from "./command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const result = (more: object) =>
  JSON.stringify({ provenance: { node: "20.20.2", v8: "11.3", cpu: "A", seed: 1, parameters: { n: 1 }, ...more } });

test("marginalia doctor --compare names what differs between two results, what is the same, and what one alone tells", async () => {
  project.file("a.json", result({}));
  project.file("b.json", JSON.stringify({ layout: { meta: { node: "22.0.0", v8: "11.3", cpu: "A", seed: 1, parameters: { n: 2 } } } })); // prettier-ignore
  const { code, stdout } = await project.run("doctor", "--compare", "a.json", "b.json");
  expect(code).toBe(1);
  expect(stdout).toBe(
    `≠ parameters\n    a.json: {"n":1}\n    b.json: {"n":2}\n≠ node\n    a.json: 20.20.2\n    b.json: 22.0.0\n= seed, v8, cpu\n`,
  );
  expect((await project.run("doctor", "--compare", "a.json", "a.json")).code).toBe(0);
});

test("with one result it compares with this machine; what tells no provenance is refused", async () => {
  project.file("a.json", result({ node: process.versions.node, v8: "0.1" }));
  const { code, stdout } = await project.run("doctor", "--compare", "a.json");
  expect(code).toBe(1);
  expect(stdout).toContain(`≠ v8\n    a.json: 0.1\n    here, now: ${process.versions.v8}\n`);
  expect(stdout).toMatch(/^= .*node/m);
  expect(stdout).toMatch(/^– told by one alone: .*seed/m);
  project.file("c.json", "{}");
  expect((await project.run("doctor", "--compare", "c.json")).code).toBe(2);
});
