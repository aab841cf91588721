using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Locating;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Merging.Planning;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>APL's decisions for one merge: what is dropped from each model, and what each weighs.</summary>
internal sealed class LoadedApl : IDisposable
{
    private const string Weight = SharedParameters.Weight;

    // A density that somebody named is taken as it is, but not without a word where it costs this much of the model's own task.
    private const double LeastRecovery = 0.9;

    private readonly Dictionary<int, DeltaDrop> _drops = [];
    private readonly List<ChangeLocator> _locators = [];
    private readonly Dictionary<int, (double Mean, double Weight)> _weights;

    private LoadedApl(Dictionary<int, (double Mean, double Weight)> weights) => _weights = weights;

    /// <summary>What was found.</summary>
    public ImportanceReport Report { get; private set; } = new([]);

    /// <summary>Reads the scores and decides.</summary>
    public static LoadedApl Load(MergePlan plan, AplPlan apl, ScoringContext context)
    {
        var locators = apl.Models.ToDictionary(model => model.Index, model => new ChangeLocator(model.Located, apl.Declaration, context));
        var scores = locators.ToDictionary(pair => pair.Key, pair => pair.Value.Importance);
        var loaded = new LoadedApl(apl.Declaration.SetsWeights ? Weights(plan, apl, scores, context) : []);
        loaded._locators.AddRange(locators.Values);
        var reports = new List<ModelReport>();
        foreach (var model in apl.Models)
        {
            var kept = model.Kept?.Result(context);
            var keep = apl.Declaration.DropLevel is null
                ? null
                : locators[model.Index].Keep(kept?.Density ?? apl.Declaration.Density!.Value);
            if (keep is not null)
                loaded._drops[model.Index] = locators[model.Index].At(keep, kept?.Scale ?? 1);
            reports.Add(
                ReportOf(model, scores[model.Index], keep, kept, loaded, Verified(model, scores[model.Index], apl.Declaration, context)));
            if (keep is not null && IsZero(scores[model.Index], apl.Declaration))
                WarnOfNothing(plan, model, context);
            if (kept is not null)
                Tell(plan, apl.Declaration, model, kept, context);
        }

        loaded.Report = new ImportanceReport(reports);
        return loaded;
    }

    /// <summary>What is dropped from an input.</summary>
    public DeltaDrop DropOf(int input) => _drops[input];

    /// <summary>
    /// A tensor's parameters with the weights that importance sets: λ, or, where a weight varies, the weight times λ over its mean.
    /// </summary>
    public TensorContext Weighted(TensorContext context) => _weights.Count == 0 ? context : context with
    {
        Inputs = [.. context.Inputs.Select((input, i) => _weights.TryGetValue(i, out var weight)
            ? input with
            {
                Parameters = new Dictionary<string, double>(
                    input.Parameters)
                    {
                        [Weight] = input[Weight] == weight.Mean ? weight.Weight : input[Weight] * weight.Weight / weight.Mean
                    }
            }
            : input)],
    };

    public void Dispose() => _locators.ForEach(locator => locator.Dispose());

    // λ_i = Λ·I_i^{1/τ₀} / Σ_k I_k^{1/τ₀}, Λ the sum of the declared weights; in logarithms, because of small temperatures.
    private static Dictionary<int, (double Mean, double Weight)> Weights(
        MergePlan plan, AplPlan apl, Dictionary<int, PartImportance> scores, ScoringContext context)
    {
        var means = apl.Models.ToDictionary(model => model.Index, model => MeanWeight(plan, model.Index));
        var total = means.Values.Sum();
        var logarithms = apl.Models.ToDictionary(model => model.Index, model => Math.Log(scores[model.Index].OfModel()));
        var largest = logarithms.Values.Max();
        if (double.IsNegativeInfinity(largest))
        {
            context.Progress.Warn(plan.Declaration.Warning(DiagnosticCode.ZeroImportance,
                "no model's changes have any effect on its task, so all get the same weight.",
                apl.Declaration.Location));
            return means.ToDictionary(pair => pair.Key, pair => (pair.Value, total / means.Count));
        }

        var powers = logarithms.ToDictionary(
            pair => pair.Key,
            pair => double.IsPositiveInfinity(apl.Declaration.Tau0) ? 1 : Math.Exp((pair.Value - largest) / apl.Declaration.Tau0));
        return means.ToDictionary(pair => pair.Key, pair => (pair.Value, total * powers[pair.Key] / powers.Values.Sum()));
    }

    private static double MeanWeight(MergePlan plan, int input)
    {
        var weights = plan.Tensors
            .Where(tensor => tensor is { Context: not null, KeepWith: null })
            .Select(tensor => tensor.Context!.Inputs[input][Weight])
            .ToList();
        return weights.Distinct().Take(2).Count() == 1 ? weights[0] : weights.Average();
    }

