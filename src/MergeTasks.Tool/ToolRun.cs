using System.CommandLine;
using System.Globalization;
using MergeTasks.Tool.Commands;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool;

/// <summary>One run of the tool, from its arguments to its exit code.</summary>
internal static class ToolRun
{
    // How long a command that is interrupted may take to leave everything whole.
    private static readonly TimeSpan Ending = TimeSpan.FromSeconds(30);

    /// <summary>Runs a command line.</summary>
    /// <param name="args">Without the tool's own name.</param>
    /// <param name="output">Gets what was asked for.</param>
    /// <param name="error">Gets progress and what is wrong.</param>
    /// <param name="folder">Where relative paths begin; <see langword="null"/>: the current folder.</param>
    public static int Run(IReadOnlyList<string> args, TextWriter output, TextWriter error, string? folder = null)
    {
        // Numbers are written as recipes write them, in any language.
        CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        var parsed = Root(new Streams(output, error, folder ?? Directory.GetCurrentDirectory())).Parse(args);
        var code = parsed.Invoke(
            new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = Ending,
            });
        return parsed.Errors.Count > 0 ? ExitCode.Usage : code;
    }

    /// <summary>All commands.</summary>
    internal static RootCommand Root(Streams streams) =>
        new("Looks at language models and merges them. Models are folders, hf:org/name@revision, nuget:Id/1.2.0, "
            + "or one of these with + and a LoRA adapter's folder.")
        {
            new InspectCommand(streams),
            new DiffCommand(streams),
            new PlanCommand(streams),
            new MergeCommand(streams),
            new VerifyCommand(streams),
            new ScoreCommand(streams),
            new EvaluateCommand(streams),
            new SearchCommand(streams),
            new ReportCommand(streams),
            new CacheCommand(streams),
        };
}
