using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Language.Importance;

/// <summary>One factor γ for the whole merged change: θ = θ_b + γ·(θ_m − θ_b).</summary>
/// <param name="Value">γ; <see langword="null"/>: the smallest of a few whose mean recovery on the models' task data is within 0.01 of the best.</param>
/// <param name="Location">Where it is asked for; the merge where it is the default.</param>
public sealed record FactorDeclaration(double? Value, SourceLocation Location)
{
    /// <summary>Whether it is asked for, and not the default of a merge whose models all have task data.</summary>
    public bool IsExplicit { get; init; } = true;
}
