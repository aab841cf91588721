using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Execution.Importance;

/// <summary>APL's decisions for one merge: what is dropped from each model, and what each weighs.</summary>
internal sealed class LoadedApl : IDisposable
{
    private const string Weight = "weight";

    private readonly Dictionary<int, DeltaDrop> _drops = [];
    private readonly List<KeptGradient> _gradients = [];
    private readonly Dictionary<int, (double Mean, double Weight)> _weights;

    private LoadedApl(Dictionary<int, (double Mean, double Weight)> weights) => _weights = weights;

    /// <summary>What was found.</summary>
    public ImportanceReport Report { get; private set; } = new([]);

    /// <summary>Reads the scores and decides.</summary>
    public static LoadedApl Load(MergePlan plan, AplPlan apl, ScoringContext context)
    {
        var scores = apl.Models.ToDictionary(model => model.Index, model => Read(model, apl.Declaration, context));
        var loaded = new LoadedApl(apl.Declaration.SetsWeights ? Weights(plan, apl, scores, context) : []);
        var reports = new List<ModelReport>();
        foreach (var model in apl.Models)
        {
            var keep = apl.Declaration.DropLevel is null ? null : ModelKeep.Of(scores[model.Index], apl.Declaration, apl.Density);
            if (keep is not null)
                loaded.AddDrop(plan, apl, model, keep, context);
            reports.Add(ReportOf(model, scores[model.Index], keep, loaded, Verified(model, scores[model.Index], apl.Declaration, context)));
            if (keep is not null && IsZero(scores[model.Index], apl.Declaration))
                WarnOfNothing(plan, model, context);
        }

        loaded.Report = new ImportanceReport(reports);
        return loaded;
    }

    /// <summary>What is dropped from an input.</summary>
    public DeltaDrop DropOf(int input) => _drops[input];

    /// <summary>A tensor's parameters with the weights that importance sets: λ, or, where a weight varies, the weight times λ over its mean.</summary>
    public TensorContext Weighted(TensorContext context) => _weights.Count == 0 ? context : context with
    {
        Inputs = [.. context.Inputs.Select((input, i) => _weights.TryGetValue(i, out var weight)
            ? input with { Parameters = new Dictionary<string, double>(input.Parameters) { [Weight] = input[Weight] == weight.Mean ? weight.Weight : input[Weight] * weight.Weight / weight.Mean } }
            : input)],
    };

    public void Dispose() => _gradients.ForEach(gradient => gradient.Dispose());

    private static PartImportance Read(AplModel model, AplDeclaration apl, ScoringContext context) => new(
        model.Partition,
        ScoreFile.Read(context.PathOf(model.Counts)),
        model.Products is null ? null : ScoreFile.Read(context.PathOf(model.Products)),
        apl.IsExact ? model.Exact.ToDictionary(pair => pair.Key, pair => ScoreFile.Read(context.PathOf(pair.Value))) : new Dictionary<PartitionLevel, Dictionary<string, double[]>>());

    // λ_i = Λ·I_i^{1/τ₀} / Σ_k I_k^{1/τ₀}, Λ the sum of the declared weights; in logarithms, because of small temperatures.
    private static Dictionary<int, (double Mean, double Weight)> Weights(MergePlan plan, AplPlan apl, Dictionary<int, PartImportance> scores, ScoringContext context)
    {
        var means = apl.Models.ToDictionary(model => model.Index, model => MeanWeight(plan, model.Index));
        var total = means.Values.Sum();
        var logarithms = apl.Models.ToDictionary(model => model.Index, model => Math.Log(scores[model.Index].OfModel()));
        var largest = logarithms.Values.Max();
        if (double.IsNegativeInfinity(largest))
        {
            context.Progress.Warn(new Diagnostic(DiagnosticCode.ZeroImportance,
                $"Merge '{plan.Name}': no model's changes have any effect on its task, so all get the same weight.", apl.Declaration.Location, IsWarning: true));
            return means.ToDictionary(pair => pair.Key, pair => (pair.Value, total / means.Count));
        }

        var powers = logarithms.ToDictionary(
            pair => pair.Key, pair => double.IsPositiveInfinity(apl.Declaration.Tau0) ? 1 : Math.Exp((pair.Value - largest) / apl.Declaration.Tau0));
        return means.ToDictionary(pair => pair.Key, pair => (pair.Value, total * powers[pair.Key] / powers.Values.Sum()));
    }

