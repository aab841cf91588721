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
/// name, or [experts, in, in] where that is a stack, of the rows that each expert saw.
/// </summary>
internal sealed record InputProductsRequest : ScoreRequest
{
    private readonly TaskRun _run;
    private readonly IReadOnlyList<ModuleDescription> _modules;

    internal InputProductsRequest(
        ScoreKey key, ModelDeclaration declaration, TaskRun run, IReadOnlyList<ModuleDescription> modules)
        : base(key, declaration, run.Data) => (_run, _modules) = (run, modules);

    /// <inheritdoc/>
    public override string Phase => "input products";

    internal override ScoreWork Work() => ScoreWork.Forward(1, _run.Tokens(_run.Share));

    internal override IEnumerable<ScoreList> Lists => _modules.GroupBy(module => module.Weight, StringComparer.Ordinal)
        .Select(own => new ScoreList(own.Key, ShapeOf([.. own]).ElementCount()) { Type = DType.F32 });

    internal override void Compute(ScoringContext context, string path)
    {
        using var loaded = _run.Model.Load(context.Engine);
        var metric = _run.Metric(loaded.Model);
        var layout = ShardLayout.OneFile(
            Path.GetFileName(path),
            _modules.GroupBy(module => module.Weight, StringComparer.Ordinal)
                .Select(own => new TensorSpec(own.Key, DType.F32, ShapeOf([.. own]))),
            Key.Metadata);
        context.Progress.Scoring(
            Model.Label,
            Phase,
            metric.Tokens,
            $"one forward pass over {metric.Tokens} tokens; the products take {ByteSize.Format(layout.Length)} in the cache");
        using var sums = new MappedSums(path, layout);
        var observer = new Multiplying(sums, _modules, context.Team.Count);
        foreach (var (batch, _) in metric.Batches)
        {
            loaded.Model.Observe(batch, observer, context.Cancellation);
            context.Progress.Scored(batch.Rows);
        }

        observer.Finish();
    }

    private static long[] ShapeOf(IReadOnlyList<ModuleDescription> own)
    {
        long channels = own[0].InputChannels;
        return own[0].Place is null ? [channels, channels] : [own.Count, channels, channels];
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
            var seen = _seen.TryGetValue(own[0].Name, out var earlier) ? earlier : (Sharing: own, Rows: 0);
            _seen[own[0].Name] = (seen.Sharing, seen.Rows + input.Rows);
            var (rows, channels, values, module) = (input.Rows, input.Channels, input.Values.ToArray(), own[0]);
            Workers.For(threads, channels, channel =>
            {
                var sum = RowOf(module, channel);
                for (var row = 0; row < rows; row++)
                    BlockMath.AddProduct(sum, values.AsSpan(row * channels, channels), values[(row * channels) + channel]);
            });
        }

        public void Finish()
        {
            foreach (var (sharing, rows) in _seen.Values)
            {
                var channels = sharing[0].InputChannels;
                for (var channel = 0; channel < channels; channel++)
                {
                    var sum = RowOf(sharing[0], channel);
                    System.Numerics.Tensors.TensorPrimitives.Divide(sum, rows, sum);
                    foreach (var other in sharing.Skip(1))
                        sum.CopyTo(RowOf(other, channel));
                }
            }
        }

        private Span<float> RowOf(ModuleDescription module, int channel) => module.Place is { } place
            ? sums.Rows(module.Weight, place, checked(module.InputChannels * module.InputChannels))
                .Slice(channel * module.InputChannels, module.InputChannels)
            : sums.Rows(module.Weight, channel, module.InputChannels);
    }
}
