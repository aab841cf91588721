using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>What AIM does to tensors, against the published formula and reference values.</summary>
public sealed class RelaxedTensors
{
    private const string Projection = "model.layers.0.self_attn.q_proj.weight";

    [Fact]
    public void Reference_values()
    {
        using var space = new MergeWorkspace();
        float[] basis = [1, -2, .5f, 0, .25f, -.75f, 1.5f, -1];
        float[] delta = [.40f, -.10f, .02f, 0, -.30f, .05f, .20f, -.01f];
        Llama(space, "base", basis);
        Llama(space, "a", [.. basis.Zip(delta, (b, d) => b + d)]);
        Directory.CreateDirectory(Path.Combine(space.Folder, "data"));
        File.WriteAllText(Path.Combine(space.Folder, "data", "text.txt"), WordTokenizer.Documents(1, 4, 8, 16));
        space.Engine = new CountingEngine { Observing = (model, observer) => ShowKnownActivations(model, observer, [4, 1, 2, .5f]) };
        space.Merge(
            "m", ("Method", "passthrough"), ("Base", "models/base"), ("Aim", "0.4"), ("Calibration", "data/text.txt"), ("AimBlock", "16"));
        space.Source("models/a");
        space.Run("m");
        float[] expected = [1.16f, -2.085f, .514f, 0, .13f, -.7075f, 1.64f, -1.00925f];
        Assert.All(expected.Zip(space.Result("m")[Projection].Floats()), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    public static IEnumerable<object[]> Relaxations => TestedEngines.With(
    [
        "llama-A mean-abs linear",
        "llama-A rms linear",
        "llama-A variance exponential",
        "llama-A gradient linear",
        "gpt2-A mean-abs linear",
        "gpt2-A gradient exponential", "roberta-mlm-A mean-abs linear", "granitemoe-A mean-abs linear", "granitemoe-A gradient linear",
        "gpt_oss-A rms exponential",
        "gpt_oss-A gradient linear",
    ]);

    [Theory]
    [MemberData(nameof(Relaxations))]
    public void Every_tensor_is_relaxed_by_its_input_channels_and_others_are_left(string engine, string relaxation)
    {
        var (golden, statistic, scaling) = relaxation.Split(' ') switch
        {
            [var first, var second, var third] => (first, second, third),
            _ => throw new InvalidOperationException()
        };
        using var project = ScoredProject.On(engine, golden, "a");
        (string, string)[] aim = [
            ("Aim", "0.3"),
            ("Calibration", "data/calibration.txt"),
            ("AimBlock", "16"),
            ("AimStatistic", statistic),
            ("AimScaling", scaling)
        ];
        project.Declare("task_arithmetic", ["a"]);
        project.Run();
        var merged = project.Space.Result("m");
        project.Declare("task_arithmetic", ["a"], aim);
        project.Run();
        var relaxed = project.Space.Result("m");
        var basis = TestCheckpoint.Read(Path.Combine(project.Space.Folder, "models", "base"));
        var scores = project.Score("activations", "base");
        using var model = new CpuEngine().Load(Path.Combine(project.Space.Folder, "models", "base"));
        var modules = model.Description.Modules
            .Where(module => !model.Description.Tables.Contains(module.Weight))
            .GroupBy(module => module.Weight)
            .ToDictionary(places => places.Key, places => places.ToArray());
        foreach (var (name, before) in merged)
        {
            if (!modules.TryGetValue(name, out var places))
            {
                Assert.Equal(before.Bytes, relaxed[name].Bytes);
                continue;
            }

            // Of a stack each expert's matrix by itself, by the activations that it sees.
            var columns = before.Shape.Length == 1 ? 1 : before.Shape[^1];
            var (merge, result, origin) = (before.Floats(), relaxed[name].Floats(), basis[name].Floats());
            Assert.Equal(before.Shape.Length == 3 ? before.Shape[0] : 1, places.Length);
            Assert.Contains(places.SelectMany(place => scores[place.Name].Floats()), value => value > 0);
            var size = merge.Length / places.Length;
            var all = places.Select(place => scores[place.Name].Floats())
                .Select(values => (Values: values, Largest: values.Max(Math.Abs)))
                .ToArray();
            for (var i = 0; i < merge.Length; i++)
            {
                var (module, at) = (places[i / size], i % size);
                var (s, largest) = all[i / size];
                var a = largest == 0
                    ? 0
                    : Math.Abs(s[before.Shape.Length == 1 || module.StoredByInput ? at / columns : at % columns]) / largest;
                var phi = scaling == "linear" ? a : (Math.Exp(3 * a) - 1) / (Math.Exp(3) - 1);
                Assert.InRange(Math.Abs(origin[i] + ((merge[i] - origin[i]) * (1 - (phi * 0.7))) - result[i]), 0, 1e-6);
            }
        }
    }

    [Fact]
    public void An_omega_of_one_leaves_the_merge_as_it_is_and_runs_no_model()
    {
        using var project = new ScoredProject();
        project.Declare("ties", ["a", "b"], ("Density", "0.5"));
        project.Run();
        var merged = project.Space.Result("m");
        project.Declare("ties", ["a", "b"], ("Density", "0.5"), ("Aim", "1"), ("Calibration", "data/calibration.txt"));
        Assert.Empty(project.Run());
        Assert.All(project.Space.Result("m"), tensor => Assert.Equal(merged[tensor.Key].Bytes, tensor.Value.Bytes));
    }

    [Fact]
    public void A_tied_head_is_an_embedding_unless_asked_otherwise()
    {
        using var project = new ScoredProject("qwen2-A", "a");
        const string table = "model.embed_tokens.weight";
        (string, string)[] aim = [("Aim", "0"), ("Calibration", "data/calibration.txt"), ("AimBlock", "16")];
        project.Declare("passthrough", ["a"], aim);
        project.Run();
        var tuned = TestCheckpoint.Read(Path.Combine(project.Space.Folder, "models", "a"))[table];
        Assert.Equal(tuned.Bytes, project.Space.Result("m")[table].Bytes);
        project.Declare("passthrough", ["a"], [.. aim, ("AimTiedHead", "relax")]);
        Assert.Empty(project.Run());
        var relaxed = project.Space.Result("m")[table].Floats();
        var basis = TestCheckpoint.Read(Path.Combine(project.Space.Folder, "models", "base"))[table].Floats();
        var s = project.Score("activations", "base")["lm_head"].Floats();
        var (from, largest) = (tuned.Floats(), s.Max());
        for (var i = 0; i < relaxed.Length; i++)
            Assert.InRange(Math.Abs(basis[i] + ((from[i] - (double)basis[i]) * (1 - (s[i % s.Length] / largest))) - relaxed[i]), 0, 1e-6);
    }

    [Fact]
    public void Participants_share_a_channel_by_their_activations()
    {
        using var project = new ScoredProject();
        project.Declare(
            "task_arithmetic",
            ["a", "b"],
            ("Aim", "1"),
            ("Calibration", "data/calibration.txt"),
            ("AimBlock", "16"),
            ("AimActivations", "participants"));
        Assert.Equal(["observe a", "observe b"], project.Run());
        var result = project.Space.Result("m");
        var models = new[] { "base", "a", "b" }.ToDictionary(
            name => name, name => TestCheckpoint.Read(Path.Combine(project.Space.Folder, "models", name)));
        var (a, b) = (project.Score("activations", "a"), project.Score("activations", "b"));
        var importance = new[] { a, b }
            .Select(scores => scores["model.layers.0.self_attn.q_proj"].Floats())
            .Select(s => s.Select(value => value / (double)s.Max()).ToArray())
            .ToArray();
        var (basis, tunedA, tunedB) =
            (models["base"][Projection].Floats(), models["a"][Projection].Floats(), models["b"][Projection].Floats());
        var merged = result[Projection].Floats();
        for (var i = 0; i < basis.Length; i++)
        {
            var (ia, ib) = (importance[0][i % importance[0].Length], importance[1][i % importance[1].Length]);
            var expected = basis[i]
                + (0.5 * (((tunedA[i] - basis[i]) * 2 * ia / (ia + ib)) + ((tunedB[i] - basis[i]) * 2 * ib / (ia + ib))));
            Assert.InRange(Math.Abs(expected - merged[i]), 0, 1e-6);
        }

        var table = result["model.embed_tokens.weight"].Floats();
        var (tableA, tableB) = (models["a"]["model.embed_tokens.weight"].Floats(), models["b"]["model.embed_tokens.weight"].Floats());
        for (var i = 0; i < table.Length; i++)
            Assert.InRange(Math.Abs((0.5 * ((double)tableA[i] + tableB[i])) - table[i]), 0, 1e-6);
    }

    private static void ShowKnownActivations(ITransformerModel model, IActivationObserver observer, float[] activations)
    {
        foreach (var module in model.Description.Modules)
        {
            var row = Enumerable.Range(0, module.InputChannels).Select(i => activations[i % activations.Length]).ToArray();
            observer.Observe(new ModuleInput { Modules = [module.Name], Values = row, Channels = row.Length, BatchRows = [0] });
        }
    }

    // A llama whose query projection is the [2, 4] tensor of the reference values.
    private static void Llama(MergeWorkspace space, string name, float[] projection)
    {
        (string Name, long[] Shape)[] shapes =
        [
            ("lm_head.weight", [16, 4]), ("model.embed_tokens.weight", [16, 4]), ("model.norm.weight", [4]),
            ("model.layers.0.self_attn.q_proj.weight",
                [2, 4]), ("model.layers.0.self_attn.k_proj.weight", [2, 4]), ("model.layers.0.self_attn.v_proj.weight", [2, 4]),
            ("model.layers.0.self_attn.o_proj.weight",
                [4, 2]), ("model.layers.0.mlp.gate_proj.weight", [4, 4]), ("model.layers.0.mlp.up_proj.weight", [4, 4]),
            ("model.layers.0.mlp.down_proj.weight",
                [4, 4]), ("model.layers.0.input_layernorm.weight", [4]), ("model.layers.0.post_attention_layernorm.weight", [4]),
        ];
        space.Model(
            name,
            [
                .. shapes.Select((tensor, i) =>
                    (tensor.Name, tensor.Name == Projection ? RawTensor.F32([2, 4], projection) : RandomTensors.F32(i, tensor.Shape)))
            ]);
        File.WriteAllText(Path.Combine(space.Folder, "models", name, "config.json"), """
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1,
             "num_key_value_heads": 1, "head_dim": 2, "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "tie_word_embeddings": false, "hidden_act": "silu"}
            """);
        WordTokenizer.Write(Path.Combine(space.Folder, "models", name), 16);
    }
}
