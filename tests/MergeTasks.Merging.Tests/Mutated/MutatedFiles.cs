using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Files;
using MergeTasks.Files.Json;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Devices;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Planning.Vocabularies;
using MergeTasks.Merging.Tests.Vocabularies;
using MergeTasks.Sources;
using MergeTasks.Sources.Locking;
using MergeTasks.Sources.References;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;
using MergeTasks.Transformers.Tokenization.Text;

namespace MergeTasks.Merging.Tests.Mutated;

/// <summary>
/// Every reader of JSON, given some hundred other files than it expects, has a result or says in an exception of its own what is wrong: no
/// other exception comes out, and none takes long.
/// </summary>
public sealed class MutatedFiles : IDisposable
{
    // A longer run is a matter of environment: how many cases of each reader, and from which seed.
    private static readonly int Cases = Number("MERGETASKS_FUZZ_CASES", 400);
    private static readonly int Seed = Number("MERGETASKS_FUZZ_SEED", 0);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private const string Config =
        """{"architectures":["LlamaForCausalLM"],"model_type":"llama","torch_dtype":"float32","num_hidden_layers":2,"hidden_size":8,"intermediate_size":16,"num_attention_heads":2,"vocab_size":16,"bos_token_id":1,"eos_token_id":[2,3],"hidden_act":"silu","rms_norm_eps":1e-05,"layer_types":["full_attention","full_attention"],"max_window_layers":1,"rope_scaling":{"rope_type":"linear","factor":2.0},"text_config":{"dtype":"bfloat16","vocab_size":16},"tie_word_embeddings":false,"id2label":{"0":"no","1":"yes"},"a.b":1,"a":{"b":2}}""";

    private static string Tokenizer => TinyTokenizer.Pairs(["a", "b", "ab", "c"], ["a b"], ("<s>", 4));

    private const string LockText =
        """{"version":1,"models":{"hf:org/name@main":{"type":"hub","resolved":"0123456789012345678901234567890123456789","files":{"config.json":{"size":3,"sha256":"0123456789012345678901234567890123456789012345678901234567890123"}}},"nuget:A/1.0.0":{"type":"nuget","resolved":"1.0.0","contentHash":"AAAA","files":{"x":{"size":1,"sha256":"0123456789012345678901234567890123456789012345678901234567890123"}}}}}""";

    private const string Restored =
        """{"Format":1,"Models":[{"Key":"hf:org/name@main","Folder":"/x","Locked":{"Type":"hub","Resolved":"0123456789012345678901234567890123456789","ContentHash":null,"Files":{"config.json":{"Size":3,"Sha256":"0123456789012345678901234567890123456789012345678901234567890123"}}}}]}""";

    private const string Manifest =
        """{"format":2,"tool":"t","name":"m","recipe":"r","settings":{"seed":"1"},"inputs":[{"model":"a","role":"base","digest":"d","source":{"reference":"hf:a/b@main","resolved":"1","files":{"x":"y"}},"licences":["mit"]}],"files":{"config.json":"d"},"tensors":{"w":{"file":"model.safetensors","key":"k","checksum":"c"}},"importance":{"base":"a","scores":[{"score":"s","model":"a","data":null,"key":"k","from":{"a":"b"}}],"models":[{"model":"a","importance":0.5,"weight":1,"changed":3,"kept":{"l":0.5},"verified":{"layer":{"spearman":1,"relativeError":0}}}]},"evaluations":[{"data":"d","of":"o","results":[{"model":"m","role":"merge","measure":"perplexity","value":1.5,"meanLogProbability":-1,"count":3}]}]}""";

    private const string Lines =
        """{"text":"a b","prompt":"a","target":"b","choices":["a","b"],"answer":1,"label":"yes"}""";

    private static readonly string[] Names = [
        "config",
        "generation config",
        "tokenizer",
        "vocabulary",
        "chat template",
        "index",
        "adapter",
        "header",
        "samples",
        "lock",
        "restored",
        "manifest",
        "declarations",
        "assets"
    ];

    public static TheoryData<string> Readers => [.. Names];

