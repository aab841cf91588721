using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// The signed inner products ⟨Δ, ∇M(θ*)⟩ of all units, from which the gradient approximation of the interventions at every level follows:
/// one forward and backward pass over the samples, or none where the gradient is kept.
/// </summary>
internal sealed record ProductRequest : DividedRequest
{
    private readonly TaskRun _run;
    private readonly ModelInput _tuned;
    private readonly ModelInput _base;
    private readonly DeltaPartition _partition;
    private readonly GradientRequest? _kept;

    // What is known of the samples before the model is loaded.
    private readonly Lazy<TaskMetric> _unloaded;

    internal ProductRequest(
        ScoreKey key,
        ModelDeclaration declaration,
        TaskRun run,
        ModelInput tuned,
        ModelInput baseModel,
        DeltaPartition partition,
        GradientRequest? kept)
        : base(key, declaration, run.Data) =>
        (_run, _tuned, _base, _partition, _kept, _unloaded) =
            (run, tuned, baseModel, partition, kept, new(() => run.Unloaded(run.Share)));

    /// <inheritdoc/>
    public override string Phase => "importance by gradient";

    internal override IEnumerable<ScoreRequest> Needs => _kept is null ? [] : [_kept];

    internal override IEnumerable<ScoreList> Lists => _partition.Tensors.Select(tensor => new ScoreList(tensor.Name, tensor.Units));

    private protected override int Count() => _kept is null ? _unloaded.Value.Groups.Count : 1;

    private protected override ScoreWork WorkOf(int? piece) => _kept is null
        ? ScoreWork.Backward((piece is { } group ? _unloaded.Value.Group(group) : _unloaded.Value).Tokens)
        : ScoreWork.None;

    private protected override IEnumerable<ScoreList> ListsOf(int piece) => Lists;

    private protected override IEnumerable<IEnumerable<(string Name, double[] Values)>> Run(
        ScoringContext context, IReadOnlyList<int> pieces)
    {
        if (pieces.Count == 0)
            yield break;
        if (_kept is not null)
        {
            var products = new DeltaProducts(_partition, new DeltaReader(_tuned, _base, null));
            FromFile(context, products);
            yield return products.Lists;
            yield break;
        }

        using var loaded = _run.Model.Load(context.Engine);
        var metric = _run.Metric(loaded.Model);
        var tokens = pieces.Sum(piece => metric.Group(piece).Tokens);
        context.Progress.Scoring(Model.Label, Phase, tokens, $"one forward and backward pass over {tokens} tokens");
        foreach (var piece in pieces)
        {
            var products = new DeltaProducts(_partition, new DeltaReader(_tuned, _base, null));
            metric.Group(piece).Backward(loaded.Model, products, context, products.EndPass);
            yield return products.Lists;
        }
    }

    private protected override IEnumerable<(string Name, double[] Values)> PutTogether(
        IEnumerable<IReadOnlyDictionary<string, double[]>> pieces)
    {
        var spread = new ProductSpread(_partition.Tensors.Count);
        var sums = SampleGroups.Sum(pieces.Select(spread.Take));
        return sums.Select(list => (list.Key, list.Value)).Concat(spread.Lists);
    }

    private void FromFile(ScoringContext context, DeltaProducts products)
    {
        const int most = 1 << 18;
        context.Progress.Scoring(Model.Label, Phase, 0, "from the kept gradient");
        using var file = SafetensorsFile.Open(context.PathOf(_kept!));
        var values = new float[most];
        foreach (var tensor in file.Header.Tensors.Where(tensor => _partition.Tensors.Any(own => own.Name == tensor.Name)))
        {
            for (var start = 0L; start < tensor.ElementCount; start += most)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                var part = values.AsSpan(0, (int)Math.Min(most, tensor.ElementCount - start));
                file.Read(tensor.Offset + (start * sizeof(float)), System.Runtime.InteropServices.MemoryMarshal.AsBytes(part));
                products.Add(tensor.Name, start, part);
            }
        }
    }
}
