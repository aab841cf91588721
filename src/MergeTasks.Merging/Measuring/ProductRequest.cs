using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// The signed inner products ⟨Δ, ∇M(θ*)⟩ of all units, from which the gradient approximation of the interventions at every level follows:
/// one forward and backward pass over the samples, or none where the gradient is kept.
/// </summary>
internal sealed record ProductRequest : ScoreRequest
{
    private readonly TaskRun _run;
    private readonly ModelInput _tuned;
    private readonly ModelInput _base;
    private readonly DeltaPartition _partition;
    private readonly GradientRequest? _kept;

    internal ProductRequest(
        ScoreKey key,
        ModelDeclaration declaration,
        TaskRun run,
        ModelInput tuned,
        ModelInput baseModel,
        DeltaPartition partition,
        GradientRequest? kept)
        : base(key, declaration, run.Data) =>
        (_run, _tuned, _base, _partition, _kept) = (run, tuned, baseModel, partition, kept);

    /// <inheritdoc/>
    public override string Phase => "importance by gradient";

    internal override IEnumerable<ScoreRequest> Needs => _kept is null ? [] : [_kept];

    internal override ScoreWork Work() => _kept is null ? ScoreWork.Backward(_run.Tokens(_run.Share)) : ScoreWork.None;

    internal override IEnumerable<ScoreList> Lists => _partition.Tensors.Select(tensor => new ScoreList(tensor.Name, tensor.Units));

    internal override void Compute(ScoringContext context, string path)
    {
        var products = new DeltaProducts(_partition, new DeltaReader(_tuned, _base, null));
        if (_kept is not null)
            FromFile(context, products);
        else
            FromRun(context, products);
        ScoreFile.Write(path, Key, products.Products.Concat(products.Passes));
    }

    private void FromRun(ScoringContext context, DeltaProducts products)
    {
        using var loaded = _run.Model.Load(context.Engine);
        var metric = _run.Metric(loaded.Model);
        context.Progress.Scoring(Model.Label, Phase, metric.Tokens, $"one forward and backward pass over {metric.Tokens} tokens");
        metric.Backward(loaded.Model, products, context, products.EndPass);
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
