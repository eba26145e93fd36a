// Runs the unit tests of the page's pure parts, which are in tests/explorer/front, on Node's own
// runner, bundled, since Node 20 reads no TypeScript.
//
//     npm test                      all of them
//     node test.mjs WORD ...        those whose path has one of these words in it
//
// EXPECTED names a JSON file of numbers from Python, which tests/explorer/test_front.py writes.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const tests = join(here, "../../../../tests/explorer/front");
const words = process.argv.slice(2);
const paths = readdirSync(tests, { recursive: true })
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) => !words.length || words.some((word) => path.includes(word)))
  .sort();
if (!paths.length) throw new Error(`No test in ${tests} has ${words.join(" or ")} in its path.`);

const folder = mkdtempSync(join(tmpdir(), "clearhead-front-"));
const bundle = join(folder, "tests.mjs");
try {
  await build({
    // One bundle and so one process: Node takes longer to start than the tests to run.
    stdin: {
      contents: paths.map((path) => `import "./${path}";`).join("\n"),
      resolveDir: tests,
    },
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
    target: ["node20"],
    alias: { front: here },
    jsx: "automatic",
    jsxImportSource: "preact",
    sourcemap: "inline",
    logLevel: "warning",
  });
  const options = ["--enable-source-maps", "--test-reporter=spec"];
  const { status } = spawnSync(process.execPath, [...options, bundle], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
