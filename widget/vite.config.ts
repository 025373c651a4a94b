/**
 * Owns how the widget is built and tested: one minified script, and beside it the extras that it fetches when they are wanted,
 * each with a source map, for every browser that speaks ES2020.
 * Leaves the serving, caching and the hashed name of the script itself to the appliance.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const OUTPUT = "dist";

/** Give every name that is declared private in a class and is nobody else's: no other file, and nothing of the browser's, knows it. */
function findPrivateNames(): string[] {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join("src", name), "utf8"));
  const isPrivate = /private (?:readonly |async |get |set )*(\w+)/g;
  const names = new Set(sources.flatMap((source) => [...source.matchAll(isPrivate)].map(([, name = ""]) => name)));
  const others = sources.map((source) => source.replace(isPrivate, "").replace(/\bthis\.\w+/g, "")).join();
  const words = new Set(others.match(/\w+/g));
  return [...names].filter((name) => !words.has(name));
}

const properties = { regex: new RegExp(`^(?:${findPrivateNames().join("|")})$`) };
const shared = { target: "es2020", cssTarget: "chrome87", sourcemap: true, minify: "terser", terserOptions: { ecma: 2020, mangle: { properties }, compress: { passes: 3, unsafe_arrows: true, keep_fargs: false, pure_getters: true }, format: { comments: false } } } as const;

function findExtras(): string {
  return readdirSync(OUTPUT).find((name) => /^widget-extras\.\w+\.js$/.test(name)) ?? "";
}

export default defineConfig(({ mode }) => {
  if (mode === "extras") {
    return {
      // Not as a library: of those, Vite leaves the white space in.
      build: {
        ...shared,
        emptyOutDir: true,
        modulePreload: false,
        rollupOptions: {
          input: { "widget-extras": "src/extras/index.ts" },
          preserveEntrySignatures: "strict",
          // Named by what is in it, so that it can be kept for ever.
          output: { entryFileNames: "[name].[hash:16].js", hashCharacters: "hex" },
        },
      },
    };
  }
  return {
    define: { __EXTRAS__: JSON.stringify(mode === "production" ? findExtras() : "") },
    build: { ...shared, emptyOutDir: false, lib: { entry: "src/main.ts", formats: ["iife"], name: "CsaiWidget", fileName: () => "widget.js" } },
    test: {
      environment: "happy-dom",
      include: ["test/**/*.test.ts"],
      // A busy machine is no failure.
      testTimeout: 30_000,
      expect: { poll: { timeout: 10_000 } },
      restoreMocks: true,
      unstubGlobals: true,
    },
  };
});