    private static double MeanWeight(MergePlan plan, int input)
    {
        var weights = plan.Tensors.Where(tensor => tensor is { Context: not null, KeepWith: null }).Select(tensor => tensor.Context!.Inputs[input][Weight]).ToList();
        return weights.Distinct().Take(2).Count() == 1 ? weights[0] : weights.Average();
    }

    private void AddDrop(MergePlan plan, AplPlan apl, AplModel model, ModelKeep keep, ScoringContext context)
    {
        KeptGradient? gradient = null;
        if (model.Gradient is { } request)
            _gradients.Add(gradient = new KeptGradient(SafetensorsFile.Open(context.PathOf(request))));
        TensorCut[]? cuts = null;
        if (apl.Declaration.Drop != DropRule.Random)
        {
            var cast = plan.Tensors.Select(tensor => tensor.Context?.CompatibleDType).FirstOrDefault(dtype => dtype is not null);
            cuts = new RankSelection(model.Partition, context.Team, () => new RankReader(new DeltaReader(model.Input, plan.Importance!.Base, cast), gradient)).Find(keep);
        }

        _drops[model.Index] = new DeltaDrop(apl.Declaration, model.Partition, keep, cuts, gradient, plan.Declaration.Seed, model.Index);
    }

    private static Dictionary<string, Agreement>? Verified(AplModel model, PartImportance scores, AplDeclaration apl, ScoringContext context)
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
            context.Progress.Note(FormattableString.Invariant(
                $"{model.Declaration.Label}: approximated importance per {level} against exact interventions: Spearman's ρ = {agreement.Spearman:0.000}, relative error {agreement.RelativeError:0.000}."));
        }

        return agreements;

        double[] Exact(PartitionLevel level) => [.. ScoreFile.Read(context.PathOf(model.Exact[level]))[Interventions.Parts].Select(Math.Abs)];
    }

    private static ModelReport ReportOf(AplModel model, PartImportance scores, ModelKeep? keep, LoadedApl loaded, Dictionary<string, Agreement>? verified) => new(
        model.Declaration.Label,
        scores.HasModel ? Rounded(scores.OfModel()) : null,
        loaded._weights.TryGetValue(model.Index, out var weight) ? Rounded(weight.Weight) : null,
        (long)scores.Total,
        keep is null ? null : model.Partition.Layers.Select((layer, i) => (layer.Name, Share: Rounded(keep.Layers[i]))).ToDictionary(pair => pair.Name, pair => pair.Share),
        verified?.ToDictionary(pair => pair.Key, pair => new Agreement(Rounded(pair.Value.Spearman), Rounded(pair.Value.RelativeError))));

    // More digits would only be noise to a reader.
    private static double Rounded(double value) => double.Parse(value.ToString("G6", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsZero(PartImportance scores, AplDeclaration apl) =>
        (apl.DropLevel == PartitionLevel.Tensor ? scores.OfTensors() : scores.OfLayers()).All(importance => importance == 0);

    private static void WarnOfNothing(MergePlan plan, AplModel model, ScoringContext context) =>
        context.Progress.Warn(new Diagnostic(DiagnosticCode.ZeroImportance,
            $"Merge '{plan.Name}': none of the changes of '{model.Declaration.Label}' has an effect on its task, so the same share of all is kept.", model.Declaration.Location, IsWarning: true));
}
