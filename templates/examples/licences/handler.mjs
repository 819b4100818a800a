import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Called once for each file; returns one row of the inventory. */
export default async function inventory({ path, bytes }) {
  const owner = await packageOf(dirname(path));
  const kind = kindOf(basename(path));
  const detected = kind === 'licence' ? detectLicence(await readFile(path, 'utf8')) : null;
  return {
    path: path.slice(path.indexOf('/node_modules/') + 1),
    kind,
    package: owner?.name ?? null,
    version: owner?.version ?? null,
    licence: detected ?? owner?.licence ?? 'unknown',
    bytes,
    sha256: await sha256Of(path),
  };
}

function kindOf(name) {
  if (name === 'package.json') return 'package';
  return /^(licen[cs]e|copying|unlicense)([-._].*)?$/i.test(name) && !/\.([cm]?[jt]s|json|map)$/i.test(name) ? 'licence' : 'file';
}

/** Streams the file, so that big ones need no memory. */
async function sha256Of(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** A worker sees many files of the same package: each package.json is read once. */
const packages = new Map();

/** Name, version and declared licence of the nearest package.json that has a name, up to node_modules. */
function packageOf(directory) {
  if (!packages.has(directory)) packages.set(directory, readPackage(directory));
  return packages.get(directory);
}

async function readPackage(directory) {
  const found = await readManifest(join(directory, 'package.json'));
  if (found !== null) return found;
  const above = dirname(directory);
  return basename(directory) === 'node_modules' || above === directory ? null : packageOf(above);
}

async function readManifest(path) {
  try {
    const { name, version, license, licenses } = JSON.parse(await readFile(path, 'utf8'));
    if (typeof name !== 'string') return null;
    const declared = license ?? licenses;
    const words = (Array.isArray(declared) ? declared : [declared]).map((each) => each?.type ?? each);
    const licence = words.filter((each) => typeof each === 'string').join(' OR ') || null;
    return { name, version: typeof version === 'string' ? version : null, licence };
  } catch (error) {
    // No package.json here, or one that is a test case of some package and not JSON: the next directory up decides.
    if (error.code === 'ENOENT' || error.code === 'EISDIR' || error.code === 'ENOTDIR' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** A phrase that stands in this licence and in no other. */
const PHRASES = [
  ['0BSD', /Permission to use, copy, modify, and(\/or)? distribute this software for any purpose with or without fee is hereby granted\./i],
  ['AGPL-3.0', /GNU AFFERO GENERAL PUBLIC LICENSE,? Version 3/i],
  ['Apache-2.0', /Apache License,? Version 2\.0/i],
  ['BlueOak-1.0.0', /Blue Oak Model License/i],
  ['BSD-3-Clause', /Redistribution and use in source and binary forms(?=.{0,1500}(neither the name|may not be used to endorse))/i],
  ['BSD-2-Clause', /Redistribution and use in source and binary forms(?!.{0,1500}(neither the name|may not be used to endorse))/i],
  ['CC-BY-4.0', /Attribution 4\.0 International/i],
  ['CC0-1.0', /CC0 1\.0 Universal/i],
  ['GPL-2.0', /GNU GENERAL PUBLIC LICENSE,? Version 2/i],
  ['GPL-3.0', /GNU GENERAL PUBLIC LICENSE,? Version 3/i],
  ['ISC', /Permission to use, copy, modify, and(\/or)? distribute this software for any purpose with or without fee is hereby granted, provided/i],
  ['LGPL-2.1', /GNU LESSER GENERAL PUBLIC LICENSE,? Version 2\.1/i],
  ['LGPL-3.0', /GNU LESSER GENERAL PUBLIC LICENSE,? Version 3/i],
  ['MIT', /Permission is hereby granted, free of charge, to any person obtaining a copy/i],
  ['MPL-2.0', /Mozilla Public License,? (Version|v\.?) ?2\.0/i],
  ['Python-2.0', /PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2/i],
  ['Unlicense', /This is free and unencumbered software released into the public domain/i],
  ['Zlib', /This software is provided 'as-is', without any express or implied warranty/i],
];

/** SPDX name of the first licence in the text (bundles append those of their parts); null when none is recognised. */
export function detectLicence(text) {
  const flat = text.replace(/\s+/g, ' ');
  const found = PHRASES.map(([name, phrase]) => ({ name, at: flat.search(phrase) })).filter(({ at }) => at >= 0);
  return found.sort((a, b) => a.at - b.at)[0]?.name ?? null;
}
