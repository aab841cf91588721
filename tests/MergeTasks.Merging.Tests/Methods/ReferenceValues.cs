using MergeTasks.Methods.Random;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Methods;

/// <summary>Values that the reference implementations computed for small tensors, fp32 unless said otherwise.</summary>
public sealed class ReferenceValues
{
    private static readonly float[] Base = [1, -2, .5f, 0, .25f, -.75f, 1.5f, -1];
    private static readonly float[] DeltaA = [.40f, -.10f, .02f, 0, -.30f, .05f, .20f, -.01f];
    private static readonly float[] DeltaB = [-.20f, -.30f, .04f, .06f, .10f, 0, -.50f, .08f];
    private static readonly float[] DeltaC = [.10f, .25f, -.03f, .07f, .15f, -.20f, .30f, 0];
    private static readonly float[] DeltaD = [.4f, 0, 0, 0, 0, 0, 0, .2f];
    private static readonly float[] DeltaE = [.2f, -.3f, 0, .06f, 0, 0, 0, 0];

    [Theory]
    [InlineData("linear", "A:0.6 B:0.4", "", "1.16 -2.18 .528 .024 .11 -.72 1.42 -.974")]
    [InlineData("linear", "A:1 B:0.3 C:0.5", "normalize=false", "2.19 -3.665 .917 .053 .255 -1.4 2.9 -1.786")]
    [InlineData("slerp", "B:", "t=0.35;base=A", "1.202401 -2.194038 .5328065 .02129659 .09142844 -.7254305 1.470199 -.989141")]
    [InlineData("task_arithmetic", "A:0.5 B:0.3 C:0.2", "", "1.16 -2.09 .516 .032 .16 -.765 1.51 -.981")]
    [InlineData("ties", "A:1 B:1 C:1", "density=0.5", "1.4 -2.2 .5 0 -.05 -.95 1.75 -1")]
    [InlineData("ties", "A:1 B:0.3 C:0.5", "density=0.5", "1.4 -2.146154 .5 0 -.05 -.95 1.733333 -1")]
    [InlineData("nuslerp", "A:0.6 B:0.4", "base=", "1.172969 -2.2054 .53413 .02432442 .1115837 -.7283766 1.435902 -.9852096")]
    [InlineData(
        "nuslerp",
        "A:0.6 B:0.4",
        "base=;nuslerp_flatten=false",
        "1.168401 -2.196454 .531971 .02421012 .1120291 -.7307302 1.440369 -.988359")]
    [InlineData("multislerp", "A:1 B:2 C:1", "base=", "1.030536 -2.154227 .5269605 .04936435 .2740639 -.801138 1.382886 -.9770234")]
    [InlineData("karcher", "A: B: C:", "base=", "1.106205 -2.088434 .5189455 .0452669 .2452989 -.8143372 1.510758 -.9911579")]
    [InlineData("breadcrumbs", "A:1 B:1", "density=0.5;gamma=0.13", ".8 -2.4 .5 0 .05 -.7 1.7 -.92")]
    [InlineData("ties", "A:1 B:1", "density=0.625;paper_election=true", "1.4 -2.2 .5 0 -.05 -.7 1 -.92")]
    [InlineData("nearswap", "A:", "t=0.05", "1.05 -2.05 .52 0 .2 -.7 1.55 -1.01")]
    [InlineData("arcee_fusion", "A:", "", "1.4 -2 .5 0 .25 -.75 1.5 -1")]
    [InlineData("ram", "A: B: C:", "", "1.1 -2.05 .51 .065 .2333333 -.825 1.5 -.965")]
    [InlineData("ramplus_tl", "D: E:", "", "1.3 -2.306 .5 .0612 .25 -.75 1.5 -.796")]
    [InlineData("widen", "A: B:", "", "1.262246 -2.278522 .5537754 .0318653 .01887703 -.7140544 1.137754 -.9622021")]
    [InlineData("sce", "A: B: C:", "", "1.270288 -2.213994 .5313994 .06364958 -.05 -.95 1.743237 -.92")]
    [InlineData("pcb", "A: B: C:", "ratio=0.5", "1.2616909 -2.2983193 .5 .06870843 -.05 -.95 1.5 -.92")]
    [InlineData("passthrough", "A:", "", "1.4 -2.1 .52 0 -.05 -.7 1.7 -1.01")]
    public void Fp32(string method, string models, string parameters, string expected) =>
        Check(method, models, parameters, expected, compatible: false, bf16: false);

