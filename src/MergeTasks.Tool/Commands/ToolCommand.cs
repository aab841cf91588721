using System.CommandLine;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Library;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary>What all commands share: <c>--json</c>, findings with their codes, and the exit code of what went wrong.</summary>
internal abstract class ToolCommand : Command
{
    private readonly Option<bool> _json = new("--json") { Description = "Print the result as JSON." };

    /// <summary>A command.</summary>
    protected ToolCommand(string name, string description, Streams streams)
        : base(name, description)
    {
        Options.Add(_json);

        // On a thread of its own, so that an interruption is heard while work goes on.
        SetAction((parsed, cancellation) => Task.Run(() => Guarded(parsed, streams, cancellation), CancellationToken.None));
    }

    /// <summary>The command's work.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    protected abstract int Run(ParseResult parsed, Screen screen, CancellationToken cancellation);

    private int Guarded(ParseResult parsed, Streams streams, CancellationToken cancellation)
    {
        var screen = new Screen(streams, parsed.GetValue(_json));
        try
        {
            return Run(parsed, screen, cancellation);
        }
        catch (MergeException e)
        {
            screen.Failed(e.Problems);
        }
        catch (DiagnosticException e)
        {
            screen.Failed([.. e.Diagnostics.Select(MergeProblem.From)]);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            screen.Note("Interrupted. What was computed is kept in the cache, and outputs are as they were.");
            return ExitCode.Interrupted;
        }
        catch (Exception e)
        {
            // The last resort, so that even a mistake of this project's own is one finding that says what to do about it.
            screen.Note(e.ToString());
            screen.Failed([new MergeProblem(
                DiagnosticCode.Unexpected,
                $"'{Name}' met something that MergeTasks {ToolVersion.Text} did not foresee ({e.GetType().Name}: {e.Message.TrimEnd('.')}). "
                    + "This is a mistake of MergeTasks: please report it, with what stands before this line.",
                null, 0, 0, false)]);
        }

        return ExitCode.Failed;
    }
}
