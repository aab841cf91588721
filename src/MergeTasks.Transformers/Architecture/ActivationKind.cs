namespace MergeTasks.Transformers.Architecture;

/// <summary>The nonlinear functions between matrices.</summary>
internal enum ActivationKind
{
    /// <summary>x.</summary>
    Identity,

    /// <summary>x · σ(x).</summary>
    Silu,

    /// <summary>x · Φ(x), Φ the normal distribution (arXiv 1606.08415).</summary>
    Gelu,

    /// <summary>x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))).</summary>
    GeluTanh,

    /// <summary>x · σ(1.702 x).</summary>
    GeluSigmoid,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>max(x, 0)².</summary>
    ReluSquared,

    /// <summary>min(max(x, 0), 6).</summary>
    Relu6,

    /// <summary>x where x is above 0, else 0.01 x.</summary>
    LeakyRelu,

    /// <summary>min(max(x · Φ(x), −10), 10).</summary>
    GeluClamped,

    /// <summary>tanh(x).</summary>
    Tanh,

    /// <summary>σ(x) = 1 / (1 + e^−x).</summary>
    Sigmoid,

    /// <summary>x · tanh(ln(1 + eˣ)).</summary>
    Mish,
}
