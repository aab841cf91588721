using System.Text;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Vocabularies;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Mutated;

/// <summary>
/// Whole plans of models with one mutated file: a plan, or a diagnostic for everything that is wrong, and nothing written.
/// </summary>
public sealed class MutatedModels : IDisposable
{
    private const int Cases = 60;
    private const string Config =
        """{"architectures":["LlamaForCausalLM"],"model_type":"llama","torch_dtype":"float32","num_hidden_layers":2,"vocab_size":4,"bos_token_id":1,"layer_types":["a","b"],"tie_word_embeddings":true}""";

    private static readonly Dictionary<string, string> Files = new()
    {
        ["config.json"] = Config,
        ["tokenizer.json"] = TinyTokenizer.Pairs(["a", "b", "ab"], ["a b"], ("<s>", 3)),
        ["tokenizer_config.json"] = """{"chat_template":"{{ 'some template' }}","eos_token":{"content":"<s>"}}""",
        ["generation_config.json"] = """{"eos_token_id":[3,1],"bos_token_id":3}""",
    };

    private readonly MergeWorkspace _space = new();

    public void Dispose() => _space.Dispose();

    public static TheoryData<string> Names => [.. Files.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Are_planned_or_refused(string name)
    {
        foreach (var model in new[] { "a", "b" })
        {
            _space.Model(
                model,
                [
                    ("model.embed_tokens.weight", RandomTensors.F32(1, 4, 2)),
                    .. Enumerable.Range(0, 2).Select(i => ($"model.layers.{i}.w", RandomTensors.F32(i, 2)))
                ]);
            foreach (var (file, text) in Files)
                File.WriteAllText(
                    Path.Combine(_space.Folder, "models", model, file),
                    file == "tokenizer.json" && model == "b"
                        ? TinyTokenizer.Pairs(["b", "a", "ab"], ["b a"], ("<s>", 3), ("<t>", 2))
                            .Replace("\"b a\"", "\"a b\"", StringComparison.Ordinal)
                        : text);
        }

        File.WriteAllText(
            Path.Combine(_space.Folder, "union.yml"),
            "merge_method: linear\nmodels:\n  - model: models/a\n    parameters: {weight: 1}\n  - model: models/b\n    parameters: "
                + "{weight: 1}\ntokenizer_source: union\nchat_template: auto\n");
        File.WriteAllText(
            Path.Combine(_space.Folder, "slices.yml"),
            "merge_method: passthrough\nslices:\n  - sources: [{model: models/a, layer_range: [0, 2]}]\n  - sources: [{model: models/b, "
                + "layer_range: [1, 2]}]\ntokenizer_source: models/b\nchat_template: chatml\n");
        _space.Merge("union.yml");
        _space.Merge("slices.yml");
        _space.Plan();
        var mutation = new JsonMutation(name.Length);
        var refused = 0;
        foreach (var model in new[] { "a", "b" })
        {
            for (var i = 0; i < Cases; i++)
            {
                var bytes = mutation.Of(Files[name]);
                File.WriteAllBytes(Path.Combine(_space.Folder, "models", model, name), bytes);
                try
                {
                    _space.Plan();
                }
                catch (DiagnosticException e)
                {
                    refused++;
                    Assert.All(e.Diagnostics, diagnostic => Assert.True(diagnostic.Message.Length < 5000));
                }
                catch (Exception e)
                {
                    Assert.Fail(
                        $"Case {i} of '{model}/{name}': {e}\n{Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 4000)))}");
                }
            }

            File.WriteAllText(Path.Combine(_space.Folder, "models", model, name), Files[name]);
        }

        Assert.True(refused > 0, "Nothing was refused.");
        Assert.False(Directory.Exists(Path.Combine(_space.Folder, "out")));
    }
}
