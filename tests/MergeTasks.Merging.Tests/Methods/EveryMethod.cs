using System.Globalization;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// Each method against its formula written down slowly in double precision: many shapes, all stored types, and what is special: zeros,
/// equal models, one element, none, one column. And the same bytes whatever the number of threads.
/// </summary>
public sealed class EveryMethod : IDisposable
{
    private const string ModelNames = "abc";

    // Rows within blocks, across them, and longer than one; blocks of many rows.
    private static readonly (string Name, long[] Shape)[] Tensors =
    [
        ("vector", [5003]), ("matrix", [37, 211]), ("wide", [3, 5003]), ("tall", [2501, 3]), ("column", [2500, 1]), ("row", [1, 2500]),
        ("stack",
            [3, 40, 34]), ("one", [1]), ("scalar", []), ("none", [0, 4]), ("zero", [40, 60]), ("equal", [40, 60]), ("opposite", [40, 60]),
        ("model.embed_tokens.weight", [90, 30]),
    ];

    private readonly MergeWorkspace _workspace = new();

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var formula in Formulas.All)
        {
            foreach (var dtype in new[] { "F32", "BF16", "F16" })
                data.Add(formula.Name, dtype);
        }

        return data;
    }

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Gives_what_its_formula_gives(string name, string dtype)
    {
        var formula = Formulas.All.Single(formula => formula.Name == name);
        var problems = Write(formula, dtype);
        Declare(formula);
        _workspace.Run("m");
        var actual = _workspace.Result("m");
        foreach (var (problem, expected) in problems.Zip(formula.ExpectedOfAll(problems)))
        {
            if (problem.Name == formula.Undetermined)
                continue;
            var values = actual[problem.Name].Floats();
            Assert.Equal(dtype, actual[problem.Name].DType);
            Assert.Equal(expected.Length, values.Length);
            for (var i = 0; i < values.Length; i++)
                Assert.True(IsClose(dtype, expected[i], values[i]), $"{problem.Name}[{i}]: {values[i]:R}, exact {expected[i]:R}.");
        }

        var bytes = FolderContent.Of(_workspace.Output("m"));
        foreach (var threads in dtype == "F32" ? new[] { 1, 3 } : [])
        {
            Directory.Delete(_workspace.Output("m"), recursive: true);
            _workspace.Threads = threads;
            _workspace.Run("m");
            Assert.Equal(bytes, FolderContent.Of(_workspace.Output("m")));
        }
    }

    private List<Problem> Write(Formula formula, string dtype)
    {
        var (problems, files) = (new List<Problem>(), new Dictionary<string, List<(string, RawTensor)>>());
        foreach (var (index, (name, shape)) in Tensors.Index())
        {
            var count = shape.Aggregate(1L, (product, size) => product * size);
            var basis = RandomTensors.Normal(100 + index, name is "zero" or "opposite" ? 0 : count);
            Array.Resize(ref basis, (int)count);
            var models = Enumerable.Range(0, formula.Models).Select(model => Model(name, basis, index, model)).ToList();
            var stored = models.Prepend(basis).Select(values => Stored(dtype, shape, values)).ToList();
            foreach (var (file, tensor) in ModelNames[..formula.Models].Select(c => c.ToString()).Prepend("base").Zip(stored))
                (files.TryGetValue(file, out var list) ? list : files[file] = []).Add((name, tensor));
            var exact = stored.ConvertAll(tensor => Array.ConvertAll(tensor.Floats(), value => (double)value));
            problems.Add(new Problem(name, shape, exact[0], [.. exact.Skip(1)]));
        }

        foreach (var (file, tensors) in files)
            _workspace.Model(file, [.. tensors]);
        return problems;
    }

    // Exactly opposite deltas need a base of zeros.
    private static float[] Model(string name, float[] basis, int tensor, int model) => name switch
    {
        "zero" or "equal" => basis,
        "opposite" when model > 0 =>
            [.. basis.Zip(RandomTensors.Normal(1000 + tensor, basis.Length), (b, d) => model == 1 ? b - d : b + (2 * d))],
        _ => [.. basis.Zip(RandomTensors.Normal(1000 + tensor + (50 * model), basis.Length), (b, d) => b + d)],
    };

    private void Declare(Formula formula)
    {
        _workspace.Merge("m",
            [
                ("Method", formula.Method),
                .. formula.HasBase ? [("Base", "models/base")] : Array.Empty<(string, string)>(),
                .. formula.Settings
            ]);
        for (var i = 0; i < formula.Models; i++)
            _workspace.Source(
                $"models/{ModelNames[i]}",
                formula.Weights.Length > 0 ? [("Weight", formula.Weights[i].ToString(CultureInfo.InvariantCulture))] : []);
    }

    private static RawTensor Stored(string dtype, long[] shape, float[] values) =>
        dtype switch { "F32" => RawTensor.F32(shape, values), "F16" => RawTensor.F16(shape, values), _ => RawTensor.BF16(shape, values) };

    // Half a step of the stored type, and what fp32 sums of numbers of this size may be off by.
    private static bool IsClose(string dtype, double expected, float value)
    {
        var step = dtype switch { "F32" => Math.ScaleB(1, -20), "F16" => Math.ScaleB(1, -10), _ => Math.ScaleB(1, -7) };
        var magnitude = Math.Max(Math.Abs(expected), 6e-5);
        return Math.Abs(expected - value) <= (step / 2 * Math.ScaleB(1, (int)Math.Floor(Math.Log2(magnitude)))) + 4e-8;
    }
}
