using System.CommandLine;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>score</c>: the scores that a recipe's merge needs, into the cache.</summary>
internal sealed class ScoreCommand : ToolCommand
{
    private readonly RecipeOptions _recipe;

    public ScoreCommand(Streams streams)
        : base("score", "Compute the scores (AIM, APL, Fisher, RegMean) that merging a recipe needs and the cache lacks.", streams) =>
        _recipe = new RecipeOptions(this, needsOutput: false);

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        var project = _recipe.Project(parsed, screen, out _);
        using (var progress = new ProgressLine(screen.Streams))
            project.Score(progress, cancellation);
        screen.Show(new { isScored = true, cacheFolder = project.CacheFolder }, () => screen.Line($"Scores are in {project.CacheFolder}."));
        return ExitCode.Done;
    }
}
