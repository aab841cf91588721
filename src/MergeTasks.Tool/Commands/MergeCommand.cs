using System.CommandLine;
using MergeTasks.Library;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>merge</c>: a recipe without a project file, as <c>mergekit-yaml</c> takes it.</summary>
internal sealed class MergeCommand : ToolCommand
{
    private readonly RecipeOptions _recipe;
    private readonly MergekitOptions _mergekit;
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "No progress." };
    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Taken, and changes nothing.", Hidden = true };

    public MergeCommand(Streams streams)
        : base("merge", "Merge a recipe into a folder. Doing so again does what is not done, and changes of inputs redo what depends on them.",
            streams)
    {
        _recipe = new RecipeOptions(this, needsOutput: true);
        Options.Add(_quiet);
        Options.Add(_verbose);
        _mergekit = new MergekitOptions(this);
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        _mergekit.Tell(parsed, screen);
        var project = _recipe.Project(parsed, screen, out _);
        IReadOnlyList<PlannedMerge> made;
        using (var progress = new ProgressLine(screen.Streams))
            made = project.Run(parsed.GetValue(_quiet) ? null : progress, cancellation);
        PlanCommand.Show(screen, made, "merged");
        return ExitCode.Done;
    }
}
