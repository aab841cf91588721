using MergeTasks.Caching;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Outputs.Importance;

/// <summary>Says in words which scores a build would reuse, and why it would compute the others.</summary>
internal static class ScoreReasons
{
    /// <summary>One line per score.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="earlier">What the earlier output says of its scores.</param>
    /// <param name="store">The cache.</param>
    /// <param name="cancellation">Ends checking entries.</param>
    public static IReadOnlyList<string> Of(
        MergePlan plan, ManifestImportance? earlier, ContentStore store, CancellationToken cancellation) =>
        [.. (plan.Importance?.Requests ?? []).Select(request =>
            $"scores for {request.Model.Label} ({request.Phase}): "
                + (store.Has(request.Key.Digest, path => ScoreFile.IsOf(path, request), cancellation)
                    ? "cached"
                    : Why(request, earlier)))];

    /// <summary>The texts and samples, as the user named them, that are not those of the earlier output.</summary>
    public static IEnumerable<string> ChangedData(MergePlan plan, ManifestImportance? earlier) => (plan.Importance?.Requests ?? [])
        .Where(request =>
            request.Data is not null
                && earlier?.Scores.FirstOrDefault(score =>
                    score.Score == request.Phase && score.Model == request.Model.Label && score.Data == request.Data.Label) is { } before
            && request.Key.Ingredients.Any(pair =>
                pair.Key is "calibration" or "task data" && before.From.GetValueOrDefault(pair.Key) != pair.Value))
        .Select(request => request.Data!.Label).Distinct();

    private static string Why(ScoreRequest request, ManifestImportance? earlier)
    {
        if (earlier?.Scores.FirstOrDefault(score => score.Score == request.Phase && score.Model == request.Model.Label) is not { } before)
            return "not computed yet";
        var changed = request.Key.Ingredients
            .Where(pair => before.From.GetValueOrDefault(pair.Key) != pair.Value)
            .Select(pair => NameOf(pair, before.From.GetValueOrDefault(pair.Key), request))
            .Distinct()
            .ToList();
        return changed.Count == 0 ? "not in the cache any more" : $"stale because {string.Join(" and ", changed)} changed";
    }

    private static string NameOf(KeyValuePair<string, string> ingredient, string? before, ScoreRequest request) => ingredient.Key switch
    {
        "calibration" or "task data" => request.Data!.Label,
        "fine-tuned" or "fine-tuned config" => request.Model.Label,
        "weights" or "config" => "the scored model",
        "base" or "base config" => "the base",

        // Another engine, or the built-in one on a processor with another vector width, which its version ends in.
        "engine" => $"the engine (from {before} to {ingredient.Value})",
        _ => $"the {ingredient.Key}",
    };
}
