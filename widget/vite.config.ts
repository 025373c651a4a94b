/**
 * Owns how the widget is built and tested: one minified script, and beside it the extras that it fetches when they are wanted,
 * each with a source map, for every browser that speaks ES2020.
 * Leaves the serving, caching and the hashed name of the script itself to the appliance.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type Plugin, defineConfig } from "vitest/config";

const OUTPUT = "dist";
const shared = { target: "es2020", cssTarget: "chrome87", sourcemap: true, minify: "terser" } as const;

/** Name a file by what is in it, so that it can be kept for ever. */
function nameByContent(name: string): Plugin {
  return {
    name: "name-by-content",
    closeBundle() {
      const file = join(OUTPUT, `${name}.js`);
      const hash = createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
      renameSync(file, join(OUTPUT, `${name}.${hash}.js`));
      renameSync(`${file}.map`, join(OUTPUT, `${name}.${hash}.js.map`));
    },
  };
}

function findExtras(): string {
  return readdirSync(OUTPUT).find((name) => /^widget-extras\.\w+\.js$/.test(name)) ?? "";
}

export default defineConfig(({ mode }) => {
  if (mode === "extras") {
    return {
      plugins: [nameByContent("widget-extras")],
      build: { ...shared, emptyOutDir: true, lib: { entry: "src/extras/index.ts", formats: ["es"], fileName: () => "widget-extras.js" } },
    };
  }
  return {
    define: { __EXTRAS__: JSON.stringify(mode === "production" ? findExtras() : "") },
    build: { ...shared, emptyOutDir: false, lib: { entry: "src/main.ts", formats: ["iife"], name: "CsaiWidget", fileName: () => "widget.js" } },
    test: {
      environment: "happy-dom",
      include: ["test/**/*.test.ts"],
      restoreMocks: true,
      unstubGlobals: true,
    },
  };
});