    [Theory]
    [InlineData("linear", "A:0.6 B:0.4", "", "1.16 -2.18 .528 .024 .11 -.72 1.42 -.974")]
    [InlineData("slerp", "B:", "t=0.35;base=A", "1.202401 -2.194038 .5328065 .02129659 .09142844 -.7254305 1.470199 -.989141")]
    [InlineData("ties", "A:1 B:0.3 C:0.5", "density=0.5", "1.4 -2.146154 .5 0 -.05 -.95 1.733333 -1")]
    [InlineData("nuslerp", "A:0.6 B:0.4", "base=", "1.172969 -2.2054 .53413 .02432442 .1115837 -.7283766 1.435902 -.9852096")]
    [InlineData("multislerp", "A:1 B:2 C:1", "base=", "1.030536 -2.154227 .5269605 .04936435 .2740639 -.801138 1.382886 -.9770234")]
    [InlineData("karcher", "A: B: C:", "base=", "1.106205 -2.088434 .5189455 .0452669 .2452989 -.8143372 1.510758 -.9911579")]
    [InlineData("model_stock", "A: B: C:", "", ".4282589 -1.714129 .442826 -.2477545 .3452902 -.4641294 1.5 -1.133406")]
    [InlineData("della", "A:0.5 B:0.5", "density=0.5;epsilon=0.15;seed=42", "1 -3.010526 .5415384 0 -.3730768 -.75 1.915385 -.7305263")]
    [InlineData("breadcrumbs", "A:1 B:1", "density=0.5;gamma=0.13", ".8 -2.4 .5 0 .05 -.7 1.7 -.92")]
    [InlineData("breadcrumbs", "A:1 B:1", "density=0.5;gamma=0.01", "1.2 -2.4 .5 0 .05 -.75 1.2 -1")]
    [InlineData("nearswap", "A:", "t=0.05", "1.05 -2.05 .52 0 .2 -.7 1.55 -1.01")]
    [InlineData("arcee_fusion", "A:", "", "1.4 -2 .5 0 .25 -.75 1.5 -1")]
    [InlineData("ram", "A: B: C:", "", "1.1 -2.05 .51 .065 .2333333 -.825 1.5 -.965")]
    [InlineData("ramplus_tl", "D: E:", "", "1.3 -2.306 .5 .0612 .25 -.75 1.5 -.796")]
    [InlineData("sce", "A: B: C:", "", "1.270288 -2.213994 .5313994 .06364958 -.05 -.95 1.743237 -.92")]
    [InlineData("dare_linear", "A:0.5 B:0.5", "density=0.5;seed=42", "1 -2.505263 .5207692 0 -.0615384 -.75 1.707692 -.8652632")]
    public void Fp32_in_compatibility_mode(string method, string models, string parameters, string expected) =>
        Check(method, models, parameters, expected, compatible: true, bf16: false);

    [Fact]
    public void Ties_bf16_in_compatibility_mode() =>
        Check(
            "ties",
            "A:1 B:0.3 C:0.5",
            "density=0.5",
            "1.398438 -2.140625 .5 0 -.05078125 -.9492188 1.734375 -1",
            compatible: true,
            bf16: true);

    [Fact]
    public void Random_numbers_are_those_of_the_reference_generator()
    {
        float[] expected =
            [
                .882269f,
                .915004f,
                .382864f,
                .959306f,
                .390448f,
                .600895f,
                .256572f,
                .793641f,
                .940771f,
                .133186f,
                .934598f,
                .59358f,
                .869404f,
                .567715f,
                .741094f,
                .429404f
            ];
        var generator = new MersenneTwister(42);
        foreach (var value in expected)
            Assert.Equal(value, (generator.Next() & 0xFFFFFF) / 16777216f, 1e-6f);
        generator = new MersenneTwister(1);
        foreach (var value in new[] { .7576316f, .2793109f, .4030693f, .7346845f })
            Assert.Equal(value, (generator.Next() & 0xFFFFFF) / 16777216f, 1e-6f);
    }

    private static void Check(string method, string models, string parameters, string expected, bool compatible, bool bf16)
    {
        using var workspace = new MergeWorkspace();
        foreach (var (name, delta) in new[]
        {
            ("base", new float[8]), ("A", DeltaA), ("B", DeltaB), ("C", DeltaC), ("D", DeltaD), ("E", DeltaE)
        })
        {
            float[] values = [.. Base.Zip(delta, (b, d) => b + d)];
            workspace.Model(name, ("w", bf16 ? RawTensor.BF16([2, 4], values) : RawTensor.F32([2, 4], values)));
        }

        var settings = parameters.Split(';', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        var basis = settings.GetValueOrDefault("base", "base");
        workspace.Merge("m",
        [
            ("Method", method),
            .. basis.Length > 0 ? [("Base", "models/" + basis)] : Array.Empty<(string, string)>(),
            ("Seed", settings.GetValueOrDefault("seed", "0")),
            ("Compatibility", compatible ? "mergekit" : "none"),
            ("Parameters",
                string.Join(';', settings.Where(pair => pair.Key is not ("base" or "seed")).Select(pair => $"{pair.Key}={pair.Value}"))),
        ]);
        foreach (var model in models.Split(' '))
            workspace.Source("models/" + model.Split(':')[0], ("Weight", model.Split(':')[1]));
        workspace.Run("m");
        var actual = workspace.Result("m")["w"];
        Assert.Equal(bf16 ? "BF16" : "F32", actual.DType);
        float[] values2 = [.. expected.Split(' ').Select(text => float.Parse(text, System.Globalization.CultureInfo.InvariantCulture))];
        foreach (var (want, got) in values2.Zip(actual.Floats()))
            Assert.Equal(want, got, 1e-6f);
    }
}
