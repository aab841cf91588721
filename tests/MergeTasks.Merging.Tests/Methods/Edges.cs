using System.Globalization;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Execution;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Random;
using MergeTasks.Numerics;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// What every method owes at the edges of every type, in both modes and with each of its flags: numbers, or the one error that says that
/// the type cannot hold them, and never NaN; and equal models are given back. A method that is added is among them.
/// </summary>
public sealed class Edges
{
    private static readonly DType[] DTypes = [DType.F32, DType.BF16, DType.F16, DType.F8E4M3, DType.F8E5M2];

    private static readonly long[][] Shapes = [[1], [6, 5], [], [0, 4], [4, 0], [5, 1], [1, 5], [2, 3, 4], [3, 1000]];

    private static readonly string[] Cases =
        [
            "zeros",
            "equal",
            "opposite",
            "subnormal",
            "equal and largest",
            "largest",
            "largest and subnormal",
            "tiny changes",
            "one zero model",
            "scaled 1e18",
            "scaled 1e-25"
        ];

    public static TheoryData<string, bool> Methods()
    {
        var data = new TheoryData<string, bool>();
        foreach (var method in MergeMethods.All.Where(method => !method.MakesAdapter))
        {
            data.Add(method.Name, false);
            data.Add(method.Name, true);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Give_numbers_or_the_error_that_names_the_type(string name, bool isCompatible)
    {
        var method = MergeMethods.Find(name)!;
        var refused = new HashSet<string>();
        foreach (var (variant, parameters) in Variants(method))
        {
            foreach (var dtype in DTypes)
            {
                foreach (var shape in variant.Length == 0 && !method.NeedsSurvey ? Shapes : Shapes[..2])
                {
                    foreach (var edge in Cases)
                        Check(method, isCompatible, variant, parameters, dtype, shape, edge, refused);
                }
            }
        }

        // In fp32 mode numbers on the way have the room that these need, whatever fp32 holds.
        if (!isCompatible
            && name is "linear"
                or "slerp"
                or "karcher"
                or "nuslerp"
                or "multislerp"
                or "passthrough"
                or "fisher"
                or "nearswap"
                or "arcee_fusion")
            Assert.DoesNotContain("equal and largest", refused);
    }

    // An adapter's factors are computed from the change of two models, so they are extracted from models on a disk.
    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F16)]
    internal void Of_changes_that_become_adapters_give_numbers_or_an_error(DType dtype)
    {
        using var space = new MergeWorkspace { Threads = 1 };
        space.Merge("m", ("Method", "extract_lora"), ("Base", "models/base"), ("Rank", "1000"));
        space.Source("models/tuned");
        long[][] shapes = [[6, 5], [1, 5], [5, 1], [1, 1], [3, 40]];
        foreach (var edge in Cases)
        {
            foreach (var (model, number) in new[] { ("base", -1), ("tuned", 0) })
            {
                space.Model(model, [.. shapes.Select((shape, i) => ($"model.layers.{i}.mlp.up_proj.weight", Raw(dtype, shape, Values(
                    edge, dtype, (int)(shape[0] * shape[1]), number))))]);
            }

            try
            {
                space.Run("m");
                foreach (var (name, tensor) in space.Result("m"))
                    Assert.True(Array.TrueForAll(tensor.Floats(), float.IsFinite), $"{edge}, {dtype}: {name}");
                AssertSum(space, dtype, edge);
            }
            catch (DiagnosticException e)
            {
                // Nothing changed, so there is no adapter; or what changed is no number of the type.
                Assert.True(
                    e.Diagnostics.All(diagnostic => edge is "zeros" or "tiny changes" || edge.StartsWith("equal", StringComparison.Ordinal)
                        ? diagnostic.Code == DiagnosticCode.AdapterOutput
                        : edge.Contains("largest", StringComparison.Ordinal)
                            && (diagnostic.Code == DiagnosticCode.ResultRange || diagnostic.Code == DiagnosticCode.UndefinedMerge)),
                    $"{edge}, {dtype}: {e.Message}");
            }
        }
    }

    private static RawTensor Raw(DType dtype, long[] shape, float[] values) =>
        dtype == DType.F16 ? RawTensor.F16(shape, values) : RawTensor.F32(shape, values);

