using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Transformers.Blocks;

/// <summary>h = (clamp(u, ±limit) + 1) · g · σ(alpha · g), g the gate but at most the limit; see <see cref="ClampedGateSpec"/>.</summary>
internal sealed class ClampedGate(ClampedGateSpec spec) : ActivationFunction
{
    private readonly float _alpha = (float)spec.Alpha;
    private readonly float _limit = (float)spec.Limit;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<float> x, Span<float> h) => throw new NotSupportedException("This function has a gate.");

    /// <inheritdoc/>
    public override void ApplyBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> dh, Span<float> dx) =>
        throw new NotSupportedException("This function has a gate.");

    /// <inheritdoc/>
    public override void Gate(ReadOnlySpan<float> x, ReadOnlySpan<float> u, Span<float> h)
    {
        for (var i = 0; i < h.Length; i++)
        {
            var gate = MathF.Min(x[i], _limit);
            h[i] = (Math.Clamp(u[i], -_limit, _limit) + 1) * gate * Sigmoid(gate);
        }
    }

    /// <inheritdoc/>
    public override void GateBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> u, ReadOnlySpan<float> dh, Span<float> dx, Span<float> du)
    {
        for (var i = 0; i < dh.Length; i++)
        {
            var (gradient, up) = (dh[i], Math.Clamp(u[i], -_limit, _limit) + 1);
            var gate = MathF.Min(x[i], _limit);
            var sigmoid = Sigmoid(gate);
            var isFree = MathF.Abs(u[i]) <= _limit;
            dx[i] = x[i] <= _limit ? gradient * up * sigmoid * (1 + _alpha * gate * (1 - sigmoid)) : 0;
            du[i] = isFree ? gradient * gate * sigmoid : 0;
        }
    }

    private float Sigmoid(float gate) => 1 / (1 + MathF.Exp(-_alpha * gate));
}
