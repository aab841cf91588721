using MergeTasks.Language.Searching;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Measuring.Evaluation;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Reporting;

/// <summary>Everything that the report of one merge shows.</summary>
/// <param name="Name">The merge.</param>
/// <param name="Tool">Name and version of what made it.</param>
/// <param name="Method">The method's name.</param>
/// <param name="Recipe">The merge as a recipe.</param>
/// <param name="Sources">The models, the base among them.</param>
internal sealed record MergeReport(string Name, string Tool, string Method, string Recipe, IReadOnlyList<ReportedSource> Sources)
{
    /// <summary>The model from which changes are measured, as the user named it; <see langword="null"/> where none are.</summary>
    public string? Reference { get; init; }

    /// <summary>Whose changes are measured, in the order of <see cref="WeightChange.Models"/>; the merge itself comes last.</summary>
    public IReadOnlyList<string> Compared { get; init; } = [];

    /// <summary>The changes by tensor; those that cannot be compared are not among them.</summary>
    public IReadOnlyList<(TensorPlace Place, WeightChange Change)> Changes { get; init; } = [];

    /// <summary>What APL and the check found; <see langword="null"/> where neither was used.</summary>
    public ImportanceReport? Importance { get; init; }

    /// <summary>APL's importance by model; empty where the cache has no scores.</summary>
    public IReadOnlyList<ReportedImportance> PartImportance { get; init; } = [];

    /// <summary>The search by which its settings were found; <see langword="null"/>: none.</summary>
    public ReportedSearch? Search { get; init; }

    /// <summary>AIM: the mean share of the merged change that a tensor keeps; empty where the cache has no scores.</summary>
    public IReadOnlyList<(TensorPlace Place, double Kept)> Relaxed { get; init; } = [];

    /// <summary>What was measured.</summary>
    public IReadOnlyList<ManifestEvaluation> Evaluations { get; init; } = [];

    /// <summary>The resolved parameters of all tensors, as plans print them.</summary>
    public IReadOnlyList<string> Parameters { get; init; } = [];

    /// <summary>What is not shown, and why, each without a full stop.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];
}

/// <summary>How much a task depends on the parts of a model's change.</summary>
/// <param name="Model">The model.</param>
/// <param name="Layers">Importance of each layer, and half of its 95 % interval where it is known.</param>
/// <param name="Tensors">The same of each tensor, the experts of a layer together; empty where tensors were not measured.</param>
internal sealed record ReportedImportance(
    string Model,
    IReadOnlyList<(string Layer, double Importance, double? Within)> Layers,
    IReadOnlyList<(TensorPlace Place, double Importance, double? Within)> Tensors);

/// <summary>A search, and what it found.</summary>
/// <param name="Objective">The objective's name.</param>
/// <param name="Found">What it found.</param>
internal sealed record ReportedSearch(string Objective, SearchRecord Found);

/// <summary>A model that a merge was made from.</summary>
/// <param name="Label">As the user named it.</param>
/// <param name="IsBase">Whether it is the base.</param>
/// <param name="Details">Its licences, and what it was resolved to.</param>
/// <param name="MadeFrom">What it was merged from itself; empty where it was not.</param>
internal sealed record ReportedSource(string Label, bool IsBase, string Details, IReadOnlyList<string> MadeFrom);
