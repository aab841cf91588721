using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Random;
using MergeTasks.Methods.Selecting;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>
/// What compatibility mode does otherwise: types of results, rounding on the way, sampled quantiles, options that mergekit lacks.
/// </summary>
public sealed class Compatibility : IDisposable
{
    private readonly MergeWorkspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Theory]
    [InlineData("arcee_fusion", "mergekit", "", "F32")]
    [InlineData("ramplus_tl", "mergekit", "", "F32")]
    [InlineData("ramplus_tl", "mergekit", "bfloat16", "BF16")]
    [InlineData("ramplus_tl", "none", "", "BF16")]
    [InlineData("ram", "mergekit", "", "BF16")]
    public void Half_precision_results(string method, string compatibility, string outDType, string expected)
    {
        Write(3_000);
        Declare(method, ("Compatibility", compatibility), ("OutDType", outDType));
        _workspace.Run("m");
        Assert.Equal(expected, _workspace.Result("m")["w"].DType);
    }

    // Every operation rounds to bf16 there, so results differ, but by a few roundings only.
    [Theory]
    [InlineData("linear")]
    [InlineData("nuslerp")]
    [InlineData("multislerp")]
    [InlineData("karcher")]
    [InlineData("task_arithmetic")]
    [InlineData("ram")]
    [InlineData("nearswap")]
    [InlineData("sce")]
    public void Rounding_on_the_way_stays_near_the_exact_result(string method)
    {
        Write(5_000);
        Declare(method);
        _workspace.Run("m");
        var exact = _workspace.Result("m")["w"].Floats();
        _workspace.Clear();
        Declare(method, ("Compatibility", "mergekit"));
        _workspace.Run("m");
        var rounded = _workspace.Result("m")["w"].Floats();
        var far = exact.Zip(rounded, (x, y) => Math.Abs(x - y) > 4 * Math.ScaleB(1, -8) * (Math.Abs(x) + 0.02)).Count(isFar => isFar);

        // Rounding turns a sign or an activity here and there.
        Assert.InRange(far, 0, method is "sce" or "ram" ? 100 : 0);
    }

    [Fact]
    public void Large_tensors_take_their_quantiles_from_the_reference_permutation()
    {
        const int count = 1_000_300;
        var context = new TensorContext(
            "w", [count], [new TensorInput(0, false, new Dictionary<string, double>())], new Dictionary<string, double>())
        {
            Draws = new DrawSequence(5),
            DrawOffset = 17
        };
        Assert.Equal(count - 1, ScoreSample.CompatibleDraws(context));
        var generator = new MersenneTwister(5);
        generator.Skip(17);
        int[] permutation = [.. Enumerable.Range(0, count)];
        for (var i = 0; i < count - 1; i++)
        {
            var other = i + (int)(generator.Next() % (uint)(count - i));
            (permutation[i], permutation[other]) = (permutation[other], permutation[i]);
        }

        float[] scores = [.. Enumerable.Range(0, count).Select(i => (i * 7919L % count) / (float)count)];
        var sample = ScoreSample.Of(context)!;
        for (var start = 0; start < count; start += TensorMerge.BlockLength)
            sample.Take(start, scores.AsSpan(start, Math.Min(TensorMerge.BlockLength, count - start)));
        Assert.Equal(permutation.Take(1_000_000).Select(i => scores[i]).Order(), sample.Sorted());
    }

    [Theory]
    [InlineData("ties", "PaperElection", "true", "mergekit has no 'paper_election'")]
    [InlineData("dare_linear", "RescaleByProbability", "true", "mergekit has no 'rescale_by_probability'")]
    [InlineData("della", "Density", "0.1", "must lie between 0 and 1")]
    [InlineData("linear", "Weight", "0", "sum to zero")]
    public void Settings_that_do_not_go_together_are_refused_before_anything_is_read(string method, string name, string value, string told)
    {
        Write(100);
        Declare(method, ("Compatibility", "mergekit"), (name, value));
        var diagnostic = Assert.Single(Assert.Throws<DiagnosticException>(() => _workspace.Build().Validate(default)).Diagnostics);
        Assert.Equal(DiagnosticCode.InvalidValue, diagnostic.Code);
        Assert.Contains(told, diagnostic.Message, StringComparison.Ordinal);
    }

    private void Write(int count)
    {
        var basis = RandomTensors.Normal(1, count);
        _workspace.Model("base", ("w", RawTensor.BF16([count], basis)));
        foreach (var (seed, name) in new[] { "a", "b" }.Index())
            _workspace.Model(name, ("w", RawTensor.BF16([count], [.. basis.Zip(RandomTensors.Normal(seed + 2, count), (b, d) => b + d)])));
    }

    private void Declare(string name, params (string Name, string Value)[] metadata)
    {
        var method = MergeMethods.Find(name)!;
        bool Needs(string parameter) => method.Parameters.Any(declared => declared.Name == parameter && declared.Default is null);
        _workspace.Merge("m",
        [
            ("Method", name), .. method.Base == BaseUse.Required ? [("Base", "models/base")] : Array.Empty<(string, string)>(),
            .. Needs("t")
                ? [("T", 0.005.ToString(CultureInfo.InvariantCulture))]
                : Array.Empty<(string, string)>(), .. metadata.Where(pair => pair.Value.Length > 0),
        ]);
        foreach (var model in new[] { "a", "b" }.Take(method.MaxModels))
            _workspace.Source(
                "models/" + model, Needs("weight") && !metadata.Any(pair => pair.Name == "Weight") ? [("Weight", "0.4")] : []);
    }
}
