using MergeTasks.TestSupport.Mutated;

namespace MergeTasks.Merging.Tests.Mutated;

/// <summary>
/// Whole builds of a project in which one file is another than it should be, an input, a recipe, an output, or what is remembered: models
/// or diagnostics, and nothing written beside the outputs.
/// </summary>
public sealed class MutatedModels
{
    private const int Cases = 80;

    [Fact]
    public void Are_built_or_refused()
    {
        using var project = new MutatedProject(isAlone: false);
        Assert.Contains(Path.Combine("models", "a", "config.json"), project.Files);
        Assert.Contains(Path.Combine("out", "scored", "merge.manifest.json"), project.Files);
        var refused = 0;
        for (var i = 0; i < Cases; i++)
        {
            var outcome = project.Try(0, i, out var content);
            Assert.True(outcome.Fault is null, $"Case {i}: {outcome.Fault}\n{content}");
            refused += outcome.IsRefused ? 1 : 0;
        }

        Assert.InRange(refused, Cases / 10, Cases * 9 / 10);
    }
}
