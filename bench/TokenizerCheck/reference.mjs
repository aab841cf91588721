// Writes what the reference implementation makes of random strings, for TokenizerCheck and for the tests' fixtures.
//
//   npm install @anush008/tokenizers        (in any folder; the reference's Node build)
//   node reference.mjs TOKENIZER.json COUNT SEED > cases.jsonl
//
// Run it from the folder that holds node_modules, or set NODE_PATH there. The strings depend on SEED and on the file's added
// tokens only. One line a case:
//   {"text": ...} or {"utf16": "hex units"} (text with lone surrogates), "special": bool, "ids": [...], "back": ..., "skip": ...
//   {"decode": [...], "back": ..., "skip": ...}                          (ids drawn at random)
// "back" and "skip" are the decoded texts with and without special tokens.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import { randomSource, strata } from './strings.mjs';

const require = createRequire(process.cwd() + '/');
const { Tokenizer } = require('@anush008/tokenizers');
const [, , path, countText, seedText] = process.argv;
const json = fs.readFileSync(path, 'utf8');
const tokenizer = Tokenizer.fromString(json);
const added = JSON.parse(json).added_tokens.map(t => t.content);

const source = randomSource(Number(seedText));
const { random, int } = source;
const makers = strata(source, added);
const names = Object.keys(makers);
const size = tokenizer.getVocabSize(true);
const hex = s => Array.from({ length: s.length }, (_, i) => s.charCodeAt(i).toString(16)).join(' ');
const out = [];
const back = async ids => ({ back: await tokenizer.decode(ids, false), skip: await tokenizer.decode(ids, true) });
for (let i = 0; i < Number(countText); i++) {
  const text = i === 0 ? '' : makers[names[i % names.length]]();
  const special = random() < 0.5;
  const ids = (await tokenizer.encode(text.toWellFormed(), null, { addSpecialTokens: special })).getIds();
  out.push(JSON.stringify({ ...(text.isWellFormed() ? { text } : { utf16: hex(text) }), special, ids, ...await back(ids) }));
  if (i % 10 === 0) {
    const decode = Array.from({ length: int(1, 12) }, () => random() < 0.2 ? int(0, Math.min(size - 1, 300)) : int(0, size - 1));
    out.push(JSON.stringify({ decode, ...await back(decode) }));
  }
  if (out.length > 1000) { fs.writeSync(1, out.join('\n') + '\n'); out.length = 0; }
}
if (out.length) fs.writeSync(1, out.join('\n') + '\n');
