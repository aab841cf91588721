// Writes the small tokenizer files of tests/MergeTasks.Transformers.Tests/Tokenization/Data: the structure of published ones with
// vocabularies of a few hundred tokens, made here from the strings of strings.mjs.
//
//   node fixtures.mjs FOLDER
import fs from 'node:fs';
import { code, words } from './strings.mjs';

const folder = process.argv[2];
const corpus = [...words.flatMap((w, i) => Array(1 + (i * 7) % 5).fill(w)), ...code].join(' ') + '\n' +
  'the model and the merge of the tensor in a build that was not made for this but is used with them\n'.repeat(5);
const token = (id, content, more = {}) =>
  ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more });

// Byte-pair encoding by its definition: merge the most frequent pair, of equals the one met first.
function train(pieces, count) {
  const counts = new Map();
  for (const p of pieces) counts.set(p, (counts.get(p) ?? 0) + 1);
  const list = [...counts].map(([p, n]) => ({ symbols: [...p], n }));
  const merges = [];
  while (merges.length < count) {
    const pairs = new Map();
    for (const { symbols, n } of list) for (let i = 0; i + 1 < symbols.length; i++) {
      const key = symbols[i] + ' ' + symbols[i + 1];
      pairs.set(key, (pairs.get(key) ?? 0) + n);
    }
    const best = [...pairs].reduce((a, b) => (b[1] > a[1] ? b : a), [null, 1]);
    if (best[0] === null) break;
    const [a, b] = best[0].split(' ');
    merges.push([a, b]);
    for (const entry of list) {
      const next = [];
      for (let i = 0; i < entry.symbols.length; i++) {
        if (entry.symbols[i] === a && entry.symbols[i + 1] === b) { next.push(a + b); i++; } else next.push(entry.symbols[i]);
      }
      entry.symbols = next;
    }
  }
  return merges;
}

const printable = [];
for (let b = 0, n = 256; b < 256; b++) {
  const kept = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  printable.push(String.fromCodePoint(kept ? b : n++));
}
const toBytes = s => [...Buffer.from(s, 'utf8')].map(b => printable[b]).join('');
const bpe = { type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false };
const number = tokens => Object.fromEntries([...new Set(tokens)].map((t, i) => [t, i]));
const split = (regex, behavior = 'Isolated', invert = false) => ({ type: 'Split', pattern: { Regex: regex }, behavior, invert });
const byteLevel = (more = {}) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false, ...more });
const file = parts => ({ version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...parts });

const byteMerges = train(corpus.match(/ ?[^\s]+|\s+/g).map(toBytes), 700);
const byteVocab = number([...printable.toSorted(), ...byteMerges.map(m => m.join(''))]);
const byteModel = { ...bpe, vocab: byteVocab, merges: byteMerges };
const n = Object.keys(byteVocab).length;
const legacy = model => ({ ...model, merges: model.merges.map(m => m.join(' ')) });

const gpt4 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const template = (first, last, ids) => {
  const special = t => ({ SpecialToken: { id: t, type_id: 0 } });
  const a = { Sequence: { id: 'A', type_id: 0 } }, b = { Sequence: { id: 'B', type_id: 1 } };
  return {
    type: 'TemplateProcessing', single: [...first.map(special), a, ...last.map(special)],
    pair: [...first.map(special), a, b, ...last.map(special)],
    special_tokens: Object.fromEntries(Object.entries(ids).map(([t, id]) => [t, { id: t, ids: [id], tokens: [t] }])),
  };
};

