using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>Says which models the project makes and where they are, or will be: for builds that do not build references.</summary>
[MSBuildMultiThreadableTask]
public sealed class ListMergedModels : DeclaringTask
{
    /// <summary>Output folders of all merges, with <c>MergedModelName</c>.</summary>
    [Output]
    public ITaskItem[] Models { get; set; } = [];

    /// <inheritdoc/>
    protected override void Run(CancellationToken cancellation)
    {
        var diagnostics = new List<Diagnostic>();
        var merges = DeclaredItems.From("MergedModel", MergedModels, ProjectFile)
            .SelectMany(item => DeclaredMerge.Of(Defaults, item, diagnostics.Add))
            .ToList();
        if (diagnostics.Exists(diagnostic => !diagnostic.IsWarning))
            throw new DiagnosticException(diagnostics);
        Models = [.. merges.Select(merge => PlannedOutput.ToItem(merge.Name, OutputFolders.Of(Defaults, merge)))];
    }
}
