using System.CommandLine;
using MergeTasks.Merging.Build;
using MergeTasks.Merging.Looking;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>verify</c>: a merged model's bytes against its manifest.</summary>
internal sealed class VerifyCommand : ToolCommand
{
    private readonly Argument<string> _model = new("model") { Description = "Folder of a merged model." };
    private readonly Option<int> _threads = new("--num-threads") { Description = "Threads that read.", HelpName = "n" };

    public VerifyCommand(Streams streams)
        : base("verify", $"Compare a merged model's bytes with its manifest; ends with {ExitCode.No} where they differ.", streams)
    {
        Arguments.Add(_model);
        Options.Add(_threads);
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetRequiredValue(_model), screen.Streams.Folder));
        var found = OutputVerification.Of(folder, MergeBuild.ThreadsOf(parsed.GetValue(_threads)), cancellation);
        var isIntact = found.Differences.Count == 0;
        screen.Show(
            new
            {
                folder,
                merge = found.Manifest.Name,
                tool = found.Manifest.Tool,
                isIntact,
                files = found.Files,
                tensors = found.Tensors,
                differences = found.Differences.Select(one => new { file = one.File, difference = one.Difference }),
            },
            () =>
            {
                foreach (var (file, difference) in found.Differences)
                    screen.Line($"{file}: {difference}.");
                screen.Line(isIntact
                    ? $"'{found.Manifest.Name}' is as its merge wrote it: {found.Files} files, {found.Tensors} tensors."
                    : $"'{found.Manifest.Name}' is not as its merge wrote it.");
            });
        return isIntact ? ExitCode.Done : ExitCode.No;
    }
}