    [Theory]
    [MemberData(nameof(Readers))]
    public void A_reader_has_a_result_or_says_what_is_wrong(string reader)
    {
        var (text, read) = Reader(reader);
        var mutation = new JsonMutation((Seed * 1000) + Array.IndexOf(Names, reader) + 1);
        var refused = 0;
        for (var i = 0; i < Cases; i++)
        {
            var bytes = mutation.Of(text);
            var watch = Stopwatch.StartNew();
            try
            {
                read(bytes);
            }
            catch (Exception e)
                when (e is CheckpointException
                    or ModelException
                    or TokenizerException
                    or SourceException
                    or DiagnosticException
                    or FileFault)
            {
                refused++;
                Assert.NotEmpty(e.Message);
            }
            catch (Exception e)
            {
                Assert.Fail($"Case {i} of '{reader}': {e}\n{Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 4000)))}");
            }

            Assert.True(watch.Elapsed < Longest, $"Case {i} of '{reader}' took {watch.Elapsed}.");
        }

        // Records count as absent where they are damaged, so nothing is refused.
        Assert.InRange(refused, reader is "restored" or "manifest" or "assets" ? 0 : Cases / 10, Cases);
        read(Encoding.UTF8.GetBytes(text));
    }

    // Files that once came out as another exception, named by what they stand for.
    public static TheoryData<string> Found =>
        [
            .. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Data", "found"))
                .Select(path => Path.GetFileName(path)!)
                .Order(StringComparer.Ordinal)
        ];

    [Theory]
    [MemberData(nameof(Found))]
    public void What_was_found_once_is_told(string file)
    {
        var bytes = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Data", "found", file));
        string[] readers = file.Contains("tokenizer_config", StringComparison.Ordinal) ? ["chat template"]
            : file.Contains("adapter_config", StringComparison.Ordinal) ? ["adapter"]
            : file.Contains("generation_config", StringComparison.Ordinal) ? ["generation config"]
            : file.Contains("config", StringComparison.Ordinal) || file.StartsWith("family", StringComparison.Ordinal) ? ["config"]
            : file.Contains("tokenizer", StringComparison.Ordinal) ? ["tokenizer", "vocabulary"]
            : file.StartsWith("index", StringComparison.Ordinal) ? ["index"]
            : file.StartsWith("jsonl", StringComparison.Ordinal) ? ["samples"]
            : file.StartsWith("restored", StringComparison.Ordinal) ? ["restored"] : ["reference"];
        foreach (var reader in readers)
        {
            var watch = Stopwatch.StartNew();
            var thrown = Record.Exception(() => Reader(reader).Read(bytes));
            if (reader == "restored")
                Assert.Null(thrown);
            else
                Assert.True(
                    thrown is null
                        or CheckpointException
                        or ModelException
                        or TokenizerException
                        or SourceException
                        or DiagnosticException
                        or FileFault, $"{reader}: {thrown}");
            Assert.True(watch.Elapsed < Longest);
        }
    }