    // Of full rank, so base and product are the model.
    private static void AssertSum(MergeWorkspace space, DType dtype, string edge)
    {
        var (basis, tuned, adapter) = (
            TestCheckpoint.Read(Path.Combine(space.Folder, "models", "base")),
            TestCheckpoint.Read(Path.Combine(space.Folder, "models", "tuned")),
            space.Result("m"));
        foreach (var (name, a) in adapter.Where(pair => pair.Key.Contains("lora_A", StringComparison.Ordinal)))
        {
            var b = adapter[name.Replace("lora_A", "lora_B", StringComparison.Ordinal)];
            var module = basis.Keys.Single(key => name.Contains(key[..^".weight".Length], StringComparison.Ordinal));
            var (before, after, left, right) = (basis[module].Floats(), tuned[module].Floats(), b.Floats(), a.Floats());
            var (rank, columns) = ((int)a.Shape[0], (int)a.Shape[1]);
            var largest = before.Zip(after, (x, y) => Math.Abs((double)y - x)).Max();
            for (var i = 0; i < before.Length; i++)
            {
                var sum = (double)before[i];
                for (var k = 0; k < rank; k++)
                    sum += (double)left[(i / columns * rank) + k] * right[(k * columns) + (i % columns)];
                // The factors are stored in the output's type.
                var most = ((dtype == DType.F16 ? 1e-2 : 1e-5) * largest) + Smallest(dtype);
                Assert.True(Math.Abs(sum - after[i]) <= most, $"{edge}, {dtype}: {module} {after[i]} became {sum}");
            }
        }
    }

