using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>The nonlinear functions, written with what every version of the library has.</summary>
internal static class DeviceFunctions
{
    /// <summary>f(x).</summary>
    public static Tensor Apply(ActivationKind kind, Tensor x) => kind switch
    {
        ActivationKind.Identity => x,
        ActivationKind.Silu => x * x.sigmoid(),
        ActivationKind.Gelu => Gelu(x),
        ActivationKind.GeluTanh => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)).tanh()),
        ActivationKind.GeluSigmoid => x * (1.702 * x).sigmoid(),
        ActivationKind.Relu => x.relu(),
        ActivationKind.ReluSquared => x.relu() * x.relu(),
        ActivationKind.Relu6 => x.clamp(0, 6),
        ActivationKind.LeakyRelu => x.relu() - 0.01 * (-x).relu(),
        // GELU is never below -0.17, so that only the upper bound acts.
        ActivationKind.GeluClamped => Gelu(x).clamp(max: 10),
        ActivationKind.Tanh => x.tanh(),
        ActivationKind.Sigmoid => x.sigmoid(),
        ActivationKind.Mish => x * Softplus(x).tanh(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>cap · tanh(score / cap), or the scores where there is no cap.</summary>
    public static Tensor Capped(Tensor scores, double? cap) => cap is { } limit ? (scores / limit).tanh() * limit : scores;

    private static Tensor Gelu(Tensor x) => 0.5 * x * (1 + (x * Math.Sqrt(0.5)).erf());

    /// <summary>ln(1 + eˣ) without overflow: max(x, 0) + ln(1 + e^−|x|).</summary>
    public static Tensor Softplus(Tensor x) => x.relu() + (1 + (-x.abs()).exp()).log();
}
