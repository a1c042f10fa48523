import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { code } from "../../runner/notebooks.ts";
import { main, Project } from "../../cli/command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.remove());

const git = (...args: string[]) => execFileSync("git", args, { cwd: project.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }); // prettier-ignore
const output = { output_type: "stream", name: "stdout", text: "secret result" };

test("clean --install: git adds notebooks without their outputs, and refuses where the command is gone", async () => {
  git("init", "--quiet");
  const file = project.notebook("a b's", { ...code("1"), outputs: [output] });
  project.file(".gitattributes", "*.png binary");
  const { code: exit, stderr } = await project.run("clean", "--install");
  expect([exit, stderr]).toEqual([0, expect.stringContaining("commit .gitattributes")]);
  expect(await project.run("clean", "--install")).toMatchObject({ code: 0 });
  expect(readFileSync(project.in(".gitattributes"), "utf8")).toBe("*.png binary\n*.ipynb filter=notebook\n");
  // The package is not installed in this project, so the command is replaced by its own in the same words.
  const command = git("config", "filter.notebook.clean").trim();
  expect(command).toBe("npx --no -- marginalia clean --stdin %f");
  git("config", "filter.notebook.clean", command.replace("npx --no -- marginalia", `"${process.execPath}" "${main}"`));
  git("add", ".");
  const added = git("show", `:${file}`);
  expect(added).toContain('"source"');
  expect(added).not.toContain("secret result");
  expect(readFileSync(project.in(file), "utf8")).toContain("secret result");

  git("config", "filter.notebook.clean", "no-such-command --stdin %f");
  project.notebook("second", { ...code("2"), outputs: [output] });
  const refused = spawnSync("git", ["add", "notebooks/second.ipynb"], { cwd: project.folder, encoding: "utf8" });
  expect([refused.status, refused.stderr]).toEqual([128, expect.stringContaining("notebooks/second.ipynb")]);
  expect(git("ls-files")).not.toContain("second");
});

test("clean --install outside of a repository says so; --stdin names the file that git named", async () => {
  const outside = await project.run("clean", "--install");
  expect([outside.code, outside.stderr]).toEqual([2, expect.stringContaining("in no git repository")]);
  const { status, stderr } = spawnSync(process.execPath, [main, "clean", "--stdin", "a.ipynb"], { input: "{", encoding: "utf8" }); // prettier-ignore
  expect([status, stderr]).toEqual([2, expect.stringContaining("a.ipynb:1:2: broken JSON")]);
});
