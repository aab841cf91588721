using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Options;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Threads;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// Of each linear layer of a model, the mean over all tokens of its task's samples of xᵀx, x the layer's input: [in, in] under its weight's
/// name.
/// </summary>
internal sealed record InputProductsRequest : ScoreRequest
{
    private readonly TaskRun _run;
    private readonly IReadOnlyDictionary<string, ModuleDescription> _modules;

    internal InputProductsRequest(
        ScoreKey key, ModelDeclaration declaration, TaskRun run, IReadOnlyDictionary<string, ModuleDescription> modules)
        : base(key, declaration, run.Data) => (_run, _modules) = (run, modules);

    /// <inheritdoc/>
    public override string Phase => "input products";

    internal override ScoreWork Work() => ScoreWork.Forward(1, _run.Tokens(_run.Share));

    internal override void Compute(ScoringContext context, string path)
    {
        using var loaded = _run.Model.Load(context.Engine);
        var metric = _run.Metric(loaded.Model);
        var layout = ShardLayout.OneFile(
            Path.GetFileName(path),
            _modules.Values.Select(module => new TensorSpec(module.Weight, DType.F32, [module.InputChannels, module.InputChannels])),
            Key.Metadata);
        context.Progress.Scoring(
            Model.Label,
            Phase,
            metric.Tokens,
            $"one forward pass over {metric.Tokens} tokens; the products take {ByteSize.Format(layout.Length)} in the cache");
        using var sums = new MappedSums(path, layout);
        var observer = new Multiplying(sums, _modules.Values, context.Team.Count);
        foreach (var (batch, _) in metric.Batches)
        {
            loaded.Model.Observe(batch, observer, context.Cancellation);
            context.Progress.Scored(batch.Rows);
        }

        observer.Finish();
    }

    private sealed class Multiplying(MappedSums sums, IEnumerable<ModuleDescription> modules, int threads) : IActivationObserver
    {
        private readonly Dictionary<string, ModuleDescription> _modules = modules.ToDictionary(
            module => module.Name, StringComparer.Ordinal);

        // Modules that read the same rows have the same products, which are summed under the first one's name.
        private readonly Dictionary<string, (List<ModuleDescription> Sharing, long Rows)> _seen = new(StringComparer.Ordinal);

        public void Observe(in ModuleInput input)
        {
            var own = input.Modules.Where(_modules.ContainsKey).Select(name => _modules[name]).ToList();
            if (own.Count == 0)
                return;
            var seen = _seen.TryGetValue(own[0].Weight, out var earlier) ? earlier : (Sharing: own, Rows: 0);
            _seen[own[0].Weight] = (seen.Sharing, seen.Rows + input.Rows);
            var (rows, channels, values, weight) = (input.Rows, input.Channels, input.Values.ToArray(), own[0].Weight);
            Workers.For(threads, channels, channel =>
            {
                var sum = sums.Rows(weight, channel, channels);
                for (var row = 0; row < rows; row++)
                    BlockMath.AddProduct(sum, values.AsSpan(row * channels, channels), values[(row * channels) + channel]);
            });
        }

        public void Finish()
        {
            foreach (var (weight, (sharing, rows)) in _seen)
            {
                var channels = sharing[0].InputChannels;
                for (var channel = 0; channel < channels; channel++)
                {
                    var sum = sums.Rows(weight, channel, channels);
                    System.Numerics.Tensors.TensorPrimitives.Divide(sum, rows, sum);
                    foreach (var other in sharing.Skip(1))
                        sum.CopyTo(sums.Rows(other.Weight, channel, channels));
                }
            }
        }
    }
}