    private static void Tell(MergePlan plan, AplDeclaration apl, AplModel model, KeptChange kept, ScoringContext context)
    {
        var share = kept.Changed.Sum() > 0 ? kept.Kept.Sum() / kept.Changed.Sum() : 0;
        var recovery = double.IsNaN(kept.Recovery)
            ? ""
            : FormattableString.Invariant($", which keeps {kept.Recovery:P1} of what fine-tuning gained on the task");
        context.Progress.Note(string.Create(CultureInfo.InvariantCulture,
            $"{model.Declaration.Label}: density {kept.Density:0.####}{(apl.Density is null ? " (auto)" : "")}, {share:P1} of its "
                + $"changes kept, multiplied by {kept.Scale:0.####}{recovery}."));
        if (kept.TunedScore <= kept.BaseScore)
        {
            context.Progress.Warn(new Diagnostic(DiagnosticCode.NoGain,
                string.Create(CultureInfo.InvariantCulture,
                    $"Merge '{plan.Name}': '{model.Declaration.Label}' does no better on its task data than the base (mean ln "
                        + $"p {kept.TunedScore:0.000} against {kept.BaseScore:0.000}), so what its changes are worth cannot be "
                        + $"measured{(apl.Density is null ? ", and all are kept" : "")}. Check TaskData."),
                model.Declaration.TaskData?.Location ?? model.Declaration.Location, IsWarning: true));
        }
        else if (kept.Recovery < LeastRecovery)
        {
            context.Progress.Warn(new Diagnostic(DiagnosticCode.WorseStep,
                string.Create(CultureInfo.InvariantCulture,
                    $"Merge '{plan.Name}': at density {kept.Density:0.####} the changes of '{model.Declaration.Label}' "
                        + $"keep {kept.Recovery:P0} of what fine-tuning gained on its task. Use AplDensity=\"auto\", or a larger density."),
                apl.Location, IsWarning: true));
        }
    }

    private static Dictionary<string, Agreement>? Verified(
        AplModel model, PartImportance scores, AplDeclaration apl, ScoringContext context)
    {
        if (!apl.Verifies)
            return null;
        var agreements = new Dictionary<string, Agreement>
        {
            ["layer"] = Agreement.Of(scores.LayerProducts(), Exact(PartitionLevel.Layer)),
            ["tensor"] = Agreement.Of(scores.TensorProducts(), Exact(PartitionLevel.Tensor)),
        };
        foreach (var (level, agreement) in agreements)
        {
            context.Progress.Note(string.Create(CultureInfo.InvariantCulture,
                $"{model.Declaration.Label}: approximated importance per {level} against exact interventions: Spearman's ρ "
                    + $"= {agreement.Spearman:0.000}, relative error {agreement.RelativeError:0.000}."));
        }

        return agreements;

        double[] Exact(PartitionLevel level) =>
            [.. ScoreFile.Read(context.PathOf(model.Scores.Exact[level]))[Interventions.Parts].Select(Math.Abs)];
    }

    private static ModelReport ReportOf(
        AplModel model,
        PartImportance scores,
        ModelKeep? keep,
        KeptChange? kept,
        LoadedApl loaded,
        Dictionary<string, Agreement>? verified) => new(
        model.Declaration.Label,
        scores.HasModel ? Rounded(scores.OfModel()) : null,
        loaded._weights.TryGetValue(model.Index, out var weight) ? Rounded(weight.Weight) : null,
        (long)scores.Total,
        keep is null
            ? null
            : model.Scores.Partition.Layers
                .Select((layer, i) =>
                    (layer.Name, Share: Rounded(kept is null ? keep.Layers[i] : kept.Changed[i] > 0 ? kept.Kept[i] / kept.Changed[i] : 1)))
            .ToDictionary(pair => pair.Name, pair => pair.Share),
        verified?.ToDictionary(pair => pair.Key, pair => new Agreement(Rounded(pair.Value.Spearman), Rounded(pair.Value.RelativeError))))
        {
            Change = kept is null ? null : new ChangeReport(
                kept.Density,
                Rounded(kept.Kept.Sum() / Math.Max(1, kept.Elements.Sum())),
                Rounded(kept.Scale),
                double.IsNaN(kept.Recovery) ? null : Rounded(kept.Recovery)),
        };

    // More digits would only be noise to a reader.
    private static double Rounded(double value) =>
        double.Parse(
            value.ToString("G6", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsZero(PartImportance scores, AplDeclaration apl) =>
        (apl.DropLevel == PartitionLevel.Tensor ? scores.OfTensors() : scores.OfLayers()).All(importance => importance == 0);

    private static void WarnOfNothing(MergePlan plan, AplModel model, ScoringContext context) =>
        context.Progress.Warn(plan.Declaration.Warning(DiagnosticCode.ZeroImportance,
            $"none of the changes of '{model.Declaration.Label}' has an effect on its task, so the same share of "
                + "all is kept.", model.Declaration.Location));
}
