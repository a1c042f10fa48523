/** Commands on the installation: kernel, lab, doctor. */
import type { Command } from "commander";
import { lazily } from "./option-values.ts";

export function addInstallationCommands(root: Command): void {
  const kernel = root.command("kernel").description("make the kernel known to Jupyter front ends, or forget it");
  for (const action of ["install", "uninstall"] as const)
    kernel
      .command(action)
      .description(`${action} the kernelspec`)
      .option("--user", "for this user (the default)")
      .option("--sys-prefix", "in the active Python environment")
      .option("--prefix <dir>", "under DIR/share/jupyter")
      .action(
        lazily(async (options: { user?: boolean; sysPrefix?: boolean; prefix?: string }) =>
          (await import("./kernel.ts")).kernel(action, options),
        ),
      );

  root
    .command("lab [arguments...]")
    .description("start JupyterLab with this kernel, in a Python environment of its own")
    .option("--environment <dir>", "the environment's folder (default: marginalia/lab among the user's caches)")
    .option("--prepare", "make the environment only")
    .addHelpText("after", "\nArguments go to JupyterLab: marginalia lab notebooks/start-here.ipynb -- --port=8899")
    .action(
      lazily(async (more: string[], options: { environment?: string; prepare?: boolean }) =>
        (await import("./lab.ts")).lab(more, options),
      ),
    );

  root
    .command("doctor")
    .description("check this machine and this copy: what works, what is missing, what to do")
    .option(
      "--compare <file...>",
      "say in what the environment of a result (result.json, a figure's json, an executed notebook) differs from this one, or from a second result's",
    ) // prettier-ignore
    .action(
      lazily(async ({ compare }: { compare?: string[] }) =>
        compare ? (await import("./compare.ts")).compareEnvironments(compare) : (await import("./doctor.ts")).doctor(),
      ),
    );
}
