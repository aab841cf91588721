using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;

namespace MergeTasks.Merging.Measuring;

/// <summary>One entry of the cache that a merge needs, and how it is computed when the cache lacks it.</summary>
/// <param name="Key">What it depends on.</param>
/// <param name="Model">The model that it is about.</param>
/// <param name="Data">The texts or samples that it depends on; <see langword="null"/> for none.</param>
internal abstract record ScoreRequest(ScoreKey Key, ModelDeclaration Model, DataFile? Data)
{
    /// <summary>What is computed, for people.</summary>
    public abstract string Phase { get; }

    /// <summary>What will run; reads texts and runs nothing.</summary>
    /// <exception cref="Language.Diagnostics.DiagnosticException">A text cannot be used.</exception>
    /// <exception cref="Transformers.Architecture.ModelException">Samples cannot be used.</exception>
    internal virtual ScoreWork Work() => ScoreWork.None;

    /// <summary>
    /// What several machines may compute of it side by side: entries of their own, of which computing this one takes those that are there.
    /// It is the same, bit for bit, whichever are.
    /// </summary>
    internal virtual IReadOnlyList<ScoreRequest> Pieces => [this];

    /// <summary>Other entries that computing this one reads, and computes first where they are not there.</summary>
    internal virtual IEnumerable<ScoreRequest> Needs => [];

    /// <summary>
    /// Lists that the entry has, as far as that is known before it is computed: one that says it is this entry, and lacks them, is none.
    /// </summary>
    internal virtual IEnumerable<ScoreList> Lists => [];

    /// <summary>Computes the entry.</summary>
    internal abstract void Compute(ScoringContext context, string path);
}

/// <summary>A list of numbers in an entry.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">How many, where that is known.</param>
internal sealed record ScoreList(string Name, long? Length = null)
{
    /// <summary>Their type.</summary>
    public DType Type { get; init; } = DType.F64;
}
