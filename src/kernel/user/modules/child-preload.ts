/**
 * What threads and processes that cells start from local files load first (child-modules.ts): the kernel's way with
 * TypeScript.
 */
import { register } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { CompiledModules } from "./compiled-modules.ts";
import type { HooksData } from "./module-hooks.ts";
import { requireTypeScript } from "./required-modules.ts";

const own = new URL("../../__cell__.mts", import.meta.url).href;
process.setSourceMapsEnabled(true);
register<HooksData>("./module-hooks.js", import.meta.url, { data: { own } });
requireTypeScript(new CompiledModules(path.dirname(fileURLToPath(own))));
