using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Merging.Locating;

/// <summary>What is measured of one fine-tuned model to decide which of its changes are kept.</summary>
/// <param name="Partition">How its changes divide.</param>
internal sealed record AplScores(DeltaPartition Partition)
{
    /// <summary>Changed elements of each unit.</summary>
    public required ChangeCountRequest Counts { get; init; }

    /// <summary>The gradient that is kept for rules that need it element by element.</summary>
    public GradientRequest? Gradient { get; init; }

    /// <summary>The mean squared gradient of single samples, for the rule <see cref="DropRule.Importance"/>.</summary>
    public FisherRequest? Squares { get; init; }

    /// <summary>Inner products of deltas and gradient, for the approximation.</summary>
    public ProductRequest? Products { get; init; }

    /// <summary>Exact interventions, by level: those that decide, or those that verify.</summary>
    public IReadOnlyDictionary<PartitionLevel, InterventionRequest> Exact { get; init; } =
        new Dictionary<PartitionLevel, InterventionRequest>();

    /// <summary>The scores that decide; the others only verify.</summary>
    public IEnumerable<ScoreRequest> Deciding(AplDeclaration apl) =>
        new ScoreRequest?[] { Counts, Gradient, Squares }.OfType<ScoreRequest>()
            .Concat(apl.IsExact ? Exact.OrderBy(pair => pair.Key).Select(pair => pair.Value) : [Products!]);

    /// <summary>All scores.</summary>
    public IEnumerable<ScoreRequest> Requests =>
        new ScoreRequest?[] { Counts, Gradient, Squares, Products }
            .OfType<ScoreRequest>()
            .Concat(Exact.OrderBy(pair => pair.Key).Select(pair => pair.Value));

    /// <summary>Reads them, computing those that the store lacks.</summary>
    internal PartImportance Read(AplDeclaration apl, ScoringContext context) => new(
        Partition,
        ScoreFile.Read(context.PathOf(Counts)),
        Products is null ? null : ScoreFile.Read(context.PathOf(Products)),
        apl.IsExact
            ? Exact.ToDictionary(pair => pair.Key, pair => ScoreFile.Read(context.PathOf(pair.Value)))
            : new Dictionary<PartitionLevel, Dictionary<string, double[]>>());

    /// <summary>Opens what rules by rank read element by element.</summary>
    internal KeptSlopes OpenSlopes(ScoringContext context) => new(Open(Gradient, context), Open(Squares, context));

    private static KeptGradient? Open(ScoreRequest? request, ScoringContext context) =>
        request is null ? null : new KeptGradient(SafetensorsFile.Open(context.PathOf(request)));
}
