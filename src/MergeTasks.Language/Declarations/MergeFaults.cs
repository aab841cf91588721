using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>
/// What is wrong with a merge: the one place that says whose finding it is, and where to look unless something else is named.
/// </summary>
internal static class MergeFaults
{
    /// <summary>A mistake that is told with others.</summary>
    /// <param name="merge">Whose.</param>
    /// <param name="code">Its kind.</param>
    /// <param name="message">What is wrong and what would be valid.</param>
    /// <param name="location">Where to look; where the merge is declared by default.</param>
    public static Diagnostic Error(this MergeDeclaration merge, DiagnosticCode code, string message, SourceLocation? location = null) =>
        new(code, $"Merge '{merge.Name}': {message}", location ?? merge.Location);

    /// <summary>Something that may well be meant.</summary>
    /// <inheritdoc cref="Error"/>
    public static Diagnostic Warning(this MergeDeclaration merge, DiagnosticCode code, string message, SourceLocation? location = null) =>
        merge.Error(code, message, location) with { IsWarning = true };

    /// <summary>What mergekit passes over in silence: a warning, and a mistake where the merge is strict.</summary>
    /// <inheritdoc cref="Error"/>
    public static Diagnostic Ignored(this MergeDeclaration merge, DiagnosticCode code, string message, SourceLocation? location = null) =>
        merge.Error(code, message, location) with { IsWarning = !merge.IsStrict };

    /// <summary>A mistake that ends the work.</summary>
    /// <inheritdoc cref="Error"/>
    public static DiagnosticException Fault(
        this MergeDeclaration merge, DiagnosticCode code, string message, SourceLocation? location = null) =>
        new(merge.Error(code, message, location));

    /// <summary>A user's method threw, while it was asked about a tensor or merged it.</summary>
    public static DiagnosticException MethodFailed(this MergeDeclaration merge, TensorSpec tensor, ForeignMethodException fault) =>
        new(
            DiagnosticCode.MethodFailed,
            $"Merge '{merge.Name}', tensor '{tensor.Name}' {TensorInfo.Shown(tensor.Shape)}: {fault.Message}.",
            merge.Location);
}
