using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>
/// Spherical linear interpolation (Shoemake 1985) from the base (t = 0) to the other model (t = 1), each tensor as one vector:
/// out = sin((1−t)θ)/sin θ · v₀ + sin(tθ)/sin θ · v₁, θ the angle between the normalised tensors.
/// Where they are nearly (anti)parallel, |cos θ| > 0.9995, plain linear interpolation.
/// </summary>
internal sealed class SlerpMethod : MergeMethod
{
    private const double ParallelCosine = 0.9995;
    private const double SmallestNorm = 1e-8;

    /// <inheritdoc/>
    public override string Name => "slerp";

    /// <inheritdoc/>
    public override string Summary => "Spherical interpolation between the base and one other model.";

    /// <inheritdoc/>
    public override string Source => "https://doi.org/10.1145/325334.325242";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterDeclaration> Parameters { get; } =
    [
        new("t", null, "Position between the base (0) and the other model (1)."),
    ];

    /// <inheritdoc/>
    public override BaseUse Base => BaseUse.Required;

    /// <inheritdoc/>
    public override bool BaseIsParticipant => true;

    /// <inheritdoc/>
    public override int MaxModels => 1;

    /// <inheritdoc/>
    public override TensorMerge Begin(TensorContext context) => new Merging(context);

    // The reference computes in fp32 whatever the input type, with a rounding for each product.
    private sealed class Merging(TensorContext context) : TensorMerge
    {
        private readonly int _base = context.BaseIndex;
        private readonly int _other = context.Inputs.Count - 1 - context.BaseIndex;
        private double _baseFactor;
        private double _otherFactor;

        public override int BeginPass(int pass) => pass == 0 ? 3 : -1;

        public override void Analyze(int pass, MergeBlock block, Span<double> partials)
        {
            var v0 = block.Load(_base, 0);
            var v1 = block.Load(_other, 1);
            (partials[0], partials[1], partials[2]) = BlockSums.SquaresAndProduct(v0, v1);
        }

        public override void EndPass(int pass, double[] partials)
        {
            var t = context["t"];
            var cosine = Sum(partials, 3, 2) / (Norm(Sum(partials, 3, 0)) * Norm(Sum(partials, 3, 1)));
            if (Math.Abs(cosine) > ParallelCosine)
            {
                (_baseFactor, _otherFactor) = (1 - t, t);
                return;
            }

            if (context.CompatibleDType is not null)
            {
                // The reference's scalars are fp32.
                var (angle, sine) = (MathF.Acos((float)cosine), MathF.Sin(MathF.Acos((float)cosine)));
                var part = angle * (float)t;
                (_baseFactor, _otherFactor) = (MathF.Sin(angle - part) / sine, MathF.Sin(part) / sine);
                return;
            }

            var theta = Math.Acos(cosine);
            _baseFactor = Math.Sin((1 - t) * theta) / Math.Sin(theta);
            _otherFactor = Math.Sin(t * theta) / Math.Sin(theta);
        }

        public override void Merge(MergeBlock block)
        {
            block.LoadOutput(_base);
            BlockMath.Multiply(block.Output, (float)_baseFactor);
            if (context.CompatibleDType is null)
            {
                BlockMath.AddProduct(block.Output, block.Load(_other, 0), (float)_otherFactor);
                return;
            }

            var other = block.Load(_other, 0);
            BlockMath.Multiply(other, (float)_otherFactor);
            BlockMath.Add(block.Output, other);
            context.Round(block.Output);
        }

        internal override bool TryMergeWide(MergeBlock block)
        {
            var baseValues = block.Load(_base, 0);
            var other = block.Load(_other, 1);
            for (var i = 0; i < block.Count; i++)
                block.Output[i] = (float)((_baseFactor * baseValues[i]) + (_otherFactor * other[i]));
            return true;
        }

        private static double Norm(double squares) => Math.Sqrt(squares) is var norm && norm > SmallestNorm ? norm : 1;
    }
}
