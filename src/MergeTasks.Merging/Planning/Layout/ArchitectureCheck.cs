using System.Text.RegularExpressions;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>
/// Tells models of another architecture from models that lack or add something. Two models fit where at least half of the tensors of the
/// smaller one have a counterpart of the same shape in the other, every numbered run of layers or experts that both have is equally long,
/// and both store experts the same way.
/// </summary>
/// <param name="merge">The declaration, for messages.</param>
/// <param name="report">Receives each finding.</param>
internal sealed partial class ArchitectureCheck(MergeDeclaration merge, Action<Diagnostic> report)
{
    /// <summary>Compares a model with the donor.</summary>
    /// <param name="donor">The model that decides the output's tensors.</param>
    /// <param name="model">A model that is merged with it.</param>
    /// <param name="names">The donor's tensors that are to be merged.</param>
    /// <param name="ignoresLayerCount">Whether slices say which layers belong together.</param>
    /// <returns>Whether they fit; otherwise it has been reported.</returns>
    public bool Fits(
        (ModelDeclaration Declaration, TensorIndex Index) donor,
        (ModelDeclaration Declaration, TensorIndex Index) model,
        IReadOnlyList<string> names,
        bool ignoresLayerCount = false)
    {
        var (first, second) = (donor.Index.Model, model.Index.Model);

        // Where both configurations count the same layers, a surplus one (for predicting several tokens) is no layer of the stack.
        var ignoresLayers = ignoresLayerCount || (first.Config.LayerCount is { } layers && layers == second.Config.LayerCount);
        var (wanted, found) = (Runs(first), Runs(second));
        if (wanted.Keys.FirstOrDefault(run =>
            found.TryGetValue(run, out var count) && count != wanted[run] && !(ignoresLayers && IsLayer(run))) is { } differing)
        {
            var advice = IsLayer(differing)
                ? " Layers with the same number would not be the same layer; say with 'slices' which belong together."
                : "";
            Report(
                model.Declaration,
                $"'{model.Declaration.Label}' has {found[differing]} of '{differing}N' where '{donor.Declaration.Label}' "
                    + $"has {wanted[differing]}.{advice}");
            return false;
        }

        if (ExpertLayout(first, second) is { } experts)
        {
            Report(model.Declaration,
                $"'{model.Declaration.Label}' and '{donor.Declaration.Label}' store their experts in different ways: '{experts.Second}' "
                + $"and '{experts.First}'. "
                + "Save both with the same version of transformers (5 and later fuse a layer's experts into one tensor).");
            return false;
        }

        var matched = names.Count(name =>
            model.Index.Find(name) is { } own && second.Find(own)!.Shape.SequenceEqual(first.Find(name)!.Shape));
        var smaller = Math.Min(names.Count, second.Names.Count(IsWeight(second)));
        if (2 * matched >= smaller)
            return true;
        var example = names.FirstOrDefault(name => model.Index.Find(name) is null) is { } lacking ? $"it has no '{lacking}'"
            : names.First(name => !second.Find(model.Index.Find(name)!)!.Shape.SequenceEqual(first.Find(name)!.Shape)) is var other
            ? $"'{other}' is {TensorInfo.Shown(first.Find(other)!.Shape)} in one "
                + $"and {TensorInfo.Shown(second.Find(model.Index.Find(other)!)!.Shape)} in the other" : "";
        Report(
            model.Declaration,
            $"'{model.Declaration.Label}' is of another architecture than '{donor.Declaration.Label}': {matched} of {smaller} tensors "
                + $"match; {example}.");
        return false;
    }

    /// <summary>Whether a tensor is one that could be merged.</summary>
    public static Func<string, bool> IsWeight(ModelInput model) =>
        name => !TensorNames.IsBuffer(name) && model.Find(name)!.DType.IsFloatingPoint();

    // How far the numbers in names run, by what comes before them: layers by 'layers.', their experts by 'layers.*.mlp.experts.'.
    private static Dictionary<string, int> Runs(ModelInput model)
    {
        var runs = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in model.Names.Where(name => !TensorNames.IsBuffer(name)).Select(TensorNames.Canonical))
        {
            foreach (Match match in Number().Matches(name))
            {
                var key = Number().Replace(name[..match.Index], "*");
                runs[key] = Math.Max(
                    runs.GetValueOrDefault(key), int.Parse(match.Value, System.Globalization.CultureInfo.InvariantCulture) + 1);
            }
        }

        return runs;
    }

    private static bool IsLayer(string run) => !run.Contains('*', StringComparison.Ordinal);

    private static (string First, string Second)? ExpertLayout(ModelInput first, ModelInput second)
    {
        var (single, fused) =
            (first.Names.FirstOrDefault(TensorNames.IsSingleExpert), first.Names.FirstOrDefault(TensorNames.IsFusedExperts));
        var (otherSingle, otherFused) =
            (second.Names.FirstOrDefault(TensorNames.IsSingleExpert), second.Names.FirstOrDefault(TensorNames.IsFusedExperts));
        return single is not null && fused is null && otherFused is not null && otherSingle is null ? (single, otherFused)
            : fused is not null && single is null && otherSingle is not null && otherFused is null ? (fused, otherSingle)
            : null;
    }

    private void Report(ModelDeclaration model, string message) =>
        report(merge.Error(DiagnosticCode.DifferentArchitecture, message, model.Location));

    [GeneratedRegex(@"(?<=^|\.)\d{1,8}(?=\.|$)")]
    private static partial Regex Number();
}
