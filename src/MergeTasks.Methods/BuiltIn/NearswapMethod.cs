using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// NearSwap (described in mergekit's documentation): takes from the other model x what lies near the base b:
/// w = min(t/max(|b − x|, 1e-6), 1) per element; out = w·x + (1 − w)·b. No element moves by more than t.
/// </summary>
internal sealed class NearswapMethod : MergeMethod
{
    private const float SmallestDistance = 1e-6f;

    /// <inheritdoc/>
    public override string Name => "nearswap";

    /// <inheritdoc/>
    public override string Summary => "Moves each element of the base towards the other model's, at most by t.";

    /// <inheritdoc/>
    public override string Source => "https://github.com/arcee-ai/mergekit (documented behaviour)";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("t", null, "Most that an element moves.") { Minimum = 0 },
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override int MaxModels => 1;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new Merging(context);

    private sealed class Merging(TensorContext context) : TensorMerge
    {
        private readonly int _base = context.BaseIndex;
        private readonly int[] _models = context.ModelIndices();
        private readonly float _t = (float)context["t"];

        public override int? CopyOf => _models.Length == 0 ? _base : null;

        public override void Merge(MergeBlock block)
        {
            block.LoadOutput(_base);
            if (_models.Length == 0)
                return;
            var output = block.Output;
            var baseValues = block.Load(_base, 0);
            var other = block.Load(_models[0], 1);
            if (context.CompatibleDType is not null)
            {
                MergeStepwise(baseValues, other, output);
                return;
            }

            for (var i = 0; i < output.Length; i++)
            {
                var share = MathF.Min(_t / MathF.Max(MathF.Abs(baseValues[i] - other[i]), SmallestDistance), 1);
                output[i] = (share * other[i]) + ((1 - share) * baseValues[i]);
            }
        }

        private void MergeStepwise(ReadOnlySpan<float> baseValues, ReadOnlySpan<float> other, Span<float> output)
        {
            for (var i = 0; i < output.Length; i++)
            {
                var distance = Math.Max(context.Round(Math.Abs(context.Round(baseValues[i] - other[i]))), context.Round(SmallestDistance));
                var share = distance == 0 ? 1 : Math.Min(context.Round(_t * context.Round(1 / distance)), 1);

                // An 8-bit type has no numbers beyond some hundreds, and 1e-6 is zero in it: the share is then beyond 1 too.
                if (!float.IsFinite(share))
                    share = _t == 0 ? 0 : 1;
                output[i] = context.Round(context.Round(share * other[i]) + context.Round(context.Round(1 - share) * baseValues[i]));
            }
        }
    }
}
