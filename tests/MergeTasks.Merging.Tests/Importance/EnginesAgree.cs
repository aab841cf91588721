#if WITH_TORCH
using MergeTasks.Merging.Build;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Importance;

/// <summary>Scores of one model by different engines: close, and never taken for each other.</summary>
public sealed class EnginesAgree
{
    // docs/gpu.md states it: of the largest score of the same tensor.
    private const double Tolerance = 1e-4;

    public static IEnumerable<object[]> Others =>
        TestedEngines.With(["llama-A", "gpt2-A"]).Where(pair => !pair[0].Equals(TestedEngines.Processor));

    private static readonly (string, string)[] Declared =
    [
        ("Aim", "0.4"),
        ("Calibration", "data/calibration.txt"),
        ("AimBlock", "16"),
        ("Apl", "layer;tensor"),
        ("AplDensity", "0.4"),
        ("AplVerify", "true"),
    ];

    [Theory]
    [MemberData(nameof(Others))]
    public void Activations_and_importance_are_the_same_within_the_tolerance(string engine, string golden)
    {
        using var project = new ScoredProject(golden, "a");
        using var other = ScoredProject.On(engine, golden, "a");
        foreach (var each in new[] { project, other })
        {
            each.Declare("task_arithmetic", ["a"], Declared);
            each.Run();
        }

        foreach (var (phase, model) in new[] { ("activations", "base"), ("importance by gradient", "a") })
        {
            var (expected, actual) = (project.Score(phase, model), other.Score(phase, model));
            Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
            foreach (var (name, values) in expected)
            {
                var (own, theirs) = (values.Floats(), actual[name].Floats());
                var largest = own.Max(Math.Abs);
                Assert.All(own.Zip(theirs), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, Tolerance * largest + 1e-9));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Scores_of_one_engine_are_not_anothers(string engine, string golden)
    {
        using var project = new ScoredProject(golden, "a");
        project.Declare("task_arithmetic", ["a"], Declared);
        Assert.NotEmpty(project.Run());
        Assert.Empty(project.Run());
        project.Space.Engine = TestedEngines.Open(engine);
        Assert.False(project.Space.State("m").IsFresh);
        Assert.Contains(
            new MergeScorer(project.Space.Build()).Explain(project.Space.State("m"), default),
            line => line.Contains("engine", StringComparison.Ordinal));
    }
}
#endif
