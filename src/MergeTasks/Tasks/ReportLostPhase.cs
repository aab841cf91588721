using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Tells of a phase whose process was lost while it ran models on a device, which MSBuild itself reports as a task host that exited
/// (MSB4217) and no more. Runs after every phase that failed; where the phase told why itself, there is nothing to tell.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class ReportLostPhase : CancelableTask
{
    /// <summary>Full path of the file that says what the phase is doing.</summary>
    [Required]
    public string RunningFile { get; set; } = "";

    /// <summary>The merge; empty for a phase of the whole project.</summary>
    public string MergeName { get; set; } = "";

    /// <summary>The phase of the whole project, for people.</summary>
    public string Phase { get; set; } = "Evaluation";

    /// <summary>Full path of the file with the project's declarations.</summary>
    public string Declarations { get; set; } = "";

    /// <summary>Full path of the project file, for a phase of the whole project.</summary>
    public string ProjectFile { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        if (RunningPhase.ReadLost(RunningFile) is not { } doing)
            return;
        var (what, location) = MergeName.Length == 0 ? (Phase, new SourceLocation(ProjectFile))
            : ($"Merge '{MergeName}'", GeneratedProjects.LocationOf(Declarations, MergeName));
        throw new DiagnosticException(DiagnosticCode.DeviceProcessLost,
            $"{what}: the process that worked on {doing} ended without a result. It crashed in native code, or the system ended it, most "
            + "likely for want of memory. "
            + "Nothing was written but the scores that were complete, which the next build reuses. MergeDevice=cpu runs models on the "
            + "built-in engine.", location);
    }
}
