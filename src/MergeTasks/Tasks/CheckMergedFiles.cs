using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>
/// Checks that models about to be published or packed have been made; they have not with <c>--no-build</c> before any build.
/// </summary>
[MSBuildMultiThreadableTask]
public sealed class CheckMergedFiles : CancelableTask
{
    /// <summary>The files that are needed.</summary>
    public ITaskItem[] Files { get; set; } = [];

    /// <summary>Full path of the project file.</summary>
    [Required]
    public string ProjectFile { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var missing = Files.Where(file => !File.Exists(file.ItemSpec))
            .Select(file => file.GetMetadata("MergedModelName"))
            .Distinct()
            .ToList();
        if (missing.Count > 0)
        {
            throw new DiagnosticException(DiagnosticCode.OutputMissing,
                $"The merged model(s) {string.Join(", ", missing)} have not been made. Build the project first, without --no-build.",
                new SourceLocation(ProjectFile));
        }
    }
}
