using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Merging.Locating;
using MergeTasks.Merging.Measuring;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>Plans APL: what is measured of each fine-tuned model to decide which of its changes are kept.</summary>
/// <param name="merge">The merge.</param>
/// <param name="apl">The settings.</param>
/// <param name="tasks">Plans measuring on tasks.</param>
internal sealed class AplPlanner(ScoredMerge merge, AplDeclaration apl, TaskPlanner tasks)
{
    private readonly Measurable _measurable = merge.Measurable;

    /// <summary>Makes sure that method and models are such that APL means something.</summary>
    /// <exception cref="DiagnosticException">They are not.</exception>
    public void RequireFits()
    {
        if (apl.SetsWeights && !merge.Method.Parameters.Any(parameter => parameter is { PerModel: true, Name: SharedParameters.Weight }))
        {
            throw _measurable.Fault(
                DiagnosticCode.UnsuitableScoring,
                $"the level 'model' sets the models' weights, and the method '{merge.Method.Name}' has none.",
                apl.Location);
        }

        merge.RequireTaskData("APL", merge.Tuned.Select(tuned => tuned.Model));
    }

    /// <summary>Plans one model.</summary>
    /// <param name="side">Its task.</param>
    /// <param name="measure">What base and model reach on it, where that is measured for other reasons.</param>
    public AplModel Plan(TaskSide side, TaskMeasure? measure)
    {
        var (declaration, input) = side.Model;
        var partition = DeltaPartition.Of(
            side.Description,
            merge.Merges(side.Shared).Order(StringComparer.Ordinal).Select(name => (name, input.Find(name)!.Shape)));
        var baseModel = merge.Base.Input;
        var cast = merge.Declaration.IsMergekitCompatible && partition.Tensors.Count > 0
            ? merge.Declaration.DType ?? baseModel.Find(partition.Tensors[0].Name)!.DType : (DType?)null;
        var located = new LocatedModel(Scores(side, partition), input, baseModel, cast, merge.Declaration.Seed, side.Index);
        return new AplModel(side.Index, declaration, located) { Kept = Kept(side, located, measure) };
    }

    private AplScores Scores(TaskSide side, DeltaPartition partition)
    {
        var (declaration, input) = side.Model;
        var tensors = string.Concat(partition.Tensors.Select(tensor =>
            $"{(tensor is { UnitsAreElements: true, Shape.Count: > 1 } ? "elements" : tensor.UnitsAreColumns)} {tensor.Name}\n"));
        KeyValuePair<string, string>[] change =
        [
            new("base", _measurable.WeightsOf(merge.Base.Input)),
            new("fine-tuned", _measurable.WeightsOf(input)),
            new("tensors", ContentDigest.Of(tensors).ToString()),
        ];
        var point = apl.Mode == InterventionMode.Restore ? side.Base : side.Tuned;
        var slopes = apl.DropLevel is null ? null : apl.Drop switch
        {
            DropRule.RestoreImportance => point,
            DropRule.Importance => side.Tuned,
            _ => null,
        };
        var gradient = slopes is null
            ? null
            : new GradientRequest(_measurable.Key("task gradient", slopes.Model, side.Ingredients), declaration, slopes);
        var reused = slopes == point ? gradient : null;
        return new AplScores(partition)
        {
            Counts = new ChangeCountRequest(new ScoreKey("changed elements", change), declaration, input, merge.Base.Input, partition),
            Gradient = gradient,
            Squares = apl.DropLevel is not null && apl.Drop == DropRule.Importance ? Squares(side) : null,
            Products = !apl.IsExact || apl.Verifies ? Products(side, partition, change, point, reused) : null,
            Exact = Levels().Distinct().ToDictionary(level => level, level => Exact(side, partition, change, level)),
        };
    }

    private FisherRequest Squares(TaskSide side) =>
        new(
            _measurable.Key("mean squared gradients", side.Tuned.Model, side.Ingredients),
            side.Model.Declaration,
            side.Tuned,
            ofMeans: true);

    private ProductRequest Products(
        TaskSide side, DeltaPartition partition, IReadOnlyList<KeyValuePair<string, string>> change, TaskRun point, GradientRequest? reused)
    {
        var key = _measurable.Key(
            "importance by gradient",
            point.Model,
            [
                .. side.Ingredients,
                .. change,
                new("mode", OptionKind.NameOf(apl.Mode)),
                new("gradient", reused is null ? "as it is computed" : "kept"),
            ]);
        return new ProductRequest(key, side.Model.Declaration, point, side.Model.Input, merge.Base.Input, partition, reused);
    }

    private InterventionRequest Exact(
        TaskSide side, DeltaPartition partition, IReadOnlyList<KeyValuePair<string, string>> change, PartitionLevel level)
    {
        var key = _measurable.Key(
            "exact importance",
            side.Tuned.Model,
            [
                .. side.Ingredients,
                .. change,
                new("base config", ContentDigest.Of(side.Base.Model.Model.Config.Text).ToString()),
                new("mode", OptionKind.NameOf(apl.Mode)),
                new("level", OptionKind.NameOf(level)),
            ]);
        return new InterventionRequest(key, side.Model.Declaration, level, apl.Mode, side.Base, side.Tuned, partition);
    }

    // Levels of exact interventions: those that decide, and those that verify.
    private IEnumerable<PartitionLevel> Levels()
    {
        var isByLayer = (apl.Budget == BudgetRule.PerParameter && apl.DropLevel is not null) || apl.DropLevel == PartitionLevel.Hidden;
        return (apl.IsExact ? apl.Levels.Append(isByLayer ? PartitionLevel.Layer : apl.Levels[0]) : [])
            .Concat(apl.Verifies ? [PartitionLevel.Layer, PartitionLevel.Tensor] : []);
    }

    // The first version's choices are made by settings alone.
    private KeptChangeRequest? Kept(TaskSide side, LocatedModel located, TaskMeasure? measure)
    {
        if (apl.DropLevel is not { } level || (apl.Budget == BudgetRule.Total && !apl.Searches))
            return null;
        var compared = apl.Density is null || (apl.Rescale == RescaleRule.Task && apl.Density < 1) ? measure ?? tasks.Measure(side) : null;
        var scores = string.Join(' ', located.Scores.Deciding(apl).Select(request => request.Key.Digest));
        var rules =
            $"{OptionKind.NameOf(level)} {OptionKind.NameOf(apl.Budget)} {OptionKind.NameOf(apl.Drop)} {OptionKind.NameOf(apl.Rescale)}";
        var key = new ScoreKey("kept changes",
        [
            new("scores", ContentDigest.Of(scores).ToString()),
            new("compared with", compared is null ? "nothing" : $"{compared.BaseScore.Key.Digest} {compared.TunedScore.Key.Digest}"),
            new("density", apl.Density is { } density ? density.ToString("R", CultureInfo.InvariantCulture) : "auto"),
            new("settings", FormattableString.Invariant($"{rules} tau1={apl.Tau1:R} tau2={apl.Tau2:R} {located.Text(apl)}")),
        ]);
        return new KeptChangeRequest(key, side.Model.Declaration, located, apl, side.Base, compared?.BaseScore, compared?.TunedScore);
    }
}