const markedMerges = train(corpus.replaceAll(' ', '▁').match(/▁?[^▁\n]+|▁+|\n+/g), 500);
const marked = (specials, more) => {
  const characters = [...new Set('▁' + corpus.replaceAll(' ', ''))].filter(c => c.codePointAt(0) < 0x600);
  const vocab = number([...specials, ...Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`),
    ...markedMerges.map(m => m.join('')), ...markedMerges.flat(), ...characters]);
  return { ...bpe, unk_token: '<unk>', fuse_unk: true, byte_fallback: true, vocab, merges: markedMerges, ...more };
};
const bytesBack = [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }];
const bos = template(['<s>'], [], { '<s>': 1 });
const sentencePiece = ['<unk>', '<s>', '</s>'].map((t, i) => token(i, t));

const pieces = train(corpus.toLowerCase().normalize('NFD').replace(/\p{Mn}/gu, '').match(/[\p{L}\p{N}]+/gu), 300).map(m => m.join(''));
const letters = [...new Set(corpus.normalize('NFD').replace(/\s/g, ''))].slice(0, 220);
const bertSpecials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const bertVocab = number([...bertSpecials, ...letters, ...letters.map(c => '##' + c), ...pieces, ...pieces.map(p => '##' + p), 'the', 'model', 'straße', 'cafe', '中', '日', '本']);
const wordPiece = { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: bertVocab };
const bertNormalizer = (more = {}) => ({ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true, ...more });
const bertTokens = bertSpecials.map((t, i) => token(i, t));

const unigramTokens = ['<s>', '<pad>', '</s>', '<unk>', '▁', ...new Set([...markedMerges.map(m => m.join('')), ...letters])];
const unigramVocab = unigramTokens.map((t, i) => [t, i < 4 ? 0 : -2.5 - Math.log(i) - (i % 13) / 7 + [...t].length * 0.75]);

// SentencePiece's table of replacements: a trie as a double array over UTF-8 bytes, then the replacements, each ended by a zero byte.
function charsmap(entries) {
  const replacements = [], root = { children: new Map() };
  for (const [from, to] of entries) {
    let node = root;
    for (const b of Buffer.from(from)) {
      if (!node.children.has(b)) node.children.set(b, { children: new Map() });
      node = node.children.get(b);
    }
    node.value = replacements.length;
    replacements.push(...Buffer.from(to), 0);
  }
  const units = [0], taken = new Set([0]);
  let from = 1;
  (function place(node, at, label) {
    const labels = [...(node.value === undefined ? [] : [0]), ...node.children.keys()];
    while (taken.has(from)) from++;
    let base = from;
    while (labels.some(l => taken.has(base ^ l))) base++;
    labels.forEach(l => taken.add(base ^ l));
    units[at] = (label | (node.value === undefined ? 0 : 256) | (at ^ base) << 10) >>> 0;
    if (node.value !== undefined) units[base] = (node.value | 1 << 31) >>> 0;
    for (const [b, child] of node.children) place(child, base ^ b, b);
  })(root, 0, 0);
  const length = Math.ceil((Math.max(...taken) + 1) / 256) * 256;
  const bytes = Buffer.alloc(4 + 4 * length);
  bytes.writeUInt32LE(4 * length);
  for (let i = 0; i < length; i++) bytes.writeUInt32LE(units[i] ?? 0, 4 + 4 * i);
  return Buffer.concat([bytes, Buffer.from(replacements)]).toString('base64');
}
const compatible = new Map([['\u0001', ''], ['\u200b', ''], ['\ufeff', ''], ['\r\n', ' '], ['\t', ' '], ['\n', ' '], ['\u00a0', ' '], ['\u3000', ' ']]);
for (let c = 0xa1; c < 0x1f200; c++) {
  const own = c >= 0xd800 && c < 0xe000 ? '' : String.fromCodePoint(c), to = own.normalize('NFKC');
  if (own !== to && !compatible.has(own) && (c < 0x400 || c % 5 === 0)) compatible.set(own, to);
}
for (const base of 'aeioucnAEIOU') for (const mark of '\u0300\u0301\u0302\u0303\u0308\u0327') compatible.set(base + mark, (base + mark).normalize('NFC'));

const robertaVocab = number(['<s>', '<pad>', '</s>', '<unk>', ...Object.keys(byteVocab), '<mask>']);
const wordLevel = number(['<unk>', '<pad>', ...words.map(w => w.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()), ...'.,;:!?-()"\'1234567890']);
const clipCharacters = printable.toSorted();
const clipMerges = train(words.map(w => w.toLowerCase()).filter(w => /^[a-z]+$/.test(w)).map(w => [...w].slice(0, -1).join('') + w.at(-1)), 0);
const clipWords = words.map(w => w.toLowerCase()).filter(w => /^[a-z]{2,}$/.test(w));
for (const w of new Set(clipWords)) { // one chain of merges for each word: "a", "b" -> "ab", then the end "c</w>"
  let left = w[0];
  for (let i = 1; i < w.length; i++) {
    const right = w[i] + (i === w.length - 1 ? '</w>' : '');
    if (!clipMerges.some(m => m[0] === left && m[1] === right)) clipMerges.push([left, right]);
    left += right;
  }
}
const clipVocab = number([...clipCharacters, ...clipCharacters.map(c => c + '</w>'), ...clipMerges.map(m => m.join('')), '<|startoftext|>', '<|endoftext|>']);

const files = {
  'gpt2': file({ added_tokens: [token(n, '<|endoftext|>')], pre_tokenizer: byteLevel({ use_regex: true }), post_processor: byteLevel({ add_prefix_space: true, trim_offsets: false }), decoder: byteLevel(), model: legacy({ ...byteModel, continuing_subword_prefix: '', end_of_word_suffix: '' }) }),
  'llama3': file({ added_tokens: [token(n, '<|begin_of_text|>'), token(n + 1, '<|end_of_text|>'), token(n + 2, '<|eot_id|>')], pre_tokenizer: { type: 'Sequence', pretokenizers: [split(gpt4), byteLevel()] },
    post_processor: { type: 'Sequence', processors: [byteLevel({ trim_offsets: false }), template(['<|begin_of_text|>'], [], { '<|begin_of_text|>': n })] }, decoder: byteLevel(), model: legacy({ ...byteModel, ignore_merges: true }) }),
  'qwen3': file({ added_tokens: [token(n, '<|endoftext|>'), token(n + 1, '<|im_start|>'), token(n + 2, '<tool_call>', { special: false })], normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split(gpt4.replace('{1,3}', '')), byteLevel({ trim_offsets: false })] }, post_processor: byteLevel({ trim_offsets: false }), decoder: byteLevel(), model: byteModel }),
  'o200k': file({ added_tokens: [token(n, '<|endoftext|>')], pre_tokenizer: { type: 'Sequence', pretokenizers: [
    split("[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", 'Removed', true), byteLevel()] }, decoder: byteLevel(), model: byteModel }),
  'deepseek': file({ added_tokens: [token(n, '<｜begin▁of▁sentence｜>'), token(n + 1, '<｜User｜>', { special: false, normalized: true }), token(n + 2, '<think>', { normalized: true, special: false })], normalizer: { type: 'Sequence', normalizers: [] },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split('\\p{N}{1,3}'), split('[一-龥\u3040-ゟ゠-ヿ]+'),
      split("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"), byteLevel()] }, decoder: byteLevel(), model: byteModel }),
  'digits': file({ added_tokens: [token(n, '<|endoftext|>')], pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel({ use_regex: true })] }, decoder: byteLevel(), model: byteModel }),
  'llama2': file({ added_tokens: sentencePiece, normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] }, post_processor: bos,
    decoder: { type: 'Sequence', decoders: [...bytesBack, { type: 'Strip', content: ' ', start: 1, stop: 0 }] }, model: marked(['<unk>', '<s>', '</s>']) }),
  'mistral': file({ added_tokens: sentencePiece, pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false }, post_processor: bos,
    decoder: { type: 'Sequence', decoders: [...bytesBack, { type: 'Strip', content: ' ', start: 1, stop: 0 }] }, model: marked(['<unk>', '<s>', '</s>']) }),
  'gemma': file({ added_tokens: ['<pad>', '<eos>', '<bos>', '<unk>'].map((t, i) => token(i, t)), normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' }, pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    post_processor: template(['<bos>'], [], { '<bos>': 2 }), decoder: { type: 'Sequence', decoders: bytesBack }, model: marked(['<pad>', '<eos>', '<bos>', '<unk>']) }),
  'bert-uncased': file({ added_tokens: bertTokens, normalizer: bertNormalizer(), pre_tokenizer: { type: 'BertPreTokenizer' }, post_processor: template(['[CLS]'], ['[SEP]'], { '[CLS]': 2, '[SEP]': 3 }), decoder: { type: 'WordPiece', prefix: '##', cleanup: true }, model: wordPiece }),
  'bert-cased': file({ added_tokens: bertTokens, normalizer: bertNormalizer({ lowercase: false }), pre_tokenizer: { type: 'BertPreTokenizer' }, post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] }, decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
    truncation: { direction: 'Right', max_length: 24, strategy: 'LongestFirst', stride: 0 }, padding: { strategy: { Fixed: 16 }, direction: 'Right', pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' }, model: wordPiece }),
  'roberta': file({ added_tokens: ['<s>', '<pad>', '</s>', '<unk>'].map((t, i) => token(i, t, { normalized: true })).concat([token(robertaVocab['<mask>'], '<mask>', { lstrip: true })]), pre_tokenizer: byteLevel({ add_prefix_space: true, use_regex: true }),
    post_processor: { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0], trim_offsets: true, add_prefix_space: true }, decoder: byteLevel({ add_prefix_space: true }), model: { ...byteModel, vocab: robertaVocab } }),
  'wordlevel': file({ added_tokens: [token(0, '<unk>'), token(1, '<pad>', { rstrip: true })], normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, { type: 'Strip', strip_left: true, strip_right: true }] }, pre_tokenizer: { type: 'Whitespace' }, model: { type: 'WordLevel', vocab: wordLevel, unk_token: '<unk>' } }),
  'unigram': file({ added_tokens: ['<s>', '<pad>', '</s>', '<unk>'].map((t, i) => token(i, t)), normalizer: { type: 'Sequence', normalizers: [{ type: 'Nmt' }, { type: 'NFKC' }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }] }, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }] },
    post_processor: template([], ['</s>'], { '</s>': 2 }), decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }, model: { type: 'Unigram', unk_id: 3, vocab: unigramVocab, byte_fallback: false } }),
  'xlm-roberta': file({ added_tokens: ['<s>', '<pad>', '</s>', '<unk>'].map((t, i) => token(i, t)).concat([token(unigramTokens.length, '<mask>', { lstrip: true })]), normalizer: { type: 'Precompiled', precompiled_charsmap: charsmap(compatible) }, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }] },
    post_processor: template(['<s>'], ['</s>'], { '<s>': 0, '</s>': 2 }), decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }, model: { type: 'Unigram', unk_id: 3, vocab: unigramVocab, byte_fallback: false } }),
  'albert': file({ added_tokens: ['<s>', '<pad>', '</s>', '<unk>'].map((t, i) => token(i, t)), normalizer: { type: 'Sequence', normalizers: [{ type: 'Replace', pattern: { String: '``' }, content: '"' }, { type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, { type: 'Precompiled', precompiled_charsmap: charsmap(compatible) }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }] }, pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
    post_processor: template([], ['</s>'], { '</s>': 2 }), decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true }, model: { type: 'Unigram', unk_id: 3, vocab: unigramVocab, byte_fallback: false } }),
  'llama2-v5': file({ added_tokens: sentencePiece, pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false }, post_processor: template([], [], {}),
    decoder: { type: 'Sequence', decoders: [...bytesBack, { type: 'Strip', content: ' ', start: 1, stop: 0 }] }, model: marked(['<unk>', '<s>', '</s>']) }),
  'clip': file({ added_tokens: [token(clipVocab['<|startoftext|>'], '<|startoftext|>'), token(clipVocab['<|endoftext|>'], '<|endoftext|>')], normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }] },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split("'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+", 'Removed', true), byteLevel()] }, decoder: { type: 'BPEDecoder', suffix: '</w>' }, model: { ...bpe, unk_token: '<|endoftext|>', end_of_word_suffix: '</w>', vocab: clipVocab, merges: clipMerges } }),
  'added-tokens': file({ added_tokens: [token(n, '<left>', { lstrip: true }), token(n + 1, '<right>', { rstrip: true }), token(n + 2, '<both>', { lstrip: true, rstrip: true }), token(n + 3, 'word', { single_word: true, special: false }), token(n + 4, 'Café', { normalized: true, special: false }), token(n + 5, 'The', { normalized: true, single_word: true, lstrip: true, special: false }), token(n + 6, '  '), token(n + 7, '<left><right>'), token(n + 8, 'AB'), token(n + 9, 'ABC', { single_word: true })],
    normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKC' }, { type: 'Lowercase' }] }, pre_tokenizer: byteLevel({ add_prefix_space: true, use_regex: true }), decoder: byteLevel(), model: byteModel }),
};
fs.mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(files)) fs.writeFileSync(`${folder}/${name}.json`, JSON.stringify(content) + '\n');
