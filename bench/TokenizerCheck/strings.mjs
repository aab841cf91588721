// Random strings for the tokenizer's comparison with the reference implementation, drawn from a seed.

/** A generator of random numbers in [0, 1) (mulberry32) with the draws that the strings need. */
export function randomSource(seed) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (low, high) => low + Math.floor(random() * (high - low + 1));
  const pick = list => list[int(0, list.length - 1)];
  const times = (low, high, make) => Array.from({ length: int(low, high) }, make).join('');
  return { random, int, pick, times };
}

export const words = ('the of and to in is that for was with as on be by he she it at from are this have not or had but which their we ' +
  "don't can't we'll they've I'm it's you're he'd Don'T IT'S WE'LL model merge tensor build weights Tokenizer quick brown fox naïve " +
  'café Übergröße straße ŒUVRE señor Ελληνικά λόγος ΣΑΣ русский язык український עברית العربية हिन्दी ภาษาไทย 日本語 テスト ひらがな ' +
  '한국어 中文 模型 合并 Tiếng Việt İstanbul ıI ſtraſſe ﬁne ﬀ Ⅳ ½ ² 10 2024 3.14159 1,000,000 0xFF 123456789 ٣٤٥ १२३ hello-world ' +
  'foo_bar camelCase snake_case e.g. U.S.A. http://example.org/a?b=c&d=1#e user@mail.com #tag @name C++ C# .NET').split(' ');
export const code = ['if (x == 0) {\n    return foo->bar[i++];\n}\n', 'def f(self, *args, **kw):\n\treturn {k: v for k, v in kw.items()}\n',
  '#include <stdio.h>\r\nint main(void) { printf("%d\\n", 42); }\r\n', "SELECT * FROM t WHERE a <> 'b' AND c >= 1.5e-3;\n",
  'const f = (a) => a?.b ?? `${c}`; // todo\n', '<a href="x">&nbsp;</a>\n', 'x = y << 3 | ~z & 0b1010 ^ 0o17\n', '/* *** */\n\n\n',
  'let s: &\'static str = r#"raw"#;\n', '\\begin{align} \\frac{1}{2} \\end{align}', '$HOME/.config && rm -rf "$TMP"/*\n', '!=====!!! --- ... ???'];
const spaces = [' ', '  ', '   ', '    ', '\n', '\n\n', '\r\n', '\t', '\t\t', '\u00a0', '\u3000', '\u2003', '\u2028', '\u0085', '\u000b', '\f',
  '\u200b', '\u1680', '\u202f', '\ufeff', '\r'];
const marks = ['\u0301', '\u0300', '\u0308', '\u0327', '\u0323', '\u0345', '\u0334', '\u05b4', '\u0651', '\u064e', '\u093c', '\u094d', '\u0e38',
  '\u3099', '\u309a', '\u20dd', '\ufe0f', '\u200d', '\u1ab0', '\u0f71', '\u0f72', '\u0f74', '\u0338', '\u{1d165}', '\u{1d16e}', '\u{11046}'];

/** One function for every stratum; each call makes a string. */
export function strata({ random, int, pick, times }, added) {
  const cp = (low, high) => String.fromCodePoint(int(low, high));
  return {
    plain: () => times(1, 14, () => pick(words) + pick([' ', ' ', ' ', ' ', ', ', '. ', '! ', '? ', '; ', ': ', ' - ', '\n', ' (', ') ', ' "', '" ', '…', ' — '])),
    code: () => times(1, 5, () => pick(code) + (random() < 0.3 ? ' '.repeat(int(1, 12)) : '')),
    spaces: () => times(1, 10, () => times(1, 5, () => pick(spaces)) + (random() < 0.6 ? pick(words) : pick(['1', '.', 'é', '中']))),
    marks: () => times(1, 12, () => pick(['a', 'e', 'o', 'A', 'c', 'ש', 'ا', 'क', 'が', 'か', '각', '\u1100', '\u1161', '\u11a8', 'ｶ', 'Å', 'ﬁ', '①', ' ', '1', 'ི', '\u1e9b', '\u212b', '\u2126', cp(0xac00, 0xd7a3), cp(0xf900, 0xfad9), cp(0x1e00, 0x1fff)]) + times(0, 4, () => pick(marks))),
    astral: () => times(1, 12, () => pick([() => cp(0x1f300, 0x1faff), () => cp(0x1d400, 0x1d7ff), () => cp(0x20000, 0x2a6df), () => cp(0x10000, 0x10fff),
      () => cp(0x1f1e6, 0x1f1ff), () => cp(0x11000, 0x12fff), () => cp(0x16800, 0x18fff), () => cp(0x1e000, 0x1eeff), () => cp(0x30000, 0x323af), () => cp(0xe0000, 0xe01ef), () => cp(0xf0000, 0xffffd), () => cp(0x100000, 0x10fffd),
      () => '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}', () => '\u{1f44d}\u{1f3fd}', () => pick(words), () => ' ', () => '\u{1d7d8}\u{1d7d9}', () => '\u{10400}\u{10428}'])()),
    special: () => times(1, 8, () => pick([() => added.length ? pick(added) : '<s>', () => added.length ? pick(added) : '</s>', () => pick(words), () => pick(spaces), () => added.length ? pick(added).slice(0, -1) : '<', () => ' ',
      () => pick(['<', '>', '|', '[', ']', '<|', '|>', '<s', '▁', 'Ġ', '<0x41>', '<unk>'])])()),
    any: () => times(1, 20, () => { for (;;) { const c = pick([() => int(0, 0x7f), () => int(0, 0x7ff), () => int(0, 0xffff), () => int(0, 0x10ffff)])(); if (c < 0xd800 || c > 0xdfff) return String.fromCodePoint(c); } }),
    surrogates: () => times(1, 10, () => random() < 0.4 ? String.fromCharCode(int(0xd800, 0xdfff)) : pick([pick(words), ' ', '\u{1f600}', 'a'])),
  };
}
