using System.Text;

namespace MergeTasks.TestSupport.Mutated;

/// <summary>
/// Whole builds of a project of four merges (vocabularies that are united, layers that are stacked, an adapter, scores) in which one file
/// is another than it should be: there are models or diagnostics, and nothing else is written.
/// </summary>
internal sealed class MutatedProject : IDisposable
{
    // Of which a large file may take a few times its own.
    private const long AllocatedAtMost = 256 << 20;
    private const int AllocatedPerByte = 5;

    private const string Config =
        """{"architectures":["LlamaForCausalLM"],"model_type":"llama","torch_dtype":"float32","num_hidden_layers":2,"hidden_size":8,"intermediate_size":16,"num_attention_heads":2,"num_key_value_heads":2,"vocab_size":4,"max_position_embeddings":32,"rms_norm_eps":1e-06,"rope_theta":10000.0,"rope_scaling":null,"hidden_act":"silu","bos_token_id":1,"eos_token_id":3,"layer_types":["full_attention","full_attention"],"tie_word_embeddings":false}""";

    private const string Union =
        """
        merge_method: linear
        models:
          - model: models/a
            parameters: {weight: [0.5, 1]}
          - model: models/b
            parameters: {weight: [{filter: mlp, value: 0.25}, {value: 1}]}
        parameters: {normalize: true}
        tokenizer_source: union
        chat_template: auto
        dtype: bfloat16

        """;

    private const string Slices =
        """
        merge_method: passthrough
        slices:
          - sources: [{model: models/a, layer_range: [0, 2]}]
          - sources: [{model: models/b, layer_range: [1, 2], parameters: {scale: 0.5}}]
        tokenizer_source: models/b
        chat_template: chatml

        """;

    private const string LoraConfig =
        """{"peft_type":"LORA","task_type":"CAUSAL_LM","r":1,"lora_alpha":2,"lora_dropout":0.0,"target_modules":["q_proj"],"bias":"none","base_model_name_or_path":"models/a"}""";

    private const string TokenizerConfig =
        """{"chat_template":"{{ 'some template' }}<e>","eos_token":{"content":"<e>"},"added_tokens_decoder":{"3":{"content":"<e>"}}}""";

    // Builds have threads of their own, so what they allocate is known only of all that the process does.
    private readonly bool _isAlone;
    private readonly MergeWorkspace _space = new() { Threads = 1 };
    private readonly List<(string Path, MutationKind Kind, byte[] Sound)> _files = [];
    private readonly Dictionary<string, (long Length, DateTime Written)> _before = [];

    /// <summary>Writes the project and builds it.</summary>
    /// <param name="isAlone">Whether nothing else runs in the process, so that what it allocates is what a build does.</param>
    public MutatedProject(bool isAlone)
    {
        _isAlone = isAlone;
        Model("a", 1, TinyTokenizer.Words(["<unk>", "ab", "b"], ("<e>", 3)));
        Model("b", 2, TinyTokenizer.Words(["<unk>", "b", "ab"], ("<e>", 3)));
        Model("c", 3, TinyTokenizer.Words(["<unk>", "ab", "b"], ("<e>", 3)));
        var lora = Directory.CreateDirectory(Path.Combine(_space.Folder, "models", "lora")).FullName;
        File.WriteAllText(Path.Combine(lora, "adapter_config.json"), LoraConfig);
        TestCheckpoint.WriteFile(
            Path.Combine(lora, "adapter_model.safetensors"),
            ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", RandomTensors.F32(7, 1, 8)),
            ("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", RandomTensors.F32(8, 8, 1)));
        Write("union.yml", Union);
        Write("slices.yml", Slices);
        Write("text.txt", string.Concat(Enumerable.Repeat("ab b ab\n\n", 8)));
        _space.Merge("union.yml");
        _space.Merge("slices.yml");
        _space.Merge("adapted", ("Method", "linear"), ("ChatTemplate", "auto"));
        _space.Source("models/a", ("Into", "adapted"), ("Adapter", "models/lora"), ("Weight", "1"));
        _space.Source("models/a", ("Into", "adapted"), ("Weight", "1"));
        _space.Merge(
            "scored",
            ("Method", "task_arithmetic"),
            ("Base", "models/a"),
            ("Aim", "0.5"),
            ("Calibration", "text.txt"),
            ("AimBlock", "4"),
            ("AimSamples", "8"));
        _space.Source("models/c", ("Into", "scored"), ("Weight", "0.5"));
        _space.RunAll();
        foreach (var path in Directory.EnumerateFiles(_space.Folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var kind = path.EndsWith(".json", StringComparison.Ordinal) ? MutationKind.Json : MutationKind.Bytes;
            if (!path.EndsWith(".lock", StringComparison.Ordinal))
                _files.Add((path, kind, File.ReadAllBytes(path)));
        }

        Look(_before);
    }

    /// <summary>The names of the files that cases change, in the project's folder.</summary>
    public IEnumerable<string> Files => _files.Select(file => Path.GetRelativePath(_space.Folder, file.Path));

    public void Dispose() => _space.Dispose();

    /// <summary>Builds with one file changed, and puts it back.</summary>
    /// <param name="seed">Which cases.</param>
    /// <param name="number">Which of them.</param>
    /// <param name="content">Which file was changed, and what was written there.</param>
    public CaseOutcome Try(int seed, long number, out string content)
    {
        var random = new Random(unchecked((int)((uint)(seed * 16_777_619L) ^ (uint)(number * 2_654_435_761L))));
        var (path, kind, sound) = _files[random.Next(_files.Count)];
        if (!File.Exists(path))
            _space.RunAll();
        content = Path.GetRelativePath(_space.Folder, path) + ": ";
        if (random.Next(4) == 0)
        {
            content += StrangeThing.Put(path, _files[random.Next(_files.Count)].Path, random);
        }
        else
        {
            var bytes = kind == MutationKind.Json ? JsonMutation.Of(sound, random) : ByteMutation.Of(sound, random);
            content += Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 4000)));
            File.WriteAllBytes(path, bytes);
        }

        var before = GC.GetTotalAllocatedBytes();
        var refused = false;
        string? fault = null;
        try
        {
            _space.Plan();
            _space.RunAll();
        }
        catch (Exception e) when (MutatedReader.IsOfProduct(e))
        {
            refused = true;
            if (e.Message.Length is 0 or > 20_000)
                fault = $"A message of {e.Message.Length} characters.";
        }
