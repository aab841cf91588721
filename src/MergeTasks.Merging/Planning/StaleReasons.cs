using MergeTasks.Checkpoints;
using MergeTasks.Merging.Outputs;

namespace MergeTasks.Merging.Planning;

/// <summary>Says in words why an output is not what its plan wants.</summary>
internal static class StaleReasons
{
    public static IReadOnlyList<string> Of(
        MergePlan plan,
        MergeManifest? manifest,
        IReadOnlySet<string> intact,
        IReadOnlyList<Shard> staleShards,
        IReadOnlyList<SideFile> staleFiles,
        bool hasLeftovers,
        bool wasInterrupted,
        bool manifestIsStale,
        CancellationToken cancellation)
    {
        var reasons = new List<string>();
        if (manifest is null)
        {
            reasons.Add(Directory.Exists(plan.Declaration.OutputFolder) ? "there is no complete earlier output" : "it has not been made yet");
            return reasons;
        }

        if (manifest.Recipe != RecipeText.Of(plan.Declaration))
            reasons.Add("the recipe changed" + Difference(manifest.Recipe, RecipeText.Of(plan.Declaration)));
        if (!Same(manifest.Settings, MergeManifest.SettingsOf(plan)))
            reasons.Add("seed or compatibility changed");
        foreach (var (declaration, input) in plan.Models)
        {
            var now = ManifestInput.Of(plan, declaration, input, cancellation);
            if (manifest.Inputs.FirstOrDefault(before => before.Model == now.Model && before.Role == now.Role) is { } before && before.Digest != now.Digest)
                reasons.Add($"'{declaration.Label}' changed");
        }

        var edited = manifest.Tensors.Where(tensor => !intact.Contains(tensor.Key)).Select(tensor => tensor.Value.File).Distinct().ToList();
        reasons.AddRange(edited.Select(file => $"{file} is missing or was changed after it was made"));
        reasons.AddRange(Importance.ScoreReasons.ChangedData(plan, manifest.Importance).Select(label => $"'{label}' changed"));

        // A card that will tell what new scores decide differs of course.
        if (reasons.Count > 0 && plan is { Importance: not null, Report: null })
            staleFiles = [.. staleFiles.Where(file => file.Name != ModelCard.FileName)];
        reasons.AddRange(staleFiles.Select(file => $"{file.Name} is missing or differs"));
        if (hasLeftovers)
            reasons.Add("files of an earlier output are left");
        if (wasInterrupted)
            reasons.Add("a build of it was interrupted");
        if (reasons.Count == 0 && staleShards.Count > 0)
            reasons.Add(manifest.Tool == $"MergeTasks {ToolVersion.Text}" ? "the distribution over weight files changed" : $"the output was made by {manifest.Tool}");
        if (reasons.Count == 0 && manifestIsStale)
            reasons.Add($"{MergeManifest.FileName} differs");
        return reasons;
    }

    // The first line that differs is nearly always the whole story: a weight, a density.
    private static string Difference(string before, string now)
    {
        var (old, fresh) = (before.Split('\n'), now.Split('\n'));
        for (var i = 0; i < Math.Min(old.Length, fresh.Length); i++)
        {
            if (old[i] != fresh[i])
                return old.Length == fresh.Length ? $" ({old[i].Trim()} → {fresh[i].Trim()})" : "";
        }

        return "";
    }

    private static bool Same(IReadOnlyDictionary<string, string> a, IReadOnlyDictionary<string, string> b) =>
        a.Count == b.Count && a.All(pair => b.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
