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

    /// <summary>Computes the entry.</summary>
    internal abstract void Compute(ScoringContext context, string path);
}
