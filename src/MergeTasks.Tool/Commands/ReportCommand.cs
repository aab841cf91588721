using System.CommandLine;
using MergeTasks.Library;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.Merging.Reporting;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>report</c>: a merged model as one HTML page.</summary>
internal sealed class ReportCommand : ToolCommand
{
    private readonly Argument<string> _model = new("model") { Description = "Folder of a merged model." };
    private readonly Argument<string?> _output = new("page")
    {
        Description = "The page; default: beside the model, with .report.html after its name.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _inputs = new("--inputs")
    {
        Description = "Folders that the recipe's models are named from, where they are not found from its project's.",
        HelpName = "folder",
    };

    private readonly SharedOptions _shared;

    public ReportCommand(Streams streams)
        : base("report", "Write a page about a merged model: what it was made from, sizes and conflicts of changes, importance, evaluations.",
            streams)
    {
        Arguments.Add(_model);
        Arguments.Add(_output);
        Options.Add(_inputs);
        _shared = new SharedOptions(this);
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        var start = screen.Streams.Folder;
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetRequiredValue(_model), start));
        var path = parsed.GetValue(_output) is { } own ? Path.GetFullPath(own, start) : ReportFile.PathOf(folder);
        var folders = (parsed.GetValue(_inputs) ?? []).Select(input => Path.GetFullPath(input, start))
            .Concat(ReportOfModel.FoldersOf(folder)).Append(start).ToList();
        MergeReport report;
        using (var progress = new ProgressLine(screen.Streams))
            report = ReportOfModel.Gather(
                folder,
                folders,
                _shared.Cache(parsed, screen.Streams),
                _shared.Threads(parsed),
                new ReportedProgress(Path.GetFileName(folder), progress, screen.Problem, screen.Note),
                cancellation);
        ReportFile.Write(path, ReportPage.Of(report));
        screen.Show(
            new { page = path, missing = report.Missing },
            () =>
            {
                foreach (var missing in report.Missing)
                    screen.Line($"Not shown: {missing}.");
                screen.Line(path);
            });
        return ExitCode.Done;
    }
}
