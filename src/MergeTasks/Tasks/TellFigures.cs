using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Tells the figures of an evaluation as a test runner tells its output, which the terminal logger shows at its usual verbosity; other
/// messages it leaves out.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class TellFigures : CancelableTask
{
    // What the terminal logger knows output of tests by, in a project in which a target of a test run has begun.
    private const string TestOutput = "TLTESTOUTPUT";

    /// <summary>What <see cref="EvaluateMerges"/> gave.</summary>
    [Required]
    public string Told { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var told = ToldFigures.Unpack(Told);
        foreach (var line in told.Lines)
            BuildEngine.LogMessageEvent(
                new ExtendedBuildMessageEventArgs(TestOutput, line, null, nameof(TellFigures), MessageImportance.High));
        foreach (var failure in told.Failures)
            Log.LogError(
                null, failure.Code, null, DiagnosticCode.HelpLink(failure.Code), failure.File, failure.Line, failure.Column, 0, 0, "{0}",
                failure.Message);
    }
}
