using System.Text;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Transformers.Tokenization;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>Readers of tokenizers' files.</summary>
internal static class TokenizerReaders
{
    private const string SampleText = "ab  Héllo, wörld! <s> 123 ＡＢ\t\u0301中文 ab";

    private static readonly string[] Tokenizers =
    [
        """{"version":"1.0","truncation":{"direction":"Right","max_length":8,"strategy":"LongestFirst","stride":0},"padding":null,"added_tokens":[{"id":4,"content":"<s>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"Lowercase"},{"type":"StripAccents"},{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[4],"tokens":["<s>"]}}},"decoder":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":true,"vocab":{"a":0,"b":1,"ab":2,"h":3},"merges":["a b"]}}""",
        """{"version":"1.0","added_tokens":[{"id":0,"content":"[UNK]","single_word":true,"lstrip":false,"rstrip":true,"normalized":true,"special":false}],"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},"padding":{"strategy":{"Fixed":12},"direction":"Left","pad_to_multiple_of":8,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"a":1,"[CLS]":2,"[SEP]":3,"##b":4,"hello":5}}}""",
        """{"version":"1.0","added_tokens":[],"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Nmt"},{"type":"NFKC"},{"type":"Strip","strip_left":true,"strip_right":true}]},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},"post_processor":{"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",0],"trim_offsets":true,"add_prefix_space":false},"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0.0],["▁",-2.5],["a",-3.5],["b",-4],["ab",-1.25]]}}""",
        """{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Whitespace"},{"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"MergedWithPrevious"},{"type":"CharDelimiterSplit","delimiter":"-"},{"type":"FixedLength","length":3}]},"post_processor":null,"decoder":{"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true},"model":{"type":"WordLevel","unk_token":"x","vocab":{"x":0,"ab":1}}}""",
        TinyTokenizer.Pairs(["a", "b", "ab", "c"], ["a b"], ("<s>", 4)),
        TinyTokenizer.Unigram(["<unk>", "a", "b"], ("<t>", 3)),
    ];

    private static readonly string[] Patterns =
    [
        @"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        @"'s|'t| ?\p{L}+| ?\p{N}+|[[:alpha:]&&[^a-c]]{2,5}?|\x{200C}|(a|b)*+c|[^\W\d_]+",
        @"^(?:ab|a(?=b))$|(?<!x)y+?|\u00e9|[\-\]a-z]",
    ];

    // Pieces of a sentencepiece model: field 1, of field 1 (text), 2 (score) and 3 (type).
    private static readonly byte[] Pieces =
        [
            0x0A, 0x0E, 0x0A, 0x05, .. "<unk>"u8, 0x15, 0, 0, 0, 0, 0x18, 2,
            0x0A, 0x08, 0x0A, 0x01, .. "a"u8, 0x15, 0, 0, 0x80, 0xBF, 0x12, 0x02, 0x08, 0x01,
        ];

    public static IEnumerable<MutatedReader> In(string folder)
    {
        var corpus = Tokenizers.Select(Encoding.UTF8.GetBytes).ToList();
        yield return new("tokenizer", MutationKind.Json, corpus, bytes =>
        {
            var tokenizer = Tokenizer.Load(MutatedReaders.Put(folder, "tokenizer.json", bytes));
            _ = tokenizer.Decode(tokenizer.Encode(SampleText, addSpecialTokens: true), skipSpecialTokens: false);
        });
        yield return new("pattern", MutationKind.Bytes, [.. Patterns.Select(Encoding.UTF8.GetBytes)], bytes =>
        {
            var text = Encoding.UTF8.GetString(bytes);
            var json = System.Text.Json.JsonSerializer.Serialize(text);
            var file = """{"added_tokens":[],"pre_tokenizer":{"type":"Split","pattern":{"Regex":"""
                + json + """},"behavior":"Isolated","invert":false},"model":{"type":"WordLevel","unk_token":"x","vocab":{"x":0,"ab":1}}}""";
            var path = MutatedReaders.Put(folder, "tokenizer.json", Encoding.UTF8.GetBytes(file));
            Tokenizer.Load(path).Encode(SampleText, addSpecialTokens: false);
        });
        yield return new("vocabulary", MutationKind.Json, corpus, bytes => Told(() =>
        {
            var vocabulary = new OutputVocabulary(ModelVocabulary.Parse(bytes), bytes);
            _ = vocabulary.TryAppend("new", null) || vocabulary.TryAppend("new", """{"id":0,"content":"new"}""");
            vocabulary.ToBytes();
        }));
        var known = ModelVocabulary.Parse(corpus[0]);
        yield return new("compared vocabulary", MutationKind.Json, corpus, bytes => Told(() =>
        {
            _ = VocabularyDifference.Describe(known, "a", ModelVocabulary.Parse(bytes), "b");
            _ = VocabularyDifference.Describe(ModelVocabulary.Parse(bytes), "b", known, "a");
        }));
        yield return new(
            "chat template",
            MutationKind.Json,
            """{"model_max_length":512,"chat_template":[{"name":"default","template":"{{ 1 }} some longer text"},{"name":"x","template":"{{ 2 }}"}],"added_tokens_decoder":{"1":{"content":"<s>"}}}""",
            bytes =>
        {
            var file = SideFile.Of("tokenizer_config.json", bytes);
            _ = ChatTemplates.Apply(new ChatTemplateDeclaration("auto", new SourceLocation("x")), [file], [[file]]);
            _ = ChatTemplates.Apply(new ChatTemplateDeclaration("chatml", new SourceLocation("x")), [file], [[file]]);
        });
        yield return Table("vocab.json", MutationKind.Json, """{"a":0,"b":1,"ab":2}"""u8.ToArray());
        yield return Table("vocab.txt", MutationKind.Bytes, "[UNK]\na\r\nb\n\n##c\n"u8.ToArray());
        yield return Table("tekken.json", MutationKind.Json,
            """{"config":{"default_vocab_size":6,"default_num_special_tokens":2},"vocab":[{"rank":0,"token_bytes":"YQ==","token_str":"a"},{"rank":1,"token_bytes":"Yg=="}]}"""u8.ToArray());
        yield return Table("a.tiktoken", MutationKind.Bytes, "YQ== 0\nYg== 1\nYWI= 2\n"u8.ToArray());
        yield return Table("tokenizer.model", MutationKind.Bytes, Pieces, "YQ== 0\nYg== 1\n"u8.ToArray());

        MutatedReader Table(string name, MutationKind kind, params byte[][] files) => new("table " + name, kind, files, bytes =>
        {
            if (TokenTable.Read([SideFile.Of(name, bytes)]) is { } table)
            {
                _ = TokenTable.Describe(table, "a", TokenTable.Of(known), "b");
                _ = TokenTable.Describe(TokenTable.Of(known), "b", table, "a");
            }
        })
        { ReadsAnything = true };
    }

    // What the only callers make of it.
    private static void Told(Action read)
    {
        try
        {
            read();
        }
        catch (FormatException e)
        {
            throw new TokenizerException(e.Message, e);
        }
    }
}