#pragma warning disable CA1031 // That is what is looked for.
        catch (Exception e)
#pragma warning restore CA1031
        {
            fault = e.ToString();
        }

        var allocated = GC.GetTotalAllocatedBytes() - before;
        var length = File.Exists(path) ? new FileInfo(path).Length : 0;
        fault ??= _isAlone && allocated > AllocatedAtMost + (length * AllocatedPerByte) ? $"It allocated {allocated} bytes." : null;
        fault ??= Elsewhere(path);
        Restore(path, sound);
        return new CaseOutcome(fault, refused, allocated);
    }

    // An output, or what is remembered, is made again when it is needed.
    private void Restore(string path, byte[] sound)
    {
        StrangeThing.Remove(path);
        if (IsInput(path))
        {
            File.WriteAllBytes(path, sound);
            _before[path] = StateOf(new FileInfo(path));
        }
        else if (path.StartsWith(_space.Output(""), StringComparison.Ordinal))
        {
            var merge = Path.GetRelativePath(_space.Output(""), path).Split(Path.DirectorySeparatorChar)[0];
            Directory.Delete(_space.Output(merge), recursive: true);
        }
    }

    // Inputs stay as they are; nothing appears outside the outputs, the cache and the locks; nothing is half made.
    private string? Elsewhere(string changed)
    {
        var now = new Dictionary<string, (long Length, DateTime Written)>();
        Look(now);
        foreach (var (path, state) in now)
        {
            if (path.EndsWith(".tmp", StringComparison.Ordinal) || path.Contains(".partial", StringComparison.Ordinal))
                return $"'{path}' was left.";
            if (IsInput(path) && !path.StartsWith(changed, StringComparison.Ordinal)
                && (!_before.TryGetValue(path, out var earlier) || earlier != state))
                return $"'{path}' was written.";
        }

        var missing = _before.Keys.FirstOrDefault(path => IsInput(path) && path != changed && !now.ContainsKey(path));
        return missing is null ? null : $"'{missing}' was deleted.";
    }

    private bool IsInput(string path) => !new[] { _space.Output(""), _space.Cache, Path.GetDirectoryName(_space.LockFile("x"))! }
        .Any(folder => path.StartsWith(folder, StringComparison.Ordinal));

    private void Look(Dictionary<string, (long Length, DateTime Written)> files)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (var file in new DirectoryInfo(_space.Folder).EnumerateFiles("*", options))
            files[file.FullName] = StateOf(file);
    }

    private static (long Length, DateTime Written) StateOf(FileInfo file) => (file.Length, file.LastWriteTimeUtc);

    private void Model(string name, int seed, string tokenizer)
    {
        RawTensor Random(params long[] shape) => RandomTensors.F32(seed++, shape);
        List<(string, RawTensor)> tensors = [
            ("model.embed_tokens.weight", Random(4, 8)), ("model.norm.weight", Random(8)), ("lm_head.weight", Random(4, 8)),
        ];
        for (var i = 0; i < 2; i++)
        {
            var at = $"model.layers.{i}";
            tensors.AddRange([($"{at}.input_layernorm.weight", Random(8)), ($"{at}.post_attention_layernorm.weight", Random(8))]);
            foreach (var part in new[] { "q", "k", "v", "o" })
                tensors.Add(($"{at}.self_attn.{part}_proj.weight", Random(8, 8)));
            foreach (var part in new[] { "gate", "up" })
                tensors.Add(($"{at}.mlp.{part}_proj.weight", Random(16, 8)));
            tensors.Add(($"{at}.mlp.down_proj.weight", Random(8, 16)));
        }

        var folder = _space.Model(name, [.. tensors]);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config);
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer);
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), TokenizerConfig);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id":[3,1],"bos_token_id":1}""");
        File.WriteAllText(Path.Combine(folder, "README.md"), "---\nlicense: mit\n---\n");
        if (name == "b")
            Shard(folder, tensors);
    }

    private static void Shard(string folder, List<(string Name, RawTensor Tensor)> tensors)
    {
        File.Delete(Path.Combine(folder, "model.safetensors"));
        string[] names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        TestCheckpoint.WriteFile(Path.Combine(folder, names[0]), [.. tensors.Where((_, i) => i % 2 == 0)]);
        TestCheckpoint.WriteFile(Path.Combine(folder, names[1]), [.. tensors.Where((_, i) => i % 2 == 1)]);
        var map = string.Join(',', tensors.Select((tensor, i) => $"\"{tensor.Name}\":\"{names[i % 2]}\""));
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), "{\"metadata\":{\"total_size\":1},\"weight_map\":{" + map + "}}");
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_space.Folder, name), text);
}
