using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Removes the outputs that earlier builds recorded.</summary>
[MSBuildMultiThreadableTask]
public sealed class CleanMerges : CancelableTask
{
    /// <summary>Full path of the folder for generated files.</summary>
    [Required]
    public string MergesFolder { get; set; } = "";

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation) => new OutputRecord(MergesFolder).Clean();
}
