using MergeTasks.Caching;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Outputs.Importance;

/// <summary>AIM and APL in the manifest: which scores were used, and what they decided.</summary>
/// <param name="Base">The model from which changes were measured, as the user named it.</param>
/// <param name="Scores">The scores.</param>
/// <param name="Models">What was decided for each model; absent where APL was not used.</param>
internal sealed record ManifestImportance(string Base, IReadOnlyList<ManifestScore> Scores, IReadOnlyList<ModelReport>? Models)
{
    /// <summary>The merge beside the same merge with fewer steps; absent where that was not measured.</summary>
    public CheckReport? Check { get; init; }

    /// <summary>Identifies what <see cref="Check"/> measured.</summary>
    public string? Measured { get; init; }

    /// <summary>Describes a plan and what is known of its outcome.</summary>
    public static ManifestImportance? Of(MergePlan plan, ImportanceReport? report) =>
        plan.Importance is not { } importance ? null : new ManifestImportance(
        importance.BaseDeclaration.Label,
        [.. importance.Requests.Select(ManifestScore.Of)],
        importance.Apl is null ? null : report?.Models ?? [])
        {
            Check = report?.Check,
            Measured = MeasuredOf(plan),
        };

    /// <summary>Identifies what measuring a merge and its simpler forms depends on.</summary>
    public static string? MeasuredOf(MergePlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan.Measured is null ? null
            : ContentDigest.Of(string.Join(' ', plan.Simpler.Select(simpler => simpler.Plan.Measured!.Digest).Append(plan.Measured.Digest)))
                .ToString();
    }

    /// <summary>Whether everything that a reader needs is there; a manifest edited by hand may lack it.</summary>
    internal bool IsComplete =>
        Base is not null
            && Scores is not null
            && Scores.All(score => score is { Score: not null, Model: not null, Key: not null, From: not null })
        && (Models is null || Models.All(model => model is { Model: not null }))
            && (Check is null || (Check.Steps is { Count: > 0 } && Check.Steps.All(step => step is { Step: not null })));
}

/// <summary>One score that was used.</summary>
/// <param name="Score">What it is.</param>
/// <param name="Model">The model, as the user named it.</param>
/// <param name="Data">The texts or samples, as the user named them.</param>
/// <param name="Key">The entry's name in the cache.</param>
/// <param name="From">The ingredients of the key.</param>
internal sealed record ManifestScore(string Score, string Model, string? Data, string Key, IReadOnlyDictionary<string, string> From)
{
    /// <summary>Describes a request.</summary>
    public static ManifestScore Of(ScoreRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new ManifestScore(
            request.Phase,
            request.Model.Label,
            request.Data?.Label,
            request.Key.Digest.ToString(),
            request.Key.Ingredients.ToDictionary(pair => pair.Key, pair => pair.Value));
    }
}
