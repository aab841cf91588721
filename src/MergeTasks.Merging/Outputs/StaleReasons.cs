using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Outputs.Importance;
using MergeTasks.Merging.Outputs.Ownership;

namespace MergeTasks.Merging.Outputs;

/// <summary>Says in words why an output is not what its plan wants.</summary>
internal static class StaleReasons
{
    public static IReadOnlyList<string> Of(
        MergeOutput output,
        MergeManifest? manifest,
        string? fault,
        IReadOnlySet<string> intact,
        IReadOnlyList<Shard> staleShards,
        IReadOnlyList<SideFile> staleFiles,
        bool hasLeftovers,
        OutputOwnership ownership,
        bool manifestIsStale,
        CancellationToken cancellation)
    {
        var (plan, reasons) = (output.Plan, new List<string>());
        if (manifest is null)
        {
            reasons.Add(
                fault is not null ? $"{fault}, so nothing is known of the earlier output"
                    : Directory.Exists(plan.Declaration.OutputFolder) ? "there is no complete earlier output"
                    : "it has not been made yet");
            return reasons;
        }

        if (manifest.Recipe != RecipeText.Of(plan.Declaration))
            reasons.Add("the recipe changed" + Difference(manifest.Recipe, RecipeText.Of(plan.Declaration)));
        var settings = MergeManifest.SettingsOf(plan);
        if (!Others(manifest.Settings).SequenceEqual(Others(settings)))
            reasons.Add("seed or compatibility changed");
        if ((Matrices(manifest.Settings), Matrices(settings)) is var (was, willBe) && was != willBe)
            reasons.Add($"the arithmetic on whole matrices changed (from {was} to {willBe})");
        foreach (var model in plan.Models)
        {
            var now = ManifestInput.Of(plan, model, cancellation);
            if (manifest.Inputs.FirstOrDefault(before => before.Model == now.Model && before.Role == now.Role) is { } before
                && before.Digest != now.Digest)
                reasons.Add($"'{model.Declaration.Label}' changed");
        }

        var edited = manifest.Tensors.Where(tensor => !intact.Contains(tensor.Key)).Select(tensor => tensor.Value.File).Distinct().ToList();
        reasons.AddRange(edited.Select(file => $"{file} is missing or was changed after it was made"));
        reasons.AddRange(Importance.ScoreReasons.ChangedData(plan, manifest.Importance).Select(label => $"'{label}' changed"));

        // A card that will tell what new scores decide differs of course.
        if (reasons.Count > 0 && plan.Importance is not null && output.Report is null)
            staleFiles = [.. staleFiles.Where(file => file.Name != MergedFiles.Card)];
        reasons.AddRange(staleFiles.Select(file => $"{file.Name} is missing or differs"));
        if (hasLeftovers)
            reasons.Add("files of an earlier output are left");
        if (ownership.CopiedFrom is { } original)
            reasons.Add($"it is a copy of '{original}'");
        if (ownership.WasInterrupted)
            reasons.Add("a build of it was interrupted");
        if (reasons.Count == 0 && staleShards.Count > 0)
            reasons.Add(
                manifest.Tool == $"MergeTasks {ToolVersion.Text}"
                    ? "the distribution over weight files changed"
                    : $"the output was made by {manifest.Tool}");
        if (reasons.Count == 0 && manifestIsStale)
            reasons.Add($"{MergedFiles.Manifest} differs");
        return reasons;
    }

    // Where a line or two differ they are nearly always the whole story: a weight, a density, a parameter that was added.
    private static string Difference(string before, string now)
    {
        const int mostLines = 2;
        var (old, fresh) = (before.Split('\n'), now.Split('\n'));
        var same = old.Zip(fresh).TakeWhile(pair => pair.First == pair.Second).Count();
        var sameAtEnd = old.Skip(same).Reverse().Zip(fresh.Skip(same).Reverse()).TakeWhile(pair => pair.First == pair.Second).Count();
        var (removed, added) = (old[same..^sameAtEnd], fresh[same..^sameAtEnd]);
        if (removed.Length > mostLines || added.Length > mostLines)
            return "";
        var (was, becomes) = (Joined(removed), Joined(added));
        return was.Length == 0 ? $" (now with {becomes})" : becomes.Length == 0 ? $" (now without {was})" : $" ({was} → {becomes})";

        static string Joined(string[] lines) => string.Join(' ', lines.Select(line => line.Trim()));
    }

    private static string Matrices(IReadOnlyDictionary<string, string> settings) =>
        settings.GetValueOrDefault(MergeManifest.MatricesSetting, "the processor's");

    private static IEnumerable<KeyValuePair<string, string>> Others(IReadOnlyDictionary<string, string> settings) =>
        settings.Where(pair => pair.Key != MergeManifest.MatricesSetting).OrderBy(pair => pair.Key, StringComparer.Ordinal);
}
