// Reads, on stdin, a JSON list of {path, env}; prints what wrangler makes of each as a JSON list.
// Usage: node normalise.cjs FOLDER_OF_THE_WRANGLER_PACKAGE
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const EXPORT = "\nexports.normalise = normalizeAndValidateConfig;";

function load(folder) {
  // The package exports its reader, but not the step behind it, which alone returns the
  // diagnostics as they are, and the config in spite of errors.
  const file = path.join(path.resolve(folder), "wrangler-dist", "cli.js");
  const loaded = new Module(file);
  loaded.filename = file;
  loaded.paths = Module._nodeModulePaths(path.dirname(file));
  loaded._compile(fs.readFileSync(file, "utf8") + EXPORT, file);
  return loaded.exports;
}

function messages(diagnostics, level) {
  const inner = diagnostics.children.flatMap((child) => messages(child, level));
  return [...diagnostics[level], ...inner];
}

function read(wrangler, { path: file, env }) {
  const args = { config: file, env: env ?? undefined };
  process.chdir(path.dirname(file));
  try {
    const raw = wrangler.experimental_readRawConfig(args);
    const { config, diagnostics } = wrangler.normalise(
      raw.rawConfig,
      raw.configPath,
      raw.userConfigPath,
      args
    );
    const errors = messages(diagnostics, "errors");
    return { settings: config, errors, warnings: messages(diagnostics, "warnings") };
  } catch (error) {
    return { raised: error.message };
  }
}

const wrangler = load(process.argv[2]);
const wanted = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(wanted.map((each) => read(wrangler, each))));
