/**
 * Owns how the widget is built and tested: one minified script with a source map, for every browser that speaks ES2020.
 * Leaves the serving of the result, its caching and its hashed name to the appliance.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  build: {
    target: "es2020",
    cssTarget: "chrome87",
    sourcemap: true,
    emptyOutDir: true,
    lib: {
      entry: "src/main.ts",
      formats: ["iife"],
      name: "CsaiWidget",
      fileName: () => "widget.js",
    },
  },
  test: {
    environment: "happy-dom",
    include: ["test/**/*.test.ts"],
    restoreMocks: true,
    unstubGlobals: true,
  },
});
