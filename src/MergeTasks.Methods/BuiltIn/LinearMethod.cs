using System.Numerics.Tensors;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Weighted average of parameters ("model soups", Wortsman et al. 2022, arXiv 2203.05482):
/// out = Σ wᵢxᵢ, divided by Σ wᵢ when <c>normalize</c> is on.
/// </summary>
public sealed class LinearMethod : MergeMethod
{
    /// <summary>The method's name.</summary>
    public const string MethodName = "linear";

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Summary => "Weighted average of the models' parameters.";

    /// <inheritdoc/>
    public override string Source => "https://arxiv.org/abs/2203.05482";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("weight", null, "The model's share.") { PerModel = true },
        new("normalize", 1, "Divide by the sum of the weights.") { IsFlag = true },
    ];

    /// <inheritdoc/>
    public override string? Conflict(TensorContext context) => WeightSum.Conflict(context, "normalize");

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new Merging(context);

    private sealed class Merging : TensorMerge
    {
        private readonly TensorContext _context;
        private readonly double[] _exactWeights;
        private readonly float[] _weights;
        private readonly float _divisor = 1;

        public Merging(TensorContext context)
        {
            _context = context;
            var sum = context.Flag("normalize") ? context.Inputs.Sum(input => (double)context.Round(input["weight"])) : 1;
            _exactWeights = [.. context.Inputs.Select(input => input["weight"] / sum)];
            if (context.CompatibleDType is not null)
            {
                _weights = [.. context.Inputs.Select(input => context.Round(input["weight"]))];
                _divisor = context.Round(sum);
            }
            else
            {
                _weights = Array.ConvertAll(_exactWeights, weight => (float)weight);
            }
        }

        public override bool TryMergeWide(MergeBlock block)
        {
            if (_context.CompatibleDType is not null)
                return false;
            Span<double> sums = stackalloc double[BlockLength];
            sums.Clear();
            for (var model = 0; model < _exactWeights.Length; model++)
            {
                var input = block.Load(model, 0);
                for (var i = 0; i < input.Length; i++)
                    sums[i] += input[i] * _exactWeights[model];
            }

            for (var i = 0; i < block.Count; i++)
                block.Output[i] = (float)sums[i];
            return true;
        }

        public override void Merge(MergeBlock block)
        {
            var output = block.Output;
            output.Clear();
            for (var i = 0; i < _weights.Length; i++)
            {
                var input = block.Load(i, 0);
                if (_context.CompatibleDType is null)
                {
                    BlockMath.AddProduct(output, input, _weights[i]);
                    continue;
                }

                BlockMath.Multiply(input, _weights[i]);
                _context.Round(input);
                BlockMath.Add(output, input);
            }

            _context.Round(output);
            if (_divisor != 1)
            {
                TensorPrimitives.Divide(output, _divisor, output);
                _context.Round(output);
            }
        }
    }
}
