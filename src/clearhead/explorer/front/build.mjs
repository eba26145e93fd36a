// Builds ../built from the sources here, the same bytes every time:
//
//     npm ci && npm run build      (types: npm run check)
//
// built/ is committed and shipped in the wheel, so that nobody needs node to use the page.
// `node build.mjs FOLDER` builds into another folder.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "built");
mkdirSync(out, { recursive: true });

const banner = `/*! clearhead explorer. Bundled: ${["preact", "@preact/signals", "@preact/signals-core"].map(licence).join("; ")} */`;

for (const [entry, name] of [
  ["main.tsx", "explorer"],
  ["widget.tsx", "widget"],
]) {
  if (!existsSync(join(here, entry))) continue;
  const { outputFiles } = await build({
    absWorkingDir: here,
    entryPoints: [entry],
    outdir: "out", // a name only: nothing is written there
    write: false,
    bundle: true,
    ...(name === "widget" ? { format: "iife", globalName: "widget" } : { format: "esm" }),
    target: ["es2022"],
    minify: true,
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
    logOverride: { "ignored-bare-import": "silent" },
  });
  for (const { path, contents } of outputFiles) {
    const text = Buffer.from(contents).toString("utf8");
    if (path.endsWith(".js"))
      write(`${name}.js`, `${banner}\n${name === "widget" ? anew(text) : text}`);
    // The widget wears the page's style sheet: both import the same views.
    if (path.endsWith(".css") && name === "explorer") {
      write("explorer.css", contents);
      write("widget.css", inCell(text));
    }
  }
}
write("index.html", readFileSync(join(here, "index.html")));

/** The widget's script runs once for each widget: two of them would otherwise share their state
 * where a notebook loads equal scripts once. */
function anew(script) {
  return `export default { render(context) {\n${script}\nreturn widget.render(context);\n} };\n`;
}

/** The style sheet where the page is a part of another: what it asks of the window it asks of the
 * cell, and the notebook's size of type does not count. */
function inCell(css) {
  return css
    .replace(/@media ?(\((?:min|max)-width:)/g, "@container clearhead $1")
    .replace(/(?<=[\d.])vw\b/g, "cqi")
    .replace(/(?<![\w#])(\d*\.?\d+)rem\b/g, (_, size) => `${+(16 * size).toFixed(3)}px`);
}

function licence(name) {
  const folder = join(here, "node_modules", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const text = readFileSync(join(folder, "LICENSE"), "utf8").trim();
  return `${name} ${version}\n\n${text}\n`;
}

function write(name, contents) {
  writeFileSync(join(out, name), contents);
}
