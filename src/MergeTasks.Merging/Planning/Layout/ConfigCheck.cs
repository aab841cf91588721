using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>
/// Compares the models' configurations with the donor's, which the output gets: weights compute there what that one says and not what they
/// were trained with.
/// </summary>
internal static class ConfigCheck
{
    private const int KeysInMessage = 8;

    /// <summary>What there is to tell.</summary>
    /// <exception cref="DiagnosticException">Tensors of equal shapes hold different things.</exception>
    public static (IReadOnlyList<string> Notes, IReadOnlyList<Diagnostic> Warnings) Of(
        MergeDeclaration merge,
        IReadOnlyList<OpenModel> models,
        OpenModel donor,
        OutputLayout layout)
    {
        var (notes, warnings, errors) = (new List<string>(), new List<Diagnostic>(), new List<Diagnostic>());
        var others = models.Where(model => model.Input != donor.Input && model.Input.HasConfig && donor.Input.HasConfig);
        foreach (var (declaration, input) in others)
        {
            var differences = ConfigComparison.Compare(donor.Input.Config, input.Config)
                .Where(difference => !merge.AcceptedConfigDifferences.Any(glob => TensorSelection.Matches(glob, difference.Key)))
                    .ToLookup(difference => difference.Effect);
            var (first, second) = (donor.Input.ConfigPath, input.ConfigPath);
            var wrong = differences[ConfigEffect.Meaning].ToLookup(difference => IsRefused(difference, layout, donor.Input, input));
            if (wrong[true].Any())
            {
                errors.Add(merge.Error(DiagnosticCode.IncompatibleConfigurations,
                    $"equal shapes of '{donor.Declaration.Label}' and '{declaration.Label}' hold different "
                        + $"things: {Listed(wrong[true], first, second)}. Their rows do not belong together. If that is meant, name the "
                        + "keys in AcceptConfigDifferences=\"…\" ('accept_config_differences').", declaration.Location));
            }

            var changed = differences[ConfigEffect.Function]
                .Concat(wrong[false].Where(difference => difference.Key != "id2label"))
                .ToList();
            if (changed.Count > 0)
            {
                warnings.Add(merge.Warning(DiagnosticCode.DifferentConfigurations,
                    $"the weights of '{declaration.Label}' were trained for another function than that of the "
                        + $"output, which gets the configuration of '{donor.Declaration.Label}': {Listed(changed, first, second)}.",
                    declaration.Location));
            }

            if (differences[ConfigEffect.None].ToList() is { Count: > 0 } harmless)
            {
                notes.Add($"the configuration of '{declaration.Label}' differs without effect on the weights' function: "
                    + string.Join(
                        ", ",
                        harmless.Take(KeysInMessage)
                            .Select(difference => $"{difference.Key} ({difference.Second}; {difference.First} in the output)"))
                                + (harmless.Count > KeysInMessage ? $"; {harmless.Count - KeysInMessage} more" : ""));
            }
        }

        return errors.Count > 0 ? throw new DiagnosticException(errors) : (notes, warnings);
    }

    // Other numbers of heads matter where tensors of both are merged in spite of them; other labels where a classifier's head is.
    private static bool IsRefused(ConfigDifference difference, OutputLayout layout, ModelInput donor, ModelInput model)
    {
        var merged = layout.Tensors
            .Where(tensor =>
                tensor.Sources.Any(source => source.Model == model) && (tensor.Sources.Count > 1 || tensor.Donor.Model == donor))
            .Select(tensor => tensor.Name);
        return difference.Key == "id2label"
            ? merged.Any(name => IsClassifier(name))
            : merged.Any(name =>
                name.Contains("attn", StringComparison.Ordinal)
                    || name.Contains("attention", StringComparison.Ordinal)
                    || name.Contains("_proj", StringComparison.Ordinal));
    }

    private static bool IsClassifier(string name) =>
        name.Contains("classifier", StringComparison.Ordinal)
            || name.StartsWith("score.", StringComparison.Ordinal)
            || name.Contains("classification_head", StringComparison.Ordinal);

    private static string Listed(IEnumerable<ConfigDifference> differences, string first, string second)
    {
        var all = differences.ToList();
        return string.Join(
            "; ",
            all.Take(KeysInMessage)
                .Select(difference => $"{difference.Key} is {difference.First} in '{first}' and {difference.Second} in '{second}'"))
            + (all.Count > KeysInMessage ? $"; {all.Count - KeysInMessage} more" : "");
    }
}
