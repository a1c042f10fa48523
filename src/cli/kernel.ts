/** `marginalia kernel install|uninstall`: makes the kernel known to Jupyter front ends. */
import {
  installKernelspec,
  jupyterFolder,
  kernelspecFolder,
  uninstallKernelspec,
  type InstallPlace,
} from "../kernel/install/kernelspec.ts";
import { installLabExtension, uninstallLabExtension } from "../kernel/install/labextension.ts";
import { prepareSnapshots } from "../kernel/language/snapshot.ts";
import { InputError } from "../base/input-error.ts";
import { EXIT } from "./exit-codes.ts";

export interface KernelPlaceOptions {
  readonly user?: boolean;
  readonly sysPrefix?: boolean;
  readonly prefix?: string;
}

export async function kernel(action: "install" | "uninstall", options: KernelPlaceOptions): Promise<number> {
  const place = placeOf(options);
  if (action === "install") {
    console.log(`installed in ${installKernelspec(place)}`);
    console.log(`for Plotly figures in JupyterLab: ${installLabExtension(jupyterFolder(place))}`);
    await prepareSnapshots(); // else the first kernel makes it, while somebody works with it
  } else {
    let removed: string | undefined;
    try {
      removed = uninstallKernelspec(place);
    } catch (error) {
      throw new InputError((error as Error).message, { cause: error });
    }
    if (removed === undefined) {
      console.error(`not installed in ${kernelspecFolder(place)}`);
      return EXIT.failed;
    }
    uninstallLabExtension(jupyterFolder(place));
    console.log(`removed from ${removed}`);
  }
  return EXIT.ok;
}

function placeOf({ user, sysPrefix, prefix }: KernelPlaceOptions): InstallPlace {
  if ([user, sysPrefix, prefix].filter(Boolean).length > 1)
    throw new InputError("--user, --sys-prefix and --prefix exclude one another: give one, or none for --user");
  return prefix !== undefined ? { prefix } : sysPrefix ? "sys-prefix" : "user";
}