    private (string Text, Action<byte[]> Read) Reader(string name) => name switch
    {
        "config" => (Config, bytes =>
        {
            File.WriteAllBytes(_folder["config.json"], bytes);
            var config = ModelConfig.Read(_folder.Path);
            _ = config.ModelType + config.Architecture;
            _ = config.With(DType.BF16).WithVocabularySize(20).WithTokenIds(id => id + 1);
            _ = ConfigLayers.BrokenPatterns(config, [new LayerOrigin(config, 1), new LayerOrigin(config, 0)]);
            _ = config.With(LayerStackKind.Main, 2, [new LayerOrigin(config, 1), new LayerOrigin(config, 0), new LayerOrigin(config, 1)]);
            _ = Record.Exception(() => CpuEngine.Describe(config.Text, _folder.Path, [])) is { } e and not ModelException ? throw e : 0;
        }
        ),
        "generation config" =>
            ("""{"bos_token_id":1,"eos_token_id":[2,3],"pad_token_id":null,"temperature":0.6,"nested":{"x_token_id":4}}""",
                bytes => ConfigTokenIds.Map(bytes, "generation_config.json", id => id + 1)),
        "tokenizer" => (Tokenizer, bytes =>
        {
            File.WriteAllBytes(_folder["tokenizer.json"], bytes);
            Transformers.Tokenization.Tokenizer.Load(_folder["tokenizer.json"]).Encode("ab c", addSpecialTokens: true);
        }
        ),
        "vocabulary" => (Tokenizer, bytes => Vocabulary(bytes)),
        "chat template" =>
            ("""{"model_max_length":512,"chat_template":[{"name":"default","template":"{{ 1 }} some longer text"},{"name":"x","template":"{{ 2 }}"}],"added_tokens_decoder":{"1":{"content":"<s>"}}}""", bytes =>
        {
            var file = SideFile.Of("tokenizer_config.json", bytes);
            _ = ChatTemplates.Apply(new ChatTemplateDeclaration("auto", new SourceLocation("x")), [file], [[file]]);
            _ = ChatTemplates.Apply(new ChatTemplateDeclaration("chatml", new SourceLocation("x")), [file], [[file]]);
        }
        ),
        "index" =>
            ("""{"metadata":{"total_size":8},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}""", bytes => ShardIndex.Parse(bytes, "index.json")),
        "adapter" =>
            ("""{"peft_type":"LORA","r":8,"lora_alpha":16,"use_rslora":false,"rank_pattern":{"q_proj":4,"^layers\\.0\\.v":2},"alpha_pattern":{"q_proj":4},"init_lora_weights":true,"base_model_name_or_path":"a/b"}""", bytes =>
        {
            File.WriteAllBytes(_folder["adapter_config.json"], bytes);
            var config = AdapterConfig.Read(_folder.Path);
            _ = config.ScaleOf("model.layers.0.q_proj", 4) + config.RankOf("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        }
        ),
        "header" =>
            ("""{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}""", bytes =>
        {
            var length = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
            File.WriteAllBytes(_folder["x.safetensors"], [.. length, .. bytes, .. new byte[12]]);
            SafetensorsFile.Open(_folder["x.safetensors"]).Dispose();
        }
        ),
        "samples" => (Lines, bytes =>
        {
            File.WriteAllBytes(_folder["x.jsonl"], [.. Encoding.UTF8.GetBytes(Lines + "\n"), .. bytes, (byte)'\n']);
            JsonLines.ReadTexts(_folder["x.jsonl"]);
            JsonLines.ReadTasks(_folder["x.jsonl"]);
            JsonLines.ReadChoices(_folder["x.jsonl"]);
            JsonLines.ReadLabels(_folder["x.jsonl"], ["no", "yes"]);
        }
        ),
        "lock" => (LockText.Replace("AAAA", Convert.ToBase64String(new byte[64]), StringComparison.Ordinal), bytes =>
        {
            File.WriteAllBytes(_folder["models.lock.json"], bytes);
            SourceSchemes.ReadLock(_folder["models.lock.json"]);
        }
        ),
        "restored" => (Restored, bytes =>
        {
            File.WriteAllBytes(RestoreRecord.PathIn(_folder.Path), bytes);
            Assert.All(RestoreRecord.Read(_folder.Path), model => Assert.True(SourceSchemes.IsSound(model)));
        }
        ),
        "manifest" => (Manifest, bytes =>
        {
            File.WriteAllBytes(_folder[MergedFiles.Manifest], bytes);
            if (MergeManifest.Read(_folder.Path) is { } manifest)
                _ = string.Concat(
                    manifest.FileNames.Concat(
                        manifest.Inputs.Select(input => input.Model + input.Source?.Reference + string.Concat(input.Licences ?? []))))
                            + manifest.ToBytes().Length;
        }
        ),
        "declarations" => (Declarations(), bytes =>
        {
            File.WriteAllBytes(_folder["declarations.json"], bytes);
            RecordFile.Read<List<MergeDeclaration>>(_folder["declarations.json"]);
        }
        ),
        "reference" => ("", bytes => SourceSchemes.Parse(Encoding.UTF8.GetString(bytes), [_folder.Path])),
        _ =>
            ("""{"packageFolders":{"/packages/":{}},"libraries":{"libtorch-cpu-linux-x64/1.0":{"path":"libtorch","files":["runtimes/linux-x64/native/libtorch.so"]}}}""", bytes =>
        {
            File.WriteAllBytes(_folder["project.assets.json"], bytes);
            TorchPackages.Read(_folder["project.assets.json"]);
        }
        ),
    };

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    private static void Vocabulary(byte[] bytes)
    {
        try
        {
            var vocabulary = new OutputVocabulary(ModelVocabulary.Parse(bytes), bytes);
            _ = vocabulary.TryAppend("new", null) || vocabulary.TryAppend("new", """{"id":0,"content":"new"}""");
            vocabulary.ToBytes();
        }
        catch (FormatException e)
        {
            // What its only caller makes of it.
            throw new TokenizerException(e.Message, e);
        }
    }

    private static string Declarations()
    {
        using var space = new MergeWorkspace();
        foreach (var model in new[] { "a", "b" })
            space.Model(model, ("w", RawTensor.F32([2], 1, 2)));
        space.Merge("m", ("Method", "ties"), ("Base", "models/a"), ("TokenizerSource", "union"), ("ChatTemplate", "chatml"));
        space.Source("models/b", ("Weight", "[0, 0.5, 1]"), ("Density", "0.5"));
        return Encoding.UTF8.GetString(RecordFile.ToBytes(space.Declarations()));
    }
}
