using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Execution.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Looking;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Outputs;
using MergeTasks.Merging.Planning;
using MergeTasks.Merging.Planning.Importance;

namespace MergeTasks.Merging.Reporting;

/// <summary>
/// Gathers what the report of a merge shows: its manifest, the cached scores, and one pass over the weights, whose result is cached too. It
/// runs no model.
/// </summary>
/// <param name="manifest">The manifest of the merge's output.</param>
/// <param name="context">Where scores are kept.</param>
internal sealed class ReportGatherer(MergeManifest manifest, ScoringContext context)
{
    private readonly List<string> _missing = [];

    /// <summary>The report.</summary>
    /// <param name="plan">The merge; <see langword="null"/> where its models are not at hand, so that only the manifest tells.</param>
    /// <param name="whyNot">Why there is no plan.</param>
    /// <param name="hasher">Digests the output.</param>
    public MergeReport Gather(MergePlan? plan, string? whyNot, FileHasher hasher)
    {
        var importance = manifest.Importance is { } known ? new ImportanceReport(known.Models ?? []) { Check = known.Check } : null;
        var report = new MergeReport(
            manifest.Name,
            manifest.Tool,
            MethodOf(manifest.Recipe),
            manifest.Recipe,
            [.. manifest.Inputs.Select(input => Source(input, plan))])
        {
            Importance = importance,
            Evaluations = manifest.Evaluations ?? [],
        };
        if (plan is null)
            _missing.Add($"sizes of changes: {whyNot}");
        else
            report = WithScores(WithChanges(Told(report, plan), plan, hasher), plan);
        if (report.Evaluations.Count == 0)
            _missing.Add("evaluations: there were none; MergeEvaluation items and the target EvaluateMerges make them");
        return report with { Missing = _missing };
    }

    private static MergeReport Told(MergeReport report, MergePlan plan) => report with
    {
        Parameters = [.. ParameterTable.Of(plan)],
        Search = plan.Declaration.Search is { Found: { } found } search
            ? new ReportedSearch(OptionKind.NameOf(search.Objective), found) : null,
    };