    // Powers of two change exponents alone, so nothing that a method decides, unless it has an absolute limit.
    [Theory]
    [InlineData("linear", 60)]
    [InlineData("linear", -60)]
    [InlineData("task_arithmetic", 60)]
    [InlineData("task_arithmetic", -60)]
    [InlineData("ties", 60)]
    [InlineData("ties", -60)]
    [InlineData("breadcrumbs", 60)]
    [InlineData("dare_linear", 60)]
    [InlineData("dare_linear", 100)]
    [InlineData("dare_linear", 120)]
    [InlineData("della_linear", 120)]
    [InlineData("della", 100)]
    [InlineData("dare_ties", 100)]
    [InlineData("sce", 60)]
    [InlineData("sce", 100)]
    [InlineData("sce", -60)]
    [InlineData("sce", -83)]
    [InlineData("slerp", 60)]
    [InlineData("slerp", 90)]
    [InlineData("slerp", 120)]
    [InlineData("model_stock", 60)]
    [InlineData("model_stock", -60)]
    [InlineData("tsv", 40)]
    public void Models_that_are_scaled_give_the_scaled_model(string name, int exponent)
    {
        var method = MergeMethods.Find(name)!;
        var parameters = method.Parameters.ToDictionary(
            parameter => parameter.Name,
            parameter => parameter.Name switch { "density" or "select_topk" => 0.3, "t" => 0.5, _ => parameter.Default ?? 0.75 });
        long[] shape = [7, 400];
        var hasBase = method.Base != BaseUse.Donor;
        var sources = Enumerable.Range(0, Math.Min(method.MaxModels, 3) + (hasBase ? 1 : 0))
            .Select(i => RandomTensors.Normal(40 + i, 2800))
            .ToArray();
        var inputs = sources.Select((_, i) =>
            new TensorInput(
                i,
                hasBase && i == 0,
                method.Parameters
                    .Where(parameter => parameter.PerModel && !(hasBase && i == 0))
                    .ToDictionary(parameter => parameter.Name, parameter => parameters[parameter.Name]))).ToArray();
        var context = new TensorContext(
            "w",
            shape,
            inputs,
            method.Parameters
                .Where(parameter => !parameter.PerModel)
                .ToDictionary(parameter => parameter.Name, parameter => parameters[parameter.Name]));
        var expected = SolvedTensor.Merge(name, context, sources);
        var scaled = SolvedTensor.Merge(
            name, context, Array.ConvertAll(sources, source => Array.ConvertAll(source, value => MathF.ScaleB(value, exponent))));
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], MathF.ScaleB(scaled[i], -exponent), 1e-6f * Math.Max(1e-3f, Math.Abs(expected[i])));
    }

    // The change from one end of fp32 to the other is no fp32 number, and half of it is.
    [Theory]
    [InlineData("task_arithmetic")]
    [InlineData("ties")]
    [InlineData("dare_linear")]
    [InlineData("della_linear")]
    [InlineData("breadcrumbs")]
    public void Numbers_on_the_way_may_be_larger_than_fp32_holds(string name)
    {
        var method = MergeMethods.Find(name)!;
        var parameters = method.Parameters.ToDictionary(
            parameter => parameter.Name,
            parameter => parameter.Name switch { "weight" => 0.25, "gamma" => 0, _ => parameter.Default ?? 1 });
        parameters["normalize"] = 0;
        TensorInput[] inputs = [new(0, true, new Dictionary<string, double>()), new(1, false, parameters), new(2, false, parameters)];
        float[] basis = [-float.MaxValue, float.MaxValue, 1, -3e38f], model = [float.MaxValue, -float.MaxValue, 2, 3e38f];
        var merged = SolvedTensor.Merge(name, new TensorContext("w", [4], inputs, parameters), basis, model, model);
        double[] expected = [.. basis.Zip(model, (b, x) => b + (0.5 * ((double)x - b)))];
        for (var i = 0; i < merged.Length; i++)
            Assert.Equal(expected[i], merged[i], 1e-6 * Math.Max(Math.Abs(basis[i]), 1));
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    [InlineData(DType.F16)]
    [InlineData(DType.F8E4M3)]
    [InlineData(DType.F8E5M2)]
    internal void The_limit_of_a_type_is_where_rounding_leaves_its_numbers(DType dtype)
    {
        Span<float> around = [
            BitConverter.UInt32BitsToSingle(ElementConversion.FirstBeyond(dtype) - 1),
            BitConverter.UInt32BitsToSingle(ElementConversion.FirstBeyond(dtype))
        ];
        ElementConversion.Round(dtype, around);
        Assert.True(float.IsFinite(around[0]) && !float.IsFinite(around[1]), $"{around[0]} {around[1]}");
    }

    private static void Check(
        MergeMethod method,
        bool isCompatible,
        string variant,
        Dictionary<string, double> parameters,
        DType dtype,
        long[] shape,
        string edge,
        HashSet<string> refused)
    {
        var what = $"{method.Name} {variant}{(isCompatible ? " compatible" : "")}, {dtype} [{string.Join(", ", shape)}], {edge}";
        var models = Math.Min(method.MaxModels, Math.Max(method.MinModels, 3));
        var hasBase = method.Base != BaseUse.Donor;
        var count = (int)shape.Aggregate(1L, (product, size) => product * size);
        var sources = Enumerable.Range(0, models + (hasBase ? 1 : 0)).Select(i => Values(edge, dtype, count, hasBase ? i - 1 : i)).ToList();
        var inputs = Enumerable.Range(0, sources.Count).Select(i => new TensorInput(i, hasBase && i == 0,
            method.Parameters
                .Where(parameter => parameter.PerModel && !(hasBase && i == 0))
                .ToDictionary(parameter => parameter.Name, parameter => parameters[parameter.Name]))).ToArray();
        if (method.Statistic != ModelStatistic.None && (method.Statistic == ModelStatistic.Fisher || (shape.Length == 2 && shape[1] < 100)))
        {
            foreach (var i in Enumerable.Range(0, models))
            {
                inputs[i] = inputs[i] with { Statistic = sources.Count };
                sources.Add(
                    method.Statistic == ModelStatistic.Fisher
                        ? [.. sources[i].Select(value => Math.Min(value * value, 1e30f))]
                        : Products(shape, i, edge));
            }
        }

        var context = new TensorContext(
            "w",
            shape,
            inputs,
            method.Parameters
                .Where(parameter => !parameter.PerModel)
                .ToDictionary(parameter => parameter.Name, parameter => parameters[parameter.Name]))
        {
            CompatibleDType = isCompatible ? dtype : null,
            Draws = isCompatible ? new DrawSequence(1) : null,
            Seed = 1,
        };
        if (method.Conflict(context) is not null || method.Conflict([context]) is not null)
            return;

        // Weights that are not divided by their sum are no shares.
        var isShared = method.Base == BaseUse.Required || !variant.StartsWith("normalize", StringComparison.Ordinal);
        try
        {
            var merged = SolvedTensor.Merge(method.Name, context, dtype, [.. sources]);
            Assert.True(Array.TrueForAll(merged, float.IsFinite), what);
            if (isShared && (edge is "equal" or "zeros" or "equal and largest"))
                AssertGivenBack(method, isCompatible, dtype, sources[0], merged, what);
        }
        catch (ResultRangeException e)
        {
            Assert.True(
                edge.Contains("largest", StringComparison.Ordinal)
                    || dtype is DType.F16 or DType.F8E4M3 or DType.F8E5M2 or DType.BF16
                        && Grows(parameters), $"{what}: {e.Count} beyond, {e.Value}");
            Assert.InRange(e.Count, 1, count);
            refused.Add(isShared ? edge : "");
        }
        catch (NumericException e)
        {
            // Directions that cancel out have no mean, and products that fp32 cannot hold determine nothing.
            Assert.True(
                e.Problem == NumericProblem.Undefined
                    && (method.Name == "multislerp" && edge is not "equal"
                        || method.Name == "regmean" && edge.Contains("largest", StringComparison.Ordinal)), $"{what}: {e.Message}");
        }
    }

    private static bool Grows(Dictionary<string, double> parameters) =>
        parameters.GetValueOrDefault("rescale") != 0 || parameters.GetValueOrDefault("normalize", 1) == 0;

    private static void AssertGivenBack(MergeMethod method, bool isCompatible, DType dtype, float[] model, float[] merged, string what)
    {
        var bits = dtype switch { DType.F32 or DType.F64 => 23, DType.BF16 => 7, DType.F16 => 10, DType.F8E4M3 => 3, _ => 2 };

        // Shares that sum to one do so within roundings, each of which compatibility mode makes; a system of equations costs some digits.
        var steps = (isCompatible ? 6 : 1) * Math.ScaleB(1, -bits) + (method.Name == "regmean" ? 1e-4 : 1e-6);
        for (var i = 0; i < model.Length; i++)
            Assert.True(
                Math.Abs((double)merged[i] - model[i]) <= (Math.Abs((double)model[i]) * steps)
                    + (isCompatible || dtype is DType.F8E4M3 or DType.F8E5M2
                        ? Smallest(dtype)
                        : 1e-44), $"{what}: {model[i]:R} became {merged[i]:R}");
    }

    // The defaults, and each flag turned; a density that drops.
    private static IEnumerable<(string, Dictionary<string, double>)> Variants(MergeMethod method)
    {
        var defaults = method.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => parameter.Default ?? (parameter.Name == "t" ? 0.5 : 0.75));
        yield return ("", defaults);
        foreach (var flag in method.Parameters.Where(parameter => parameter.IsFlag))
            yield return (flag.Name, new(defaults) { [flag.Name] = 1 - defaults[flag.Name] });
        foreach (var (name, value) in new[]
        {
            ("density", 0.3), ("density", 1e-42), ("select_topk", 0.5), ("select_topk", 0), ("gamma", 0.3)
        })
        {
            if (!defaults.ContainsKey(name))
                continue;
            var dropping = new Dictionary<string, double>(defaults) { [name] = value };
            yield return (name + value.ToString(CultureInfo.InvariantCulture), dropping);
            if (defaults.ContainsKey("rescale_by_probability"))
                yield return (name + value.ToString(CultureInfo.InvariantCulture) + " by probability",
                    new(dropping) { ["rescale_by_probability"] = 1, ["rescale"] = 1 });
            if (defaults.ContainsKey("paper_election"))
                yield return (name + value.ToString(CultureInfo.InvariantCulture) + " by the paper",
                    new(dropping) { ["paper_election"] = 1 });
        }
    }

    // Of the base for -1.
    private static float[] Values(string edge, DType dtype, int count, int model)
    {
        var (largest, smallest) = (Largest(dtype), Smallest(dtype));
        var random = new Random((7 * count) + (edge.StartsWith("equal", StringComparison.Ordinal) ? 0 : model + 2));
        var shared = new Random(count);
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            var (own, common) = (random.NextSingle() - 0.5f, shared.NextSingle() - 0.5f);
            values[i] = edge switch
            {
                "zeros" => 0,
                "one zero model" => model == 0 ? 0 : own,
                "equal" => own,
                "opposite" => model < 0 ? 0 : model % 2 == 0 ? common : -common,
                "subnormal" => smallest * random.Next(-3, 4),
                "equal and largest" or "largest" => own > 0 ? largest : -largest,
                "largest and subnormal" => i % 2 == 0 ? (own > 0 ? largest : -largest) : smallest * random.Next(-1, 2),
                "tiny changes" => model < 0 ? common : common + (own > 0 ? smallest : 0),
                "scaled 1e18" => dtype is DType.F32 or DType.F64 or DType.BF16 ? own * 1e18f : own,
                _ => dtype is DType.F32 or DType.F64 or DType.BF16 ? own * 1e-25f : own,
            };
        }

        ElementConversion.Round(dtype, values);
        Assert.All(values, value => Assert.True(float.IsFinite(value)));
        return values;
    }

    // What a linear layer's inputs give: xᵀx of a few samples.
    private static float[] Products(long[] shape, int model, string edge)
    {
        var channels = (int)shape[1];
        var samples = Enumerable.Range(0, 3).Select(sample => RandomTensors.Normal((10 * model) + sample, channels)).ToArray();
        var products = new float[channels * channels];
        for (var i = 0; edge != "zeros" && i < products.Length; i++)
            products[i] = samples.Sum(sample => sample[i / channels] * sample[i % channels]);
        return products;
    }

    private static float Largest(DType dtype)
    {
        Span<float> largest = [BitConverter.UInt32BitsToSingle(ElementConversion.FirstBeyond(dtype) - 1)];
        ElementConversion.Round(dtype, largest);
        return largest[0];
    }

    private static float Smallest(DType dtype) => dtype switch
    {
        DType.F32 or DType.F64 => float.Epsilon,
        DType.BF16 => MathF.ScaleB(1, -133),
        DType.F16 => MathF.ScaleB(1, -24),
        DType.F8E4M3 => MathF.ScaleB(1, -9),
        _ => MathF.ScaleB(1, -16),
    };
}
