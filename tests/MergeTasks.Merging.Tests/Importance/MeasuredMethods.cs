using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Tests.Methods;
using MergeTasks.Merging.Tests.Numerics;
using MergeTasks.Methods.Contract;
using MergeTasks.Numerics.Algebra;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Metrics;
using MergeTasks.Transformers.Processor;
using MergeTasks.Transformers.Tokenization;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>
/// Fisher merging and RegMean: formulas on numbers at hand, whole merges beside plain sums over what the engine shows, and what is computed
/// again when.
/// </summary>
public sealed class MeasuredMethods
{
    private static readonly string[] Models = ["a", "b"];

    [Fact]
    public void Fisher_on_reference_values()
    {
        float[] a = [.40f, -.10f, .02f, 0, -.30f, .05f, .20f, -.01f], b = [-.20f, -.30f, .04f, .06f, .10f, 0, -.50f, .08f];
        var merged = Merge(
            "fisher",
            [8],
            [a, b],
            [[.. a.Select(x => x * x)], [.. b.Select(x => x * x)]],
            new() { ["epsilon"] = 1e-6 },
            isStoredByInput: false);
        double[] expected = [.2799982, -.2799984, .035994, .05998334, -.2599968, .04998001, -.4034465, .07860196];
        Assert.All(expected.Zip(merged), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }

    public static TheoryData<string, bool> Arithmetic
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var name in Arithmetics.Names)
            {
                data.Add(name, false);
                data.Add(name, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void RegMean_on_reference_values(string arithmetic, bool isStoredByInput)
    {
        float[] Stored(float[] w) => isStoredByInput ? [w[0], w[2], w[1], w[3]] : w;
        var merged = Merge(
            "regmean",
            [2, 2],
            [Stored([1, 2, 0, 1]), Stored([2, 0, 1, -1])],
            [[2, 1, 1, 3], [1, -.5f, -.5f, 2]],
            new() { ["off_diagonal"] = 1 },
            isStoredByInput,
            Arithmetics.DeviceOf(arithmetic));
        float[] expected = [1.830508f, 1.016949f, .8305085f, .01694915f];
        Assert.All(Stored(expected).Zip(merged), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RegMean_of_a_stack_is_that_of_each_expert(bool isStoredByInput)
    {
        const int channels = 6, outputs = 4, experts = 3;
        float[][] weights = [Arithmetics.Random(1, experts * channels, outputs), Arithmetics.Random(2, experts * channels, outputs)];

        // The second expert saw nothing in any model, and the third in one.
        const int square = channels * channels, matrixLength = channels * outputs;
        float[][] products = [[.. Squares(3), .. new float[square], .. Squares(5)], [.. Squares(4), .. new float[2 * square]]];
        long[] matrix = isStoredByInput ? [channels, outputs] : [outputs, channels];
        var options = new Dictionary<string, double> { ["off_diagonal"] = 0.9 };
        var merged = Merge("regmean", [experts, .. matrix], weights, products, options, isStoredByInput);
        for (var expert = 0; expert < experts; expert++)
        {
            var own = Of(weights, expert, matrixLength);
            var alone = Merge("regmean", matrix, own, Of(products, expert, square), options, isStoredByInput);
            Assert.Equal(alone, merged[(expert * matrixLength)..((expert + 1) * matrixLength)]);
            if (expert == 1)
                Assert.All(alone.Zip(own[0], own[1]), mean => Assert.Equal((mean.Second + mean.Third) / 2, mean.First, 1e-6f));
        }

        static float[][] Of(float[][] stacks, int expert, int length) =>
            Array.ConvertAll(stacks, stack => stack[(expert * length)..((expert + 1) * length)]);

        static float[] Squares(int seed)
        {
            var inputs = Arithmetics.Random(seed, 20, channels);
            return [.. Enumerable.Range(0, channels * channels).Select(i => (float)Enumerable.Range(0, 20).Average(sample =>
                (double)inputs[(sample * channels) + (i / channels)] * inputs[(sample * channels) + (i % channels)]))];
        }
    }

    [Theory]
    [MemberData(nameof(Arithmetic))]
    public void RegMean_of_a_layer_beside_elimination(string arithmetic, bool isStoredByInput)
    {
        const int channels = 70, outputs = 45;
        float[][] weights = [Arithmetics.Random(1, channels, outputs), Arithmetics.Random(2, channels, outputs)];
        float[][] products = [Products(3), Products(4)];
        var shape = isStoredByInput ? new long[] { channels, outputs } : [outputs, channels];
        var merged = Merge(
            "regmean", shape, weights, products, new() { ["off_diagonal"] = 0.9 }, isStoredByInput, Arithmetics.DeviceOf(arithmetic));
        var expected = Solve(
            Array.ConvertAll(weights, weight => Array.ConvertAll(weight, value => (double)value)),
            Array.ConvertAll(products, Square),
            channels,
            isStoredByInput,
            0.9);
        Assert.All(expected.Zip(merged), pair => Assert.Equal(pair.First, pair.Second, 2e-6));

        static double[,] Square(float[] values)
        {
            var square = new double[channels, channels];
            for (var i = 0; i < values.Length; i++)
                square[i / channels, i % channels] = values[i];
            return square;
        }

        // The mean of xᵀx over 300 inputs.
        static float[] Products(int seed)
        {
            var inputs = Arithmetics.Random(seed, 300, channels);
            return [
                .. Enumerable.Range(0, channels * channels)
                    .Select(i =>
                        (float)Enumerable.Range(0, 300)
                            .Average(sample =>
                                (double)inputs[(sample * channels) + (i / channels)] * inputs[(sample * channels) + (i % channels)]))
            ];
        }
    }

    [Fact]
    public void Fisher_squares_each_samples_gradient()
    {
        using var project = new ScoredProject();
        project.Declare("fisher", Models);
        project.Run();
        var result = project.Space.Result("m");
        var information = Models.Select(model => SquaredGradients(project, model)).ToArray();
        var weights = Models.Select(model => TestCheckpoint.ReadFile(project.Model(model))).ToArray();
        foreach (var (name, tensor) in result)
        {
            var (merged, values) = (tensor.Floats(), weights.Select(model => model[name].Floats()).ToArray());
            for (var i = 0; i < merged.Length; i++)
            {
                double first = information[0][name][i] + 1e-6, second = information[1][name][i] + 1e-6;
                Assert.Equal(((first * values[0][i]) + (second * values[1][i])) / (first + second), merged[i], 2e-5);
            }
        }
    }

    [Theory]
    [InlineData("llama-A", false)]
    [InlineData("gpt2-A", true)]
    public void RegMean_solves_for_the_layers_and_averages_the_rest(string golden, bool isStoredByInput)
    {
        using var project = new ScoredProject(golden);
        project.Declare("regmean", Models, ("OffDiagonal", "0.8"));
        project.Run();
        var (result, engine) = (project.Space.Result("m"), new CpuEngine());
        using var description = engine.Load(Path.GetDirectoryName(project.Model("a"))!);
        var modules = description.Description.Modules
            .Where(module => !description.Description.Tables.Contains(module.Weight))
            .ToDictionary(module => module.Weight);
        var products = Models.Select(model => Products(project, model)).ToArray();
        var weights = Models.Select(model => TestCheckpoint.ReadFile(project.Model(model))).ToArray();
        var solved = 0;
        foreach (var (name, tensor) in result)
        {
            var (merged, values) =
                (tensor.Floats(), weights.Select(model => Array.ConvertAll(model[name].Floats(), value => (double)value)).ToArray());
            double[] expected = [.. values[0].Zip(values[1], (x, y) => (x + y) / 2)];
            if (modules.TryGetValue(name, out var module) && tensor.Shape.Length == 2)
            {
                Assert.Equal(isStoredByInput && module.StoredByInput, module.StoredByInput);
                expected = Solve(
                    values, [.. products.Select(model => model[module.Name])], module.InputChannels, module.StoredByInput, 0.8);
                solved++;
            }

            for (var i = 0; i < merged.Length; i++)
                Assert.Equal(expected[i], merged[i], 2e-4);
        }

        Assert.True(solved >= 4, $"{solved} layers were solved for.");
        Assert.Equal(isStoredByInput, modules.Values.Any(module => module.StoredByInput));
    }

    // From the rows that each expert saw when the models ran on their samples.
    [Theory]
    [InlineData("gpt_oss-A", true)]
    [InlineData("granitemoe-A", false)]
    public void RegMean_solves_for_each_expert_of_stacks(string golden, bool isStoredByInput)
    {
        using var project = new ScoredProject(golden);
        project.Declare("regmean", Models, ("OffDiagonal", "0.8"));
        project.Run();
        var (result, engine) = (project.Space.Result("m"), new CpuEngine());
        using var description = engine.Load(Path.GetDirectoryName(project.Model("a"))!);
        var products = Models.Select(model => Products(project, model)).ToArray();
        var weights = Models.Select(model => TestCheckpoint.ReadFile(project.Model(model))).ToArray();
        var (both, one, none) = (0, 0, 0);
        foreach (var stack in description.Description.Modules.Where(module => module.Place is not null).GroupBy(module => module.Weight))
        {
            var length = result[stack.Key].Floats().Length / stack.Count();
            foreach (var module in stack)
            {
                Assert.Equal(isStoredByInput, module.StoredByInput);
                var place = module.Place!.Value * length;
                var seen = products.Select(model => model.GetValueOrDefault(module.Name)).ToArray();
                var (values, channels) = (weights.Select(Slice).ToArray(), module.InputChannels);
                double[] expected = Array.TrueForAll(seen, own => own is null)
                    ? [.. values[0].Zip(values[1], (x, y) => (x + y) / 2)]
                    : Solve(values, Regular(seen, channels), channels, module.StoredByInput, 0.8);
                _ = seen.Count(own => own is not null) switch { 2 => both++, 1 => one++, _ => none++ };
                Assert.All(
                    expected.Zip(result[stack.Key].Floats().Skip(place).Take(length)),
                    pair => Assert.Equal(pair.First, pair.Second, 2e-4));

                double[] Slice(Dictionary<string, RawTensor> model) =>
                    [.. model[stack.Key].Floats().Skip(place).Take(length).Select(value => (double)value)];
            }
        }

        Assert.True(both > 4, $"{both} experts were seen in both models, {one} in one, {none} in none.");

        static double[][,] Regular(double[,]?[] seen, int channels)
        {
            var all = Array.ConvertAll(seen, own => own is null ? new double[channels, channels] : (double[,])own.Clone());
            var mean = all.Sum(own => Enumerable.Range(0, channels).Sum(i => 0.5 * own[i, i])) / channels;
            foreach (var own in all)
                for (var i = 0; i < channels; i++)
                    own[i, i] += 2e-9 * mean;
            return all;
        }
    }

    [Theory]
    [InlineData("fisher", "backward")]
    [InlineData("regmean", "observe")]
    public void Statistics_are_computed_once_and_only_where_something_changed(string method, string run)
    {
        using var project = new ScoredProject();
        project.Declare(method, Models);
        Assert.Equal(["a", "b"], project.Run().Select(entry => entry.Split(' ')[1]).Distinct());
        Assert.Empty(project.Run());
        Assert.True(project.Space.State("m").IsFresh);

        // Other parameters use the same statistics.
        project.Declare(method, Models, method == "fisher" ? ("Epsilon", "0.001") : ("OffDiagonal", "0.5"));
        Assert.False(project.Space.State("m").IsFresh);
        Assert.Empty(project.Run());
        project.WriteTask("b", 77);
        Assert.All(project.Run(), entry => Assert.Equal(run + " b", entry));
        Assert.NotEmpty(project.Engine.Runs);
        project.Tune("a", 99);
        Assert.All(project.Run(), entry => Assert.Equal(run + " a", entry));
        Assert.NotEmpty(project.Engine.Runs);
    }

    [Theory]
    [InlineData("fisher")]
    [InlineData("regmean")]
    public void They_go_together_with_AIM_and_APL_and_with_any_number_of_threads(string method)
    {
        using var project = new ScoredProject();
        project.Declare(
            method,
            Models,
            ("Aim", "0.4"),
            ("Calibration", "data/calibration.txt"),
            ("AimBlock", "16"),
            ("Apl", "layer"),
            ("AplDensity", "0.5"));
        project.Run();
        Assert.All(project.Space.Result("m").Values, tensor => Assert.DoesNotContain(tensor.Floats(), value => !float.IsFinite(value)));
        var before = FolderContent.Of(project.Space.Output("m"));
        foreach (var threads in new[] { 1, 3 })
        {
            project.Space.Threads = threads;
            Directory.Delete(project.Space.Output("m"), recursive: true);
            project.Run();
            Assert.Equal(before, FolderContent.Of(project.Space.Output("m")));
        }
    }

    [Theory]
    [InlineData("fisher")]
    [InlineData("regmean")]
    public void A_model_without_task_data_is_refused(string method)
    {
        using var project = new ScoredProject();
        project.Space.Merge("m", ("Method", method));
        project.Space.Source("models/a", ("TaskData", "data/a.jsonl"));
        project.Space.Source("models/b");
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => project.Space.Plan()).Diagnostics);
        Assert.Equal(DiagnosticCode.MissingScoringData, diagnostic.Code);
        Assert.Contains($"'{method}' needs samples of the task of 'models/b'", diagnostic.Message, StringComparison.Ordinal);
    }

    private static float[] Merge(
        string method,
        long[] shape,
        float[][] models,
        float[][] statistics,
        Dictionary<string, double> parameters,
        bool isStoredByInput,
        IMatrixDevice? device = null)
    {
        var inputs = models.Select((_, i) =>
            new TensorInput(i, false, new Dictionary<string, double> { ["weight"] = 0.5 }) { Statistic = models.Length + i }).ToArray();
        return SolvedTensor.Merge(
            method,
            new TensorContext("w", shape, inputs, parameters) { IsStoredByInput = isStoredByInput, Device = device },
            [.. models, .. statistics]);
    }

    // Samples as the project's task data has them, one at a time.
    private static IEnumerable<(TokenBatch Batch, Target[] Targets)> Samples(ScoredProject project, string model, ITransformerModel loaded)
    {
        var text = new TextModel(loaded, Tokenizer.Load(project.Model(model, "tokenizer.json")));
        foreach (var sample in JsonLines.ReadTasks(project.Data(model + ".jsonl")).Select(text.Prepare))
            yield return (TokenBatch.Of(sample.Ids), [.. sample.Targets(0).Select(target => target with { Weight = 1 })]);
    }

    private static Dictionary<string, double[]> SquaredGradients(ScoredProject project, string model)
    {
        using var loaded = new CpuEngine().Load(Path.GetDirectoryName(project.Model(model))!);
        var samples = Samples(project, model, loaded).ToList();
        var sums = new Dictionary<string, double[]>();
        foreach (var (batch, targets) in samples)
        {
            var gradients = new Gradients();
            loaded.Backward(batch, targets, gradients);
            foreach (var (name, gradient) in gradients.Values)
            {
                var sum = sums.TryGetValue(name, out var earlier) ? earlier : sums[name] = new double[gradient.Length];
                for (var i = 0; i < sum.Length; i++)
                    sum[i] += (double)gradient[i] * gradient[i] / samples.Count;
            }
        }

        return sums;
    }

    private static Dictionary<string, double[,]> Products(ScoredProject project, string model)
    {
        using var loaded = new CpuEngine().Load(Path.GetDirectoryName(project.Model(model))!);
        var inputs = new Inputs();
        foreach (var (batch, _) in Samples(project, model, loaded))
            loaded.Observe(batch, inputs);
        return inputs.Rows.ToDictionary(pair => pair.Key, pair =>
        {
            var channels = pair.Value[0].Length;
            var products = new double[channels, channels];
            foreach (var row in pair.Value)
            {
                for (var i = 0; i < channels; i++)
                {
                    for (var j = 0; j < channels; j++)
                        products[i, j] += (double)row[i] * row[j] / pair.Value.Count;
                }
            }

            return products;
        });
    }

    // Gauss's elimination with pivots on (Σ G̃)·Wᵀ = Σ G̃Wᵀ.
    private static double[] Solve(double[][] weights, double[][,] products, int channels, bool isStoredByInput, double offDiagonal)
    {
        var outputs = weights[0].Length / channels;
        int Place(int input, int output) => isStoredByInput ? (input * outputs) + output : (output * channels) + input;
        var rows = Enumerable.Range(0, channels).Select(_ => new double[channels + outputs]).ToArray();
        foreach (var (weight, product) in weights.Zip(products))
        {
            for (var i = 0; i < channels; i++)
            {
                for (var k = 0; k < channels; k++)
                {
                    var scaled = 0.5 * product[i, k] * (i == k ? 1 : offDiagonal);
                    rows[i][k] += scaled;
                    for (var o = 0; o < outputs; o++)
                        rows[i][channels + o] += scaled * weight[Place(k, o)];
                }
            }
        }

        for (var column = 0; column < channels; column++)
        {
            var pivot = Enumerable.Range(column, channels - column).MaxBy(row => Math.Abs(rows[row][column]));
            (rows[column], rows[pivot]) = (rows[pivot], rows[column]);
            for (var row = 0; row < channels; row++)
            {
                if (row == column)
                    continue;
                var factor = rows[row][column] / rows[column][column];
                for (var k = column; k < rows[row].Length; k++)
                    rows[row][k] -= factor * rows[column][k];
            }
        }

        var solution = new double[weights[0].Length];
        for (var i = 0; i < channels; i++)
        {
            for (var o = 0; o < outputs; o++)
                solution[Place(i, o)] = rows[i][channels + o] / rows[i][i];
        }

        return solution;
    }

    private sealed class Gradients : IGradientReceiver
    {
        public Dictionary<string, float[]> Values { get; } = [];

        public void Receive(in GradientPiece piece)
        {
            var count = piece.Shape.Aggregate(1L, (product, size) => product * size);
            var values = Values.TryGetValue(piece.Parameter, out var earlier) ? earlier : Values[piece.Parameter] = new float[count];
            piece.Values.CopyTo(values.AsSpan((int)(piece.FirstRow * (count / piece.Shape[0]))));
        }
    }

    private sealed class Inputs : IActivationObserver
    {
        public Dictionary<string, List<float[]>> Rows { get; } = [];

        public void Observe(in ModuleInput input)
        {
            foreach (var module in input.Modules)
            {
                var rows = Rows.TryGetValue(module, out var earlier) ? earlier : Rows[module] = [];
                for (var row = 0; row < input.Rows; row++)
                    rows.Add(input.Row(row).ToArray());
            }
        }
    }
}