    private static string MethodOf(string recipe) =>
        recipe.Split('\n').FirstOrDefault(line => line.StartsWith("merge_method:", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "";

    private static ReportedSource Source(ManifestInput input, MergePlan? plan)
    {
        var folder = plan?.Models.FirstOrDefault(model => model.Declaration.Label == input.Model)?.Input.Folder;
        var made = folder is null ? null : InspectedMerge.In(folder);
        var details = (input.Licences ?? []).Append(input.Source is { } source ? $"{source.Reference} at {source.Resolved}" : "")
            .Where(detail => detail.Length > 0);
        return new ReportedSource(
            input.Model, input.Role == "base", string.Join(", ", details), made is null ? [] : [.. made.Models.Select(model => model.Model)]);
    }

    private MergeReport WithChanges(MergeReport report, MergePlan plan, FileHasher hasher)
    {
        if (plan.AdapterConfig is not null || !plan.Declaration.IsWhole)
        {
            _missing.Add("sizes of changes: the output is " + (plan.AdapterConfig is not null
                ? "an adapter" : "stacked from parts of models") + ", whose tensors have no counterparts in a base");
            return report;
        }

        var baseModel = ReferenceOf(plan);
        var models = plan.Models.Where(model => !model.Declaration.IsSameModel(baseModel.Declaration)).ToList();
        using var merged = new CheckpointInput(Checkpoint.Open(plan.Declaration.OutputFolder), hasher);
        var indices = models.ConvertAll(model => new TensorIndex(model.Input));
        var tensors = new List<ComparedContents>();
        foreach (var spec in merged.Names.Select(name => merged.Find(name)!).Where(spec => spec.DType.IsFloatingPoint()))
        {
            var own = indices.ConvertAll(index => index.Same(spec.Name));
            if (HasSame(baseModel.Input, spec.Name, spec) && own.Index().All(one => HasSame(models[one.Index].Input, one.Item, spec)))
                tensors.Add(new ComparedContents(
                    spec.Name,
                    spec.Shape.ElementCount(),
                    () => baseModel.Input.Open(spec.Name),
                    [
                        .. models.Select((model, i) => (Func<TensorContent>)(() => model.Input.Open(own[i]!))),
                        () => merged.Open(spec.Name),
                    ]));
        }

        var left = merged.Names.Count() - tensors.Count;
        if (left > 0)
            _missing.Add($"sizes of changes of {left} tensor(s) that not all models have in the same shape, as numbers");
        var key = new ScoreKey(
            "weight changes",
            [
                new("base", WeightsOf(baseModel.Input)),
                .. models.Select((model, i) => new KeyValuePair<string, string>($"model {i}", WeightsOf(model.Input))),
                new("merge", WeightsOf(merged)),
            ]);
        var place = TensorPlace.In(merged);
        return report with
        {
            Reference = baseModel.Declaration.Label,
            Compared = [.. models.Select(model => model.Declaration.Label), plan.Name],
            Changes = [
                .. new WeightChangesRequest(key, baseModel.Declaration, tensors).Result(context)
                    .Select(change => (place(change.Tensor), change))
            ],
        };
    }

    private static OpenModel ReferenceOf(MergePlan plan)
    {
        if (plan.Importance is { } importance)
            return new OpenModel(importance.BaseDeclaration, importance.Base);
        return plan.Declaration.Base is { } baseModel
            ? plan.Models.First(model => model.Declaration.IsSameModel(baseModel))
            : plan.Models[0];
    }

    private static bool HasSame(ModelInput model, string? name, TensorSpec spec) =>
        name is not null && model.Find(name) is { } own && own.Shape.SequenceEqual(spec.Shape) && own.DType.IsFloatingPoint();

    private string WeightsOf(ModelInput input) =>
        ContentDigest.Of(string.Concat(input.Names.Select(name => $"{input.Identity(name, context.Cancellation)} {name}\n"))).ToString();

    private MergeReport WithScores(MergeReport report, MergePlan plan)
    {
        if (plan.Importance is not { } importance)
            return report;
        if (importance.Apl is { } apl)
            report = report with
            {
                PartImportance = [.. apl.Models.Select(model => Parts(apl, model, plan)).OfType<ReportedImportance>()],
            };
        return importance.Aim is { Activations: not null } aim ? report with { Relaxed = Relaxed(aim, plan) } : report;
    }

    private ReportedImportance? Parts(AplPlan apl, AplModel model, MergePlan plan)
    {
        var (scores, declared, label) = (model.Scores, apl.Declaration, model.Declaration.Label);
        if (!AreCached(scores.Deciding(declared), $"importance of the changes of '{label}'"))
            return null;
        var importance = scores.Read(declared, context);
        var layers = importance.OfLayers();
        var place = TensorPlace.In(plan.Importance!.Base);
        var groups = scores.Partition.Tensors.Select((tensor, index) => (Place: HeatTable.Grouped(place(tensor.Name)), Index: index))
            .GroupBy(pair => pair.Place, pair => pair.Index).ToList();
        if (declared.IsExact)
        {
            _missing.Add($"intervals of the importance of the changes of '{label}': interventions are measured on all samples at once");
            var tensors = scores.Exact.ContainsKey(PartitionLevel.Tensor) ? importance.OfTensors() : null;
            return new(
                label,
                [.. scores.Partition.Layers.Select((layer, i) => (layer.Name, layers[i], (double?)null))],
                tensors is null ? [] : [.. groups.Select(group => (group.Key, group.Sum(index => tensors[index]), (double?)null))]);
        }

        var kept = ScoreFile.Read(context.PathOf(scores.Products!));
        var within = ProductSpread.Within(kept);
        if (within is null)
            _missing.Add($"intervals of the importance of the changes of '{label}': its samples are fewer than "
                + $"{ProductSpread.FewestGroups} passes through the model, or were scored by an earlier version");
        return new(
            label,
            [.. scores.Partition.Layers.Select((layer, i) => (layer.Name, layers[i], within?.Invoke(layer.Tensors)))],
            [
                .. groups.Select(group => (
                    group.Key,
                    Math.Abs(group.Sum(index => kept[scores.Partition.Tensors[index].Name].Sum())),
                    within?.Invoke([.. group]))),
            ]);
    }

    private List<(TensorPlace, double)> Relaxed(AimPlan aim, MergePlan plan)
    {
        var request = aim.Activations!;
        if (!AreCached([request], "AIM's relaxation"))
            return [];
        var importance = ModuleImportance.Read(
            context.PathOf(request), request, aim.Declaration.Normalization, MergeProgress.None);
        var place = TensorPlace.In(plan.Importance!.Base);
        return
        [
            .. plan.Tensors.Where(tensor => tensor.Importance is { IsRelaxed: true }).Select(tensor =>
                (place(tensor.Output.Name), aim.Modules[tensor.Output.Name].SelectMany(module => importance[module])
                    .Average(a => 1 - (Relaxation.Scaled(a, aim.Declaration) * (1 - aim.Declaration.Omega))))),
        ];
    }

    private bool AreCached(IEnumerable<ScoreRequest> requests, string what)
    {
        var areThere = requests.All(request =>
            context.Store.Find(request.Key.Digest, path => ScoreFile.IsOf(path, request), context.Cancellation) is not null);
        if (!areThere)
            _missing.Add($"{what}: the cache does not hold the scores any more, and the report runs no model");
        return areThere;
    }
}
